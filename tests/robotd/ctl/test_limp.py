"""robotctl limp: whatever state robotd is in, and quick where it is dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_rig import Robotctl

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.hiwonder import Command, write
from robotd.limp_plan import LimpPlan, leave_plan, plan_path, read_plan
from robotd.lock import HardwareLock

BUSES = {"left": (1, 2), "right": (3,)}
QUICK = "import sys; sys.argv = ['robotctl', 'limp']; from robotd.ctl.entry import main; main()"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServoBench]:
    """Two buses whose servos all hold torque."""
    with ServoBench(BUSES, tmp_path) as made:
        for wire in made.wires.values():
            for servo in wire.servos:
                servo.hear(write(servo.servo_id, Command.LOAD_OR_UNLOAD_WRITE, 1))
        yield made


def loaded(bench: ServoBench) -> list[int]:
    return [servo.servo_id for wire in bench.wires.values() for servo in wire.servos if servo.loaded]


def plan_for(bench: ServoBench) -> LimpPlan:
    return LimpPlan(115_200, {name: (str(port), BUSES[name]) for name, port in bench.ports.items()})


def config_for(bench: ServoBench, folder: Path) -> Path:
    """A robotd.yaml with those three servos."""
    joints = {f"joint_{i}": {"bus": bus, "servo_id": i} for bus, ids in BUSES.items() for i in ids}
    buses = {name: {"port": str(port)} for name, port in bench.ports.items()}
    path = folder / "robotd.yaml"
    path.write_text(
        json.dumps({"hardware": {"buses": buses, "joints": joints, "calibration": {j: {} for j in joints}}})
    )
    return path


def test_the_plan_of_a_dead_daemon_is_carried_out_and_then_forgotten(bench: ServoBench, robotctl: Robotctl) -> None:
    leave_plan(plan_for(bench))
    said = robotctl("limp")
    assert said.code == 0, said
    assert loaded(bench) == []
    assert "2 of 2 servos say torque off" in said.out
    assert read_plan() is None


def test_the_quick_way_does_the_same_without_click_pydantic_and_numpy(bench: ServoBench) -> None:
    leave_plan(plan_for(bench))
    slow = "{'click', 'pydantic', 'numpy', 'yaml'}"
    look = QUICK.replace("main()", f"\ntry: main()\nfinally: print(sorted({slow} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert loaded(bench) == []
    assert done.stdout.splitlines()[-1] == "[]"
    assert not plan_path().exists()


def test_a_plan_is_kept_until_every_servo_has_confirmed(bench: ServoBench, robotctl: Robotctl) -> None:
    bench.fault("left/2", "garbage")
    leave_plan(plan_for(bench))
    done = subprocess.run([sys.executable, "-c", QUICK], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "TORQUE MAY STILL BE ON at 2" in done.stdout and "switch the power off" in done.stdout
    assert read_plan() == plan_for(bench)
    bench.fault("left/2", "ok")
    assert robotctl("limp").code == 0
    assert loaded(bench) == [] and read_plan() is None


def test_without_a_plan_the_robots_own_config_says_what_to_limp(
    bench: ServoBench, robotctl: Robotctl, own_home: Path, tmp_path: Path
) -> None:
    (own_home / "etc" / "robotd").mkdir(parents=True)
    config_for(bench, own_home / "etc" / "robotd")
    assert robotctl("limp").code == 0
    assert loaded(bench) == []


def test_a_config_that_is_named_counts_more_than_a_plan(bench: ServoBench, robotctl: Robotctl, tmp_path: Path) -> None:
    other = LimpPlan(115_200, {"arm": (str(tmp_path / "no_port"), (7,))})
    leave_plan(other)
    said = robotctl("limp", "--config", config_for(bench, tmp_path), "--json")
    assert said.code == 0 and said.json["unloaded"] and said.json["by"] == "bus"
    assert set(said.json["buses"]["left"]["servos"]) == {"1", "2"}
    assert loaded(bench) == []
    assert read_plan() == other


def test_no_port_is_exit_3_and_says_that_torque_may_be_on(robotctl: Robotctl, tmp_path: Path) -> None:
    leave_plan(LimpPlan(115_200, {"arm": (str(tmp_path / "no_port"), (7,))}))
    said = robotctl("limp")
    assert said.code == 3
    assert "no such port" in said.out and "TORQUE MAY STILL BE ON at 7" in said.out


def test_a_port_that_a_dying_process_still_holds_is_tried_again(bench: ServoBench, robotctl: Robotctl) -> None:
    leave_plan(plan_for(bench))
    port = str(bench.ports["left"])
    hold = (
        "import sys, time; from firmware_bridge.serial_line import SerialLine; line = SerialLine(sys.argv[1], 115200)"
    )
    command = [sys.executable, "-c", f"{hold}\nprint('held', flush=True); time.sleep(0.5)", port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        assert robotctl("limp").code == 0
    assert loaded(bench) == []


def test_while_somebody_silent_holds_the_hardware_it_says_what_to_do(bench: ServoBench, robotctl: Robotctl) -> None:
    leave_plan(plan_for(bench))
    with HardwareLock("robotd"):
        said = robotctl("limp")
    assert said.code == 3
    assert f"robotd (pid {os.getpid()}) holds the hardware" in said.sentence and "kill it" in said.sentence
    assert loaded(bench) == [1, 2, 3]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"baud": 1}', '{"baud": 1, "buses": {"a": 3}}'])
def test_a_broken_plan_is_no_plan(text: str) -> None:
    plan_path().parent.mkdir(parents=True)
    plan_path().write_text(text)
    assert read_plan() is None
