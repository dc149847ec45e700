"""robotctl limp beside a process that holds lock and ports: it is asked, then killed, or left alone where it may be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_rig import Robotctl
from daemon_rig import daemon
from served_robot import Served, lead, served
from test_limp import QUICK

from firmware_bridge.emulator.bench import ServoBench
from robotd.ctl import silent_holder
from robotd.limp_plan import LimpPlan, leave_plan
from robotd.lock import HardwareLock, pid_of_holder

REFUSED = {"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "2"}
ENDED = {"SERVICE_RESULT": "success", "EXIT_CODE": "exited", "EXIT_STATUS": "0"}


def limp(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a person or, with its variables, as systemd runs it."""
    command = [sys.executable, "-c", QUICK]
    environment = {**os.environ, "WILDROBOT_HOME": str(home), **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def robot() -> Iterator[Served]:
    with served() as made:
        yield made


def test_a_robotd_that_hangs_is_killed_and_its_servos_are_unloaded(robot: Served) -> None:
    daemon = robot.start()
    try:
        lead(daemon, "active")
        daemon.process.send_signal(signal.SIGSTOP)
        begin_s = time.monotonic()
        done = limp(robot.home)
        print(f"limp took {time.monotonic() - begin_s:.1f} s")
        assert done.returncode == 0, done
        said = f"answered no emergency stop: killed (pid {daemon.process.pid}), torque goes off now\n"
        assert done.stderr.startswith("robotctl: robotd (pid ") and done.stderr.endswith(said)
        assert daemon.process.wait(timeout=10) == -signal.SIGKILL and robot.loaded() == []
    finally:
        daemon.process.kill()
        daemon.process.wait()


def test_after_a_refused_start_of_the_service_the_robotd_that_runs_is_left_alone(robot: Served) -> None:
    daemon = robot.start()
    try:
        lead(daemon, "standby")
        done = limp(robot.home, **REFUSED)
        assert done.returncode == 0 and "is left alone: the refused robotd gave no torque" in done.stdout, done
        assert daemon.status().mode == "standby" and len(robot.loaded()) == 11
        killed = limp(robot.home, SERVICE_RESULT="signal", EXIT_CODE="killed", EXIT_STATUS="KILL")
        assert killed.returncode == 0 and daemon.status().mode == "fault" and robot.loaded() == []
    finally:
        daemon.process.kill()
        daemon.process.wait()


def test_after_an_orderly_end_of_the_service_nothing_is_left_to_do(tmp_path: Path) -> None:
    done = limp(tmp_path, **ENDED)
    assert done.returncode == 0 and done.stdout.startswith("robotd ended in order, ")
    assert limp(tmp_path).returncode == 3, "a person is never told so"


HOLD = """
import sys, time
from firmware_bridge.serial_line import SerialLine
from robotd.lock import HardwareLock
held = HardwareLock(sys.argv[1]), SerialLine(sys.argv[2], 115200)
print('held', flush=True)
time.sleep(600)
from robotd.daemon import main
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ServoBench]:
    with ServoBench({"leg": (1, 2)}, tmp_path) as made:
        leave_plan(LimpPlan(115_200, {"leg": (str(made.ports["leg"]), (1, 2))}))
        yield made


def holder(name: str, bench: ServoBench) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, name, str(bench.ports["leg"])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_who_may_not_kill_it_is_told_what_to_do(
    bench: ServoBench, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", forbidden)
    with holder("robotd", bench) as process:
        said = robotctl("limp")
        alive = process.poll() is None
        process.kill()
    assert alive and said.code == 3
    assert f"you may not kill it: sudo robotctl limp, or sudo kill -9 {process.pid}" in said.err
    assert "TORQUE MAY STILL BE ON at 1, 2" in said.out and "switch the power off" in said.out


def test_whom_it_cannot_see_it_names_with_a_way_out(
    bench: ServoBench, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silent_holder, "pid_of_holder", lambda path: None)
    with holder("robotd", bench) as process:
        said = robotctl("limp")
        process.kill()
    assert said.code == 3 and "where its ports are free, else sudo robotctl limp ends it" in said.err
    assert "TORQUE MAY STILL BE ON at 1, 2" in said.out


@pytest.mark.parametrize("name, killed", [("robotctl calibrate", True), ("robotctl limp", False)])
def test_a_bench_verb_is_killed_and_another_limp_is_not(
    name: str, killed: bool, bench: ServoBench, robotctl: Robotctl
) -> None:
    with holder(name, bench) as process:
        said = robotctl("limp")
        if not killed:
            process.kill()
        assert process.wait() == -signal.SIGKILL
    assert said.code == (0 if killed else 3) and (": killed (pid" in said.err) is killed


def test_a_simulated_robotd_does_not_answer_for_who_holds_the_hardware(
    bench: ServoBench, robotctl: Robotctl, zero_bundle_path: Path, own_home: Path
) -> None:
    with (
        daemon(Path(os.environ["WILDROBOT_HOME"]), zero_bundle_path, "--hal", "mock") as simulated,
        holder("robotctl sysid", bench) as process,
    ):
        said = robotctl("limp")
        gone = process.poll() is not None
        process.kill()
        assert gone and said.code == 0 and "2 of 2 servos say torque off" in said.out and ": killed (pid" in said.err
        assert simulated.status().mode == "idle"


def test_the_holder_is_who_holds_it_and_not_who_waits_at_the_door(own_home: Path) -> None:
    with HardwareLock("robotd") as held:
        door = subprocess.Popen(["sleep", "60"], stdin=held.path.open())
        try:
            assert pid_of_holder(held.path) == os.getpid()
        finally:
            door.kill()
            door.wait()
    assert pid_of_holder(held.path) is None
