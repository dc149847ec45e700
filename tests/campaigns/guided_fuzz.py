"""Coverage-guided fuzz with atheris, in its own environment: `make fuzz-guided FUZZ="--runs 100000 'socket messages'"`.

Each target runs in a process of its own, since libFuzzer never returns. It begins with inputs of the mutating campaign
and keeps what reaches new lines in build/corpus/. What it did goes to the ledger of `make campaigns`, as parts of the
campaign fuzz whose names begin with `guided`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
sys.path += [str(HERE.parent / room) for room in ("firmware_bridge", "robotd/ctl")]
SEEDS, LONGEST_BYTES, HANG_S, MOST_MIB = 60, 8192, 10, 2048
SAY_EVERY = 50
TARGETS = (
    "servo packets",
    "SHTP packets",
    "socket messages",
    "policy_spec.json",
    "golden and checksums",
    "network weights",
    "black box",
    "robotd.yaml",
    "calibration.yaml",
    "robot_config.yaml",
    "robot_params.yaml",
    "answers of a person",
    "robot.xml",
    "limp plan",
)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(TARGETS))
@click.option("--runs", type=click.IntRange(1), default=100_000, show_default=True, help="Inputs of each target.")
@click.option("--seconds", type=click.IntRange(1), default=600, show_default=True, help="The most for each target.")
@click.option("--child", is_flag=True, hidden=True)
def main(names: tuple[str, ...], runs: int, seconds: int, child: bool) -> None:
    """Fuzz the targets NAMES, all of them without any; exit code 1 where something was found."""
    if child:
        _fuzz(names[0], runs, seconds)
    from ledger import Ledger

    ledger, bad = Ledger(BUILD / "campaigns.jsonl"), 0
    for name in names or TARGETS:
        words = ["--child", "--runs", str(runs), "--seconds", str(seconds), name]
        _said_in(name).unlink(missing_ok=True)
        done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=False)
        said = json.loads(_said_in(name).read_text()) if _said_in(name).exists() else _nothing(name)
        if done.returncode and not said["problems"]:
            said["problems"] = [f"guided {name}: libFuzzer left with {done.returncode}: {done.stderr[-300:]}"]
        number = sum(line["part"].startswith(f"guided {name}/") for line in ledger.lines())
        ledger.add("fuzz", f"guided {name}/{number}", said)
        bad += len(said["problems"])
        click.echo(
            f"  {name:<22}{said['tried']:>9,} inputs, {said['kept']:>6,} in the corpus, {len(said['problems'])} found"
        )
        for problem in said["problems"]:
            click.echo(f"    FOUND {problem}")
    sys.exit(1 if bad else 0)


def _said_in(name: str) -> Path:
    return BUILD / "corpus" / f"{_label(name)}.json"


def _label(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _nothing(name: str) -> dict[str, Any]:
    return {"tried": 0, "survived": 0, "accepted": 0, "kept": 0, "problems": []}


def _fuzz(name: str, runs: int, seconds: int) -> None:
    """Never returns."""
    import atheris

    with atheris.instrument_imports(include=["contract", "robotd", "firmware_bridge"]):
        import fuzz_campaign
        import fuzz_targets

        own = {"servo packets": _servo_packets, "SHTP packets": _shtp_packets}
        target = own[name]() if name in own else fuzz_targets.TARGETS[name]()
    corpus = BUILD / "corpus" / _label(name)
    corpus.mkdir(parents=True, exist_ok=True)
    dice = random.Random(name)
    for _ in range(SEEDS):
        data = target.make(dice)
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
    said, finds = _nothing(name), {}

    def one(data: bytes) -> None:
        found = fuzz_campaign.feed(target, data)
        said["tried"] += 1
        if isinstance(found, fuzz_campaign.Find):
            finds.setdefault((found.where, found.what.partition(":")[0]), found)
            fuzz_campaign.FINDS.mkdir(parents=True, exist_ok=True)
            (fuzz_campaign.FINDS / f"guided_{_label(name)}_{hashlib.sha1(data).hexdigest()[:8]}").write_bytes(data)
        else:
            said["accepted"] += found
        if said["tried"] % SAY_EVERY == 0 or said["tried"] >= runs:
            said["survived"] = said["tried"] - len(finds)
            said["problems"] = [f"guided {name}: {find.what} in {find.where}" for find in finds.values()]
            said["kept"] = sum(1 for _ in os.scandir(corpus))
            _said_in(name).write_text(json.dumps(said))

    bounds = [f"-max_total_time={seconds}", f"-timeout={HANG_S}", f"-rss_limit_mb={MOST_MIB}"]
    words = [f"-runs={runs}", f"-max_len={LONGEST_BYTES}", *bounds, f"-artifact_prefix={BUILD}/corpus/"]
    atheris.Setup([sys.argv[0], str(corpus), *words], one)
    atheris.Fuzz()


def _servo_packets() -> Any:
    """A stream of a servo bus, cut as it came; the emulated servo hears what is left of it."""
    import hiwonder_fuzz
    from fuzz_target import Target

    from firmware_bridge.emulator.joints import FirstOrderJoints
    from firmware_bridge.emulator.servo import EmulatedServo
    from firmware_bridge.hiwonder import MAX_PACKET_BYTES, PacketStream

    def feed(data: bytes) -> bool:
        stream, servo = PacketStream(), EmulatedServo(1, FirstOrderJoints([1]))
        heard = [servo.hear(packet) for packet in stream.feed(data)]
        if stream.held_bytes > MAX_PACKET_BYTES:
            raise MemoryError(f"{stream.held_bytes} bytes are held")
        return bool(heard)

    return Target(lambda dice: b"".join(hiwonder_fuzz.any_packet(dice) for _ in range(4)), feed, ())


def _shtp_packets() -> Any:
    """Transactions of 64 bytes each with the chip."""
    import shtp_fuzz
    from fuzz_target import Target

    from firmware_bridge import sh2, shtp

    def feed(data: bytes) -> bool:
        assembler, packets = shtp.Assembler(), 0
        for at in range(0, len(data), 64):
            result = assembler.accept(data[at : at + 64])
            if isinstance(result, shtp.Packet):
                packets += 1
                sh2.decode_control(result.cargo)
                sh2.decode_input(result.cargo)
        return packets > 0

    return Target(lambda dice: b"".join(shtp_fuzz.any_transaction(dice) for _ in range(4)), feed, ())


if __name__ == "__main__":
    main()
