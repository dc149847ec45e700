"""robotctl dry-run on emulated wires: real drivers byte by byte, and the witness of what reached the servos."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bench_rig import Robotctl, spawn
from dry_run_rig import Done, DryRun

from contract import assets_dir
from robotd.hal.servo_frame import check_wiring, to_units
from robotd.wiring import UNITS_PER_RAD, Wiring

STANDING = assets_dir() / "bundles" / "standing"
MOVES = ("move_time_write", "move_time_wait_write", "move_start")
STATED_RAD_S = 0.25 * 5.0
LONG_S = 90.0


@pytest.fixture
def dry_run(robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch) -> DryRun:
    return DryRun(robotctl, monkeypatch)


def failures(done: Done) -> list[str]:
    return [f"{line['name']}: {line['found']}" for line in done.said.json["checklist"] if line["passed"] is False]


def test_listening_the_witness_sees_no_move_and_no_torque(dry_run: DryRun) -> None:
    done = dry_run("--bundle", STANDING, "--hal", "emulated", "--seconds", "1", "--json")
    assert done.said.code == 0, failures(done)
    witness = done.hardware.witness
    assert [arrival for command in MOVES for arrival in witness.since(command=command)] == []
    assert {arrival.values for arrival in witness.since(command="load_or_unload_write")} == {(0,)}
    assert witness.since(command="pos_read"), "it did listen"
    report = done.said.json
    assert report["targets_sent"] == 0 and report["figures"]["policy"]["ticks"] == 50


def test_off_the_ground_nothing_on_the_wires_is_over_the_stated_speed(dry_run: DryRun) -> None:
    done = dry_run("--bundle", STANDING, "--hal", "emulated", "--off-ground", "--seconds", "1", "--json")
    assert done.said.code == 0, failures(done)
    assert f"no target moved faster than {STATED_RAD_S:.2f} rad/s" in done.said.out
    spec, wiring = done.ran.setup.spec, Wiring()
    targets = [record.target_after_rad for record in done.ran.records if record.target_after_rad is not None]
    units = np.array([to_units(check_wiring(spec, wiring), target) for target in targets])
    step = STATED_RAD_S * spec.runtime.ctrl_dt * UNITS_PER_RAD + 1  # and the rounding to a whole unit
    assert np.abs(np.diff(units, axis=0)).max() <= step
    columns = {wire.servo_id: spec.robot.actuator_names.index(name) for name, wire in wiring.joints.items()}
    moves = done.hardware.witness.since(command="move_time_write")
    assert len({move.address for move in moves}) == spec.num_joints
    tick = dict.fromkeys(columns, 0)
    for move in moves:  # every move on the wires is a target of some tick, in the order of the ticks
        mine, (wanted, time_ms) = units[:, columns[move.address]], move.values
        later = np.flatnonzero(mine[tick[move.address] :] == wanted)
        assert len(later), f"servo {move.address} was sent {wanted}, which no tick asked for"
        assert time_ms == 20
        tick[move.address] += int(later[0])
    for joint in done.said.json["figures"]["joints"]:
        assert joint["behind_rad"] < 0.35 and 0.5 < joint["follows"] < 1.5


def test_on_the_ground_targets_stay_near_their_joints(dry_run: DryRun) -> None:
    done = dry_run("--bundle", STANDING, "--hal", "emulated", "--ground", "--low-torque", "--seconds", "2", "--json")
    assert done.said.code == 0, failures(done)
    figures = done.said.json["figures"]
    assert figures["lead_excess_rad"] <= 1e-4
    assert figures["drift"]["lean_deg"] < 5 and figures["drift"]["seconds"] == 1.5


def wait_for(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until_s = time.monotonic() + LONG_S
    while not true():
        assert process.poll() is None and time.monotonic() < until_s
        time.sleep(0.1)


def mode_of(robotctl: Robotctl) -> str:
    said = robotctl("status", "--json")
    return str(said.json["mode"]) if said.code == 0 else ""


ON_AIR = ("dry-run", "--bundle", STANDING, "--hal", "sim", "--off-ground", "--seconds", "300", "--json")


@pytest.fixture
def walking_on_air() -> Any:
    """A long dry run off the ground, in a process of its own."""
    with spawn(*ON_AIR) as process:
        yield process
        process.kill()


def test_estop_from_another_terminal_turns_torque_off(robotctl: Robotctl, walking_on_air: Any) -> None:
    wait_for(lambda: mode_of(robotctl) == "active", walking_on_air)
    said = robotctl("estop")
    assert said.code == 0 and "torque is off" in said.out
    out, _ = walking_on_air.communicate(timeout=LONG_S)
    report = json.loads(out)
    assert walking_on_air.returncode == 1 and report["trouble"] == "stopped by OPERATOR"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTSTP])
def test_ctrl_c_crouches_and_says_no_checklist(number: int, robotctl: Robotctl, walking_on_air: Any) -> None:
    wait_for(lambda: mode_of(robotctl) == "active", walking_on_air)
    os.kill(walking_on_air.pid, number)
    out, err = walking_on_air.communicate(timeout=LONG_S)
    assert (walking_on_air.returncode, out) == (130, "")
    assert "crouching" in err and err.endswith("torque off\ninterrupted: no checklist\n")


@pytest.mark.parametrize(("first", "second"), [(signal.SIGHUP, signal.SIGHUP), (signal.SIGINT, signal.SIGHUP)])
def test_a_terminal_that_is_closed_says_so_twice_and_the_robot_crouches_all_the_same(
    first: int, second: int, robotctl: Robotctl, walking_on_air: Any
) -> None:
    wait_for(lambda: mode_of(robotctl) == "active", walking_on_air)
    os.kill(walking_on_air.pid, first)
    time.sleep(0.005)
    os.kill(walking_on_air.pid, second)
    out, err = walking_on_air.communicate(timeout=LONG_S)
    assert (walking_on_air.returncode, out) == (130, "")
    assert "crouching" in err and err.endswith("torque off\ninterrupted: no checklist\n")


def test_ctrl_c_twice_turns_torque_off_at_once(robotctl: Robotctl, walking_on_air: Any) -> None:
    wait_for(lambda: mode_of(robotctl) == "active", walking_on_air)
    os.kill(walking_on_air.pid, signal.SIGINT)
    wait_for(lambda: mode_of(robotctl) == "stopping", walking_on_air)
    os.kill(walking_on_air.pid, signal.SIGINT)
    begin_s = time.monotonic()
    assert walking_on_air.wait(timeout=LONG_S) == 130
    print(f"ended {time.monotonic() - begin_s:.1f} s after the second Ctrl-C")
    assert walking_on_air.stderr.read().splitlines()[-2:] == ["torque off", "interrupted: no checklist"]


def test_a_terminal_that_stands_still_after_ctrl_s_keeps_no_estop_waiting(robotctl: Robotctl) -> None:
    master, terminal = pty.openpty()
    with spawn(*ON_AIR, stderr=terminal) as process:
        try:
            wait_for(lambda: mode_of(robotctl) == "homing", process)
            termios.tcflow(terminal, termios.TCOOFF)
            wait_for(lambda: mode_of(robotctl) == "active", process)
            said = robotctl("estop")
            assert said.code == 0 and "torque is off" in said.out
            termios.tcflow(terminal, termios.TCOON)
            out, _ = process.communicate(timeout=LONG_S)
            assert process.returncode == 1 and json.loads(out)["trouble"] == "stopped by OPERATOR"
            assert b"home" in os.read(master, 4096)
        finally:
            process.kill()
            os.close(master)
            os.close(terminal)
