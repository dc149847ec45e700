"""Whatever a terminal, a shell or a person does to robotd from outside, its servos end without torque."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from daemon_rig import LONG_S, PATIENTLY, Daemon, wait_for
from served_robot import STANDING, Served, lead, served

from robotd.ctl.client import Client
from robotd.messages import Activate, Arm, AskStatus, Estop, Status, Stop

# Whoever runs the tests may have had these ignored, as nohup does.
BY_DEFAULT = f"import signal\nfor number in (1, 3, 20): signal.signal(number, signal.SIG_DFL)\n{PATIENTLY}"


@pytest.fixture(scope="module")
def robot() -> Iterator[Served]:
    with served() as made:
        yield made


def finish(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "number, mode",
    [
        (signal.SIGHUP, "idle"),
        (signal.SIGHUP, "homing"),
        (signal.SIGHUP, "standby"),
        (signal.SIGHUP, "active"),
        (signal.SIGHUP, "stopping"),
        (signal.SIGQUIT, "active"),
        (signal.SIGTSTP, "active"),
        (signal.SIGTERM, "active"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_signal_that_ends_or_stops_a_program_ends_robotd_limp(
    number: signal.Signals, mode: str, robot: Served
) -> None:
    daemon = robot.start(code=BY_DEFAULT)
    try:
        lead(daemon, mode)
        wait_for(lambda: mode == "idle" or len(robot.loaded()) == 11)
        daemon.process.send_signal(number)
        assert daemon.process.wait(timeout=LONG_S) == 0, daemon.log
        assert robot.loaded() == []
        assert mode == "idle" or "mode stopping" in daemon.log
        assert not (robot.home / "run" / "robotd" / "limp.json").exists(), "all is proven: nothing is left to limp"
    finally:
        finish(daemon.process)


@pytest.mark.parametrize("number", [signal.SIGTTOU, signal.SIGTTIN, signal.SIGPIPE])
def test_what_a_terminal_sends_to_who_writes_in_the_background_changes_nothing(
    number: signal.Signals, robot: Served
) -> None:
    daemon = robot.start(code=BY_DEFAULT)
    try:
        daemon.process.send_signal(number)
        time.sleep(0.3)
        assert daemon.status().mode == "idle"
    finally:
        finish(daemon.process)


def test_who_has_robotd_ignore_a_hangup_keeps_it(robot: Served) -> None:
    daemon = robot.start(code=f"import signal; signal.signal(1, signal.SIG_IGN)\n{PATIENTLY}")
    try:
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert daemon.status().mode == "idle"
    finally:
        finish(daemon.process)


class Stalled:
    """robotd whose stderr and stdout are a terminal or a pipe that nobody reads from `stall` on."""

    def __init__(self, robot: Served, kind: str) -> None:
        self._heard, self._reading = bytearray(), threading.Event()
        self._reading.set()
        self.reader, writer = pty.openpty() if kind == "terminal" else os.pipe()
        self._kind = kind
        config = robot.home / "robotd.yaml"
        config.write_text(robot.config)
        command = [sys.executable, "-c", PATIENTLY, "--bundle", str(STANDING), "--config", str(config)]
        environment = os.environ | {"WILDROBOT_HOME": str(robot.home)}
        self.process = subprocess.Popen([*command, "--hal", "bench"], stdout=writer, stderr=writer, env=environment)
        if kind == "pipe":
            self._fill = os.dup(writer)
        os.close(writer)
        threading.Thread(target=self._read, daemon=True).start()
        self.socket = robot.home / "run" / "robotd" / "robotd.sock"

    def _read(self) -> None:
        with suppress(OSError):
            while self._reading.is_set():
                self._heard.extend(os.read(self.reader, 4096))

    def has_said(self, text: str) -> bool:
        return text.encode() in self._heard

    def stall(self) -> None:
        if self._kind == "terminal":
            os.write(self.reader, b"\x13")  # Ctrl-S
            time.sleep(0.2)
            return
        self._reading.clear()
        os.write(self._fill, b"x")  # ends the read that waits
        time.sleep(0.2)
        os.set_blocking(self._fill, False)
        for block in (b"x" * 4096, b"x"):
            with suppress(BlockingIOError):
                while True:
                    os.write(self._fill, block)
        os.set_blocking(self._fill, True)  # robotd has the same one

    def client(self) -> Client:
        return Client(self.socket, 10)

    def mode(self) -> str:
        with self.client() as client:
            return client.ask(AskStatus(), Status).mode


@pytest.mark.parametrize("kind", ["terminal", "pipe"])
def test_a_stderr_that_nobody_reads_delays_no_stop(kind: str, robot: Served) -> None:
    stalled = Stalled(robot, kind)
    try:
        wait_for(lambda: stalled.has_said("mode idle"))
        with stalled.client() as client:
            wait_for(lambda: client.act(Arm()).ok)
            wait_for(lambda: stalled.mode() == "standby")
            assert client.act(Activate()).ok
        stalled.stall()
        with stalled.client() as client:
            assert client.act(Stop()).ok
            wait_for(lambda: stalled.mode() == "fault")
            assert client.act(Estop()).ok
        assert robot.loaded() == []
        begin_s = time.monotonic()
        stalled.process.terminate()
        assert stalled.process.wait(timeout=LONG_S) == 0
        print(f"ended {time.monotonic() - begin_s:.1f} s after SIGTERM")
    finally:
        finish(stalled.process)


def test_nothing_is_left_to_limp_only_where_every_servo_has_said_so(robot: Served) -> None:
    plan = robot.home / "run" / "robotd" / "limp.json"
    daemon: Daemon = robot.start()
    try:
        assert plan.exists()
        lead(daemon, "standby")
        robot.bench.control.fault("left_leg/3", "garbage")
        daemon.process.terminate()
        daemon.process.wait(timeout=LONG_S)
        assert plan.exists(), daemon.log
    finally:
        robot.bench.control.fault("left_leg/3", "ok")
        finish(daemon.process)
