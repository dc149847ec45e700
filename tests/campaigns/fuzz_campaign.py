"""Mutated inputs for every reader of what comes from outside: none may raise but its own errors, hang, or grow.

A part is `robotd.yaml/7`: so many inputs of the seed 7. `python tests/campaigns/fuzz_campaign.py robotd.yaml/7` runs
one and prints what it found; inputs that were found lie in build/finds/, where `... fuzz_campaign.py robotd.yaml FILE`
feeds one again, with its traceback.
"""

from __future__ import annotations

import contextlib
import json
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "firmware_bridge"), str(ROOT / "tests" / "robotd" / "ctl")]

import hiwonder_fuzz  # noqa: E402
import shtp_fuzz  # noqa: E402
from fuzz_target import Target, check_sentence, close  # noqa: E402
from fuzz_targets import TARGETS  # noqa: E402

FINDS = ROOT / "build" / "finds"
STREAMS: dict[str, Callable[[int, int], Any]] = {"servo frames": hiwonder_fuzz.fuzz, "SHTP": shtp_fuzz.fuzz}
INPUTS = {
    "servo frames": 50_000,
    "SHTP": 50_000,
    "socket messages": 50_000,
    "policy_spec.json": 5_000,
    "golden and checksums": 2_000,
    "network weights": 5_000,
    "black box": 2_000,
    "robotd.yaml": 500,
    "calibration.yaml": 500,
    "robot_config.yaml": 500,
    "robot_params.yaml": 2_000,
    "training YAML": 500,
    "answers of a person": 2_000,
    "robot.xml": 2_000,
    "limp plan": 10_000,
}
"""Of one part."""
LONG = {
    "servo frames": 64,
    "SHTP": 64,
    "socket messages": 64,
    "policy_spec.json": 20,
    "golden and checksums": 10,
    "network weights": 20,
    "black box": 20,
    "robotd.yaml": 40,
    "calibration.yaml": 40,
    "robot_config.yaml": 20,
    "robot_params.yaml": 20,
    "training YAML": 20,
    "answers of a person": 20,
    "robot.xml": 20,
    "limp plan": 20,
}
"""Parts."""
SHORT_SHARE = 25
"""The short form feeds one 25th of a part of each."""
HANG_S, ROOM_BYTES = 10.0, 2 << 30
SLOW_S, GROWTH_KIB = 2.0, 65_536
Add = Callable[[str, dict[str, Any]], None]


class HangError(Exception):
    """An input took more than HANG_S of this process's time."""


class Find(NamedTuple):
    """What an input did that none may do; where: the last line of ours on the way; data: the input."""

    what: str
    where: str
    data: bytes


def parts(short: bool) -> list[str]:
    """Names of all parts, the targets mixed."""
    counts = dict.fromkeys(LONG, 1) if short else LONG
    return [f"{name}/{n}" for n in range(max(counts.values())) for name, count in counts.items() if n < count]


def run(wanted: Sequence[str], add: Add, share: int = 1) -> None:
    """Feed these parts."""
    targets: dict[str, Target] = {}
    try:
        for part in wanted:
            name, _, seed = part.rpartition("/")
            inputs = max(1, INPUTS[name] // share)
            if name in STREAMS:
                add(part, _stream(name, inputs, int(seed)))
            else:
                target = targets.get(name) or targets.setdefault(name, TARGETS[name]())
                add(part, _feed_many(name, target, inputs, int(seed)))
    finally:
        close()


def run_short(wanted: Sequence[str], add: Add) -> None:
    """The first few inputs of these parts."""
    run(wanted, add, SHORT_SHARE)


def _stream(name: str, inputs: int, seed: int) -> dict[str, Any]:
    """Streams are fed in one piece; a find has no input of its own but its seed."""
    finds, slowest_s = [], 0.0
    try:
        slowest_s = STREAMS[name](inputs, seed).slowest_s
    except Exception as problem:  # noqa: BLE001 whatever comes out is what is looked for
        finds.append(_find(problem, f"seed {seed}".encode()))
    return _found(name, inputs, finds, slowest_s)


def _feed_many(name: str, target: Target, inputs: int, seed: int) -> dict[str, Any]:
    dice, finds, accepted, slowest_s = random.Random(f"{name} {seed}"), {}, 0, 0.0
    before_kib = _rss_kib()
    with _bounds():
        for _ in range(inputs):
            data = target.make(dice)
            begin_s = time.process_time()
            found = feed(target, data)
            took_s = time.process_time() - begin_s
            slowest_s = max(slowest_s, took_s)
            if took_s > SLOW_S:
                found = Find(f"took {took_s:.1f} s", "time", data)
            if isinstance(found, Find):
                finds.setdefault((found.where, found.what.partition(":")[0]), found)
            else:
                accepted += found
    grown_kib = _rss_kib() - before_kib
    if grown_kib > GROWTH_KIB:
        finds[("memory", "")] = Find(f"grew by {grown_kib} KiB", "memory", b"")
    return _found(name, inputs, list(finds.values()), slowest_s) | {"accepted": accepted, "grown_kib": grown_kib}


def feed(target: Target, data: bytes) -> bool | Find:
    """One input: whether it was accepted, or what it did that none may do."""
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    try:
        return target.feed(data)
    except target.refusals as problem:
        try:
            check_sentence(str(getattr(problem, "message", None) or problem))
        except Exception as bad:  # noqa: BLE001 a refusal that is no sentence, by what it says
            return Find(f"{type(bad).__name__}: {bad}", _where(problem), data)
        return False
    except Exception as problem:  # noqa: BLE001 whatever comes out is what is looked for
        return _find(problem, data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _find(problem: Exception, data: bytes) -> Find:
    said = " ".join(str(problem).split())[:160]
    return Find(f"{type(problem).__name__}: {said}", _where(problem), data)


def _where(problem: Exception) -> str:
    """File and function of the last frame that is ours."""
    ours = [
        f for f in traceback.extract_tb(problem.__traceback__) if str(ROOT) in f.filename and ".venv" not in f.filename
    ]
    ours = [frame for frame in ours if "campaigns" not in frame.filename] or ours
    return f"{Path(ours[-1].filename).relative_to(ROOT)}:{ours[-1].name}" if ours else "nowhere of ours"


def _found(name: str, inputs: int, finds: Sequence[Find], slowest_s: float) -> dict[str, Any]:
    for find in finds:
        FINDS.mkdir(parents=True, exist_ok=True)
        label = "".join(c if c.isalnum() else "_" for c in f"{name} {find.where} {find.what[:24]}")
        (FINDS / label).write_bytes(find.data)
    problems = [f"{name}: {find.what} in {find.where}" for find in finds]
    survived = inputs - len(finds)
    return {"tried": inputs, "survived": survived, "slowest_ms": round(slowest_s * 1e3, 1), "problems": problems}


@contextlib.contextmanager
def _bounds() -> Iterator[None]:
    """An input that hangs is interrupted, one that explodes gets MemoryError."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise HangError(f"no end after {HANG_S:g} s")

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, interrupt)
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def _rss_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def main() -> int:
    """Run parts, or feed one input again."""
    words = sys.argv[1:]
    if len(words) == 2 and Path(words[1]).is_file():
        print(TARGETS[words[0]]().feed(Path(words[1]).read_bytes()))
        return 0
    found: list[dict[str, Any]] = []

    def add(part: str, data: dict[str, Any]) -> None:
        found.append(data)
        print(json.dumps({"part": part} | data, indent=1), flush=True)

    run(words or parts(short=True), add, 1 if words else SHORT_SHARE)
    return 1 if any(data["problems"] for data in found) else 0


if __name__ == "__main__":
    sys.exit(main())
