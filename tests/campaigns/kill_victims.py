"""What is killed: each victim writes its file again and again until SIGKILL comes, and says each time that it has.

A victim is a child of this process by fork, so it costs no import. What it has left is looked at by `findings`: the
files must be whole, and at least as new as the last one that it said it had written.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import select
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contract import ContractError, assets_dir, load_bundle, save_bundle
from robotd.blackbox import BlackBox
from robotd.blackbox_codec import example_record, record_of
from robotd.blackbox_layout import BlackBoxError
from robotd.blackbox_reader import BlackBoxFile
from robotd.calibration import CalibrationError, backups, load_calibration, save_calibration
from robotd.clock import SimulatedClock
from robotd.config import BlackBoxConfig, RobotdConfig
from robotd.ctl.calibration.hidden_robot import draw_truth
from robotd.mode import Event, Mode
from robotd.policy import open_session
from robotd.record import Orders
from robotd.tick import tick
from robotd.tick_state import initial_tick_state, setup_for
from robotd.warm_up import at_rest
from robotd.wiring import Wiring

STANDING = assets_dir() / "bundles" / "standing"
Said = Callable[[int], None]
PATIENCE_S = 120.0


class Victim(NamedTuple):
    """writes: for ever, saying each number once it is on the disk; findings: what is wrong with what it left behind,
    given the last number that it said."""

    writes: Callable[[Path, Said], None]
    findings: Callable[[Path, int], list[str]]


def kill(victim: Victim, folder: Path, seed: int, longest_s: float = 0.3) -> list[str]:
    """Let a victim write, kill it at a random moment after its first writing, and look at what is left."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            victim.writes(folder, lambda number: os.write(write, number.to_bytes(8, "little")) and None)
        finally:
            os._exit(99)
    os.close(write)
    said = _listen_and_kill(pid, read, random.Random(seed).uniform(0, longest_s))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code != -signal.SIGKILL:
        return [f"the victim ended by itself with {code}"]
    return victim.findings(folder, said)


def _listen_and_kill(pid: int, pipe: int, wait_s: float) -> int:
    """The last number that was said before the kill; the wait counts from the first one."""
    said, begin_s, until_s = b"", time.monotonic(), 0.0
    while not until_s or time.monotonic() < until_s:
        if select.select([pipe], [], [], 0.002)[0]:
            more = os.read(pipe, 1 << 16)
            if not more:
                break
            said, until_s = (said + more)[-16:], until_s or time.monotonic() + wait_s
        elif time.monotonic() > begin_s + PATIENCE_S:
            break
    os.kill(pid, signal.SIGKILL)
    with os.fdopen(pipe, "rb") as rest:
        said += rest.read()
    whole = len(said) // 8 * 8
    return int.from_bytes(said[whole - 8 : whole], "little") if whole else 0


# The black box


def _setup() -> Any:
    bundle = load_bundle(STANDING, open_session)
    return bundle, setup_for(bundle, RobotdConfig(black_box=BlackBoxConfig(minutes=0.1, keep=2)))


def _write_black_box(folder: Path, said: Said) -> None:
    bundle, setup = _setup()
    networks, clock = {name: policy.network for name, policy in bundle.policies.items()}, SimulatedClock()
    box = BlackBox(folder / "blackbox.bin", setup, clock.now_s, 0.0)
    state, still = initial_tick_state(setup), at_rest(setup)
    while True:
        event = Event.ARM if state.mode is Mode.IDLE else Event.ACTIVATE
        state, _, record = tick(setup, state, still, Orders((event,)), networks)
        clock.advance(0.02)
        box(record)
        said(state.number)


def small_black_box() -> bytes:
    """The first ten records of a black box, of which eight are written."""
    bundle = load_bundle(STANDING, open_session)
    setup = setup_for(bundle, RobotdConfig(black_box=BlackBoxConfig(minutes=0.1)))
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        path, state = Path(folder) / "blackbox.bin", initial_tick_state(setup)
        box = BlackBox(path, setup, SimulatedClock().now_s, 0.0)
        for _ in range(8):
            networks = {bundle.name: bundle.network}
            state, _, record = tick(setup, state, at_rest(setup), Orders((Event.ARM,)), networks)
            box(record)
        box.close()
        with BlackBoxFile(path) as file:
            size = file.header.first_at + 10 * file.header.record_bytes
        return path.read_bytes()[:size]


def _find_black_box(folder: Path, said: int) -> list[str]:
    found = []
    try:
        with BlackBoxFile(folder / "blackbox.bin") as file:
            scan = file.scan()
            newest = int(scan.sequence[-1]) if len(scan.sequence) else 0
            if scan.corrupt > 1:
                found.append(f"{scan.corrupt} records are torn, expected at most the last one")
            if newest < said:
                found.append(f"record {said} was written, and {newest} is the newest that is there")
            kept = min(newest, file.header.capacity - scan.corrupt)
            if scan.sequence.tolist() != list(range(newest - kept + 1, newest + 1)):
                found.append("records are missing in between")
            example = example_record(_setup()[1])
            numbers = [record_of(row, file.header.columns, example).number for row in file.rows(scan)]
            if numbers != [sequence - 1 for sequence in scan.sequence.tolist()]:
                found.append("records hold other ticks than they should")
    except BlackBoxError as problem:
        found.append(str(problem))
    return found


# calibration.yaml


def a_calibration(number: int) -> Any:
    """One of a few robots', with its number inside."""
    from calibration_rig import OF_WILDROBOT, calibration_of

    truth = draw_truth(OF_WILDROBOT, Wiring(), number % 5)
    return calibration_of(truth).model_copy(update={"residuals": {"number": {"value": float(number)}}})


def _write_calibration(folder: Path, said: Said) -> None:
    for number in itertools.count(1):
        save_calibration(folder / "calibration.yaml", a_calibration(number))
        said(number)


def _find_calibration(folder: Path, said: int) -> list[str]:
    path, found = folder / "calibration.yaml", []
    numbers = {}
    for each in (path, *backups(path).values()):
        try:
            calibration = load_calibration(each)
            numbers[each.name] = 0.0 if calibration is None else calibration.residuals["number"]["value"]
        except CalibrationError as problem:
            found.append(str(problem))
    if numbers.get(path.name, 0) < said:
        found.append(f"calibration {said} was written, and {numbers.get(path.name)} is there")
    return found


# A bundle


def _write_bundle(folder: Path, said: Said) -> None:
    files = {file.name: file.read_bytes() for file in STANDING.iterdir() if file.name != "checksums.json"}
    for number in itertools.count(1):
        save_bundle(folder / "bundle", files | {"metrics.json": json.dumps({"number": number}).encode()})
        said(number)


def _find_bundle(folder: Path, said: int) -> list[str]:
    path = folder / "bundle"
    try:
        load_bundle(path, open_session)
        number = json.loads((path / "metrics.json").read_text())["number"]
    except (ContractError, OSError, ValueError) as problem:
        return [f"the bundle is not whole: {problem}"]
    return [] if number >= said else [f"bundle {said} was written, and {number} is there"]


# A checkpoint


def _state(number: int) -> dict[str, Any]:
    return {name: np.full((200, 200), number, np.float32) for name in ("actor", "critic", "normalizer")}


def _write_checkpoint(folder: Path, said: Said) -> None:
    from trainer.checkpoint import save_checkpoint

    for number in itertools.count(1):
        save_checkpoint(folder / "checkpoints" / str(number), _state(number), {"iteration": number}, keep=3)
        said(number)


def _find_checkpoint(folder: Path, said: int) -> list[str]:
    from trainer.checkpoint import checkpoints, latest_checkpoint, load_checkpoint

    found = []
    try:
        for each in checkpoints(folder / "checkpoints"):
            state, meta = load_checkpoint(each, _state(0))
            if not all(np.all(array == meta["iteration"]) for array in state.values()):
                found.append(f"{each.name} holds a mixture")
        newest = int(latest_checkpoint(folder).name)
        if newest < said:
            found.append(f"checkpoint {said} was written, and {newest} is the newest")
    except ContractError as problem:
        found.append(str(problem))
    return found


VICTIMS = {
    "black box": Victim(_write_black_box, _find_black_box),
    "calibration": Victim(_write_calibration, _find_calibration),
    "bundle": Victim(_write_bundle, _find_bundle),
    "checkpoint": Victim(_write_checkpoint, _find_checkpoint),
}
