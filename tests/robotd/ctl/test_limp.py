"""robotctl limp: whatever state robotd is in, and quick where it is dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_rig import Robotctl
from daemon_rig import daemon

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.hiwonder import Command, write
from robotd.ctl.limp_now import left_by_a_dead_daemon
from robotd.limp_plan import LimpPlan, leave_plan, plan_path, print_of, read_plan
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


def test_beside_a_simulated_robotd_it_says_that_no_servo_is_driven(
    robotctl: Robotctl, zero_bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="wr-") as folder, daemon(Path(folder), zero_bundle_path, "--hal", "mock"):
        monkeypatch.setenv("WILDROBOT_HOME", folder)
        said = robotctl("limp")
    assert said.code == 3
    assert said.sentence.startswith("no servo bus is there (/dev/servo_left_leg, ")
    assert "is simulated and drives no servos: robotctl estop stops it" in said.sentence


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


def test_somebody_silent_who_holds_the_hardware_keeps_no_torque_on(bench: ServoBench, robotctl: Robotctl) -> None:
    leave_plan(plan_for(bench))
    with HardwareLock("robotd"):
        said = robotctl("limp")
    assert said.code == 0 and said.out.count("servos say torque off") == 2
    assert said.err.startswith(f"robotctl: robotd (pid {os.getpid()}) holds the hardware") and said.err.count("\n") == 1
    assert "and answered no emergency stop; it is no robotd, so torque goes off beside it" in said.err
    assert loaded(bench) == []
    assert read_plan() == plan_for(bench), "whoever holds it may drive on"


STRANGER = """
import fcntl, os, sys, time
descriptor = os.open(sys.argv[1], os.O_RDONLY)
print('at the door', flush=True)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print('in', flush=True)
time.sleep(600)
"""


def test_a_stranger_who_waits_for_the_lock_of_a_dying_robotd_keeps_no_torque_on(bench: ServoBench) -> None:
    leave_plan(plan_for(bench))
    dying = HardwareLock("robotd")
    command = [sys.executable, "-c", STRANGER, str(dying.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stranger:
        assert stranger.stdout is not None and stranger.stdout.readline() == "at the door\n"
        dying.close()
        assert stranger.stdout.readline() == "in\n"
        done = subprocess.run([sys.executable, "-c", QUICK], capture_output=True, text=True, check=False)
        stranger.kill()
    assert done.returncode == 0, done
    assert done.stderr.startswith("robotctl: another process holds the hardware")
    assert loaded(bench) == []


def test_a_link_in_the_place_of_the_lock_is_not_followed_and_keeps_no_torque_on(
    bench: ServoBench, robotctl: Robotctl, tmp_path: Path
) -> None:
    leave_plan(plan_for(bench))
    (tmp_path / "victim").write_text("secret\n")
    plan_path().with_name("lock").symlink_to(tmp_path / "victim")
    said = robotctl("limp")
    assert said.code == 0 and "is a link" in said.err
    assert (tmp_path / "victim").read_text() == "secret\n"
    assert loaded(bench) == []


@pytest.mark.parametrize("quick", [False, True])
def test_a_member_of_the_group_may_limp_though_the_plan_is_not_his_to_remove(
    quick: bool, bench: ServoBench, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_his(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    leave_plan(plan_for(bench))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", not_his)
        assert (left_by_a_dead_daemon() if quick else robotctl("limp").code) == 0
    assert loaded(bench) == [] and read_plan() == plan_for(bench)


@pytest.mark.parametrize("mask", [0o022, 0o007, 0o077])
def test_a_plan_can_be_read_by_whoever_may_look_into_its_folder(bench: ServoBench, mask: int) -> None:
    before = os.umask(mask)
    try:
        path = leave_plan(plan_for(bench))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("text", ["", "{", "[]", '{"baud": 1}', '{"baud": 1, "buses": {"a": 3}}'])
def test_a_broken_plan_is_no_plan(text: str) -> None:
    plan_path().parent.mkdir(parents=True)
    plan_path().write_text(text)
    assert read_plan() is None


def test_the_union_of_plan_and_changed_config_is_unloaded(
    bench: ServoBench, robotctl: Robotctl, own_home: Path
) -> None:
    """Servo 3 has moved to another port since the last robotd died."""
    folder = own_home / "etc" / "robotd"
    folder.mkdir(parents=True)
    config = config_for(bench, folder)
    old = LimpPlan(115_200, {"left": (str(bench.ports["left"]), (1, 2))}, print_of(config))
    leave_plan(old)
    config.write_text(config.read_text() + "\n")
    said = robotctl("limp", "--json")
    assert said.code == 0 and loaded(bench) == []
    assert set(said.json["buses"]) == {"left", "right"}
    assert read_plan() is None


def test_the_quick_way_unloads_what_the_plan_has_at_once_and_then_the_rest(bench: ServoBench, own_home: Path) -> None:
    folder = own_home / "etc" / "robotd"
    folder.mkdir(parents=True)
    config_for(bench, folder)
    leave_plan(LimpPlan(115_200, {"left": (str(bench.ports["left"]), (1, 2))}))
    done = subprocess.run([sys.executable, "-c", QUICK], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count("servos say torque off") == 2, done
    assert loaded(bench) == [] and read_plan() is None


def test_a_config_that_cannot_be_read_stops_no_limp(bench: ServoBench, robotctl: Robotctl, own_home: Path) -> None:
    (own_home / "etc" / "robotd").mkdir(parents=True)
    (own_home / "etc" / "robotd" / "robotd.yaml").write_text("hardware: [\n")
    leave_plan(plan_for(bench))
    said = robotctl("limp")
    assert said.code == 0 and loaded(bench) == []
    assert "only what the last robotd drove is unloaded" in said.err


FULL = """
set -e
mkdir -p "$WILDROBOT_HOME/run/robotd"
mount -t tmpfs -o size=16k tmpfs "$WILDROBOT_HOME/run/robotd"
cp "$PLAN" "$WILDROBOT_HOME/run/robotd/limp.json"
: > "$WILDROBOT_HOME/run/robotd/lock"
! dd if=/dev/zero of="$WILDROBOT_HOME/run/robotd/junk" bs=4k 2> /dev/null
exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_run_folder_without_room_stops_no_limp(bench: ServoBench, own_home: Path, tmp_path: Path) -> None:
    leave_plan(plan_for(bench), tmp_path / "plan")
    command = ["unshare", "-m", "bash", "-c", FULL, "bash", sys.executable, "-c", QUICK]
    environment = os.environ | {"PLAN": str(tmp_path / "plan")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done
    assert loaded(bench) == []
