"""robotd as a process of its own with a control socket, and raw connections to it, for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from robotd import wire
from robotd.ctl.client import Client
from robotd.messages import Activate, Answer, Arm, AskStatus, Request, Status
from robotd.wire import Frames

START = "from robotd.daemon import main; main()"
# On a machine with other work, missed deadlines would stop the robot: here they are taken out.
PATIENTLY = """
from robotd import daemon
from robotd.clock import MonotonicClock
from robotd.ctl.patience import PatientClock
daemon.MonotonicClock = lambda *settings: PatientClock(MonotonicClock(*settings))
daemon.main()
"""
LONG_S = 90.0
"""The most that a test waits for what comes in a second: other work on this machine must not fail it."""


class Daemon:
    """Started and serving. log: what it has said so far. code: the program that starts it."""

    def __init__(self, home: Path, bundle: Path, *arguments: str, config: str = "", code: str = PATIENTLY) -> None:
        self.home = home
        self.socket = home / "run" / "robotd" / "robotd.sock"
        file = home / "robotd.yaml"
        file.write_text(config)
        self._log = home / "log"
        command = [sys.executable, "-c", code, "--bundle", str(bundle), "--config", str(file), *arguments]
        environment = {**os.environ, "WILDROBOT_HOME": str(home)}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_for(lambda: "mode idle" in self.log or self.process.poll() is not None)
        assert self.process.poll() is None, self.log

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def memory_mib(self) -> float:
        """Its own memory: without the pages of the black box's file."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

    def client(self) -> Client:
        """A client of robotctl's."""
        return Client(self.socket, LONG_S)

    def status(self) -> Status:
        with self.client() as client:
            return client.ask(AskStatus(), Status)

    def wait_for_mode(self, *modes: str) -> Status:
        wait_for(lambda: self.status().mode in modes)
        return self.status()

    def activate(self) -> None:
        """To ACTIVE."""
        with self.client() as client:
            wait_for(lambda: client.act(Arm()).ok)  # what an earlier test has left may be there for a while
            self.wait_for_mode("standby")
            assert client.act(Activate()).ok

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def daemon(home: Path, bundle: Path, *arguments: str, config: str = "", code: str = PATIENTLY) -> Iterator[Daemon]:
    """One daemon; afterwards it is gone, and nothing unexpected stands in its log."""
    started = Daemon(home, bundle, *arguments, config=config, code=code)
    try:
        yield started
        assert started.process.poll() in (None, 0, -signal.SIGKILL), started.log
        assert "Traceback" not in started.log and "Exception" not in started.log
    finally:
        started.process.terminate()
        try:
            started.process.wait(timeout=LONG_S)
        finally:
            started.process.kill()
            started.process.wait()


class Raw:
    """A connection that says whatever bytes it likes."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(LONG_S)
        until_s = time.monotonic() + LONG_S
        while self.socket.connect_ex(str(path)) != 0:  # the queue at the door is full
            assert time.monotonic() < until_s, "not let in"
            time.sleep(0.002)
        self._frames = Frames(wire.MAX_ANSWER)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: Any) -> None:
        self.socket.close()

    def count(self) -> int:
        """How many answers have come in; does not wait."""
        patience_s = self.socket.gettimeout()
        self.socket.settimeout(0)  # a flag at recv is not enough: Python waits before it calls
        with suppress(BlockingIOError):
            self._frames.feed(self.socket.recv(65536))
        self.socket.settimeout(patience_s)
        return len(list(wire.bodies(self._frames)))

    def say(self, request: Request, number: int = 1) -> None:
        self.socket.sendall(wire.requests.encode(request, number))

    def hear(self) -> Answer | None:
        """The next answer; None where robotd has hung up."""
        while (body := self._frames.take()) is None:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._frames.feed(data)
        return wire.answers.decode(body)[1]

    def last_words(self) -> str:
        """What robotd said before it hung up."""
        text = ""
        while (answer := self.hear()) is not None:
            text = getattr(answer, "text", text)
        return text


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds."""
    until_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < until_s, "waited too long"
        time.sleep(0.05)
