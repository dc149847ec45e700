"""A client of robotd's control socket: one question, one answer, and telemetry; every bad end is one sentence."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from robotd import wire
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.messages import Answer, Done, MessageError, Refused, Request, Subscribe, Telemetry
from robotd.places import socket_path, unit_path

TIMEOUT_S = 3.0
_UCRED = struct.Struct("3i")  # pid, uid, gid, by unix(7)
SIMULATED = "robotd --bundle DIR --hal sim"
Kind = TypeVar("Kind")


class Client:
    """Connected from `__init__` to `close`, or as a context manager.

    Args:
        path: of the socket; None: where this machine's or this user's robotd has it.
        timeout_s: how long to wait for an answer.

    Raises:
        Unreachable: no robotd answers there, or this process can open no connection (exit code 3).
        Refusal: this user may not open the socket (exit code 2).
    """

    def __init__(self, path: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.path = path or socket_path()
        self._timeout_s = timeout_s
        self._number = 0
        self._frames = wire.Frames(wire.MAX_ANSWER)
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as problem:
            raise Unreachable(f"{self.path}: {problem.strerror}, so no connection to robotd; close others") from None
        self._socket.settimeout(timeout_s)
        try:
            self._connect()
        except OSError as problem:
            self._socket.close()
            raise _no_way_in(self.path, problem) from None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def peer_pid(self) -> int:
        """The process that listens, by the kernel's word."""
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, _, _ = _UCRED.unpack(credentials)
        return int(pid)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, request: Request, kind: type[Kind]) -> Kind:
        """Send a request and return its answer, of type `kind`.

        Raises:
            Refusal: robotd did nothing, with its sentence; Unreachable: it does not answer.
        """
        number = self._send(request)
        until_s = time.monotonic() + self._timeout_s
        while time.monotonic() < until_s:
            heard, answer = self._receive()
            if isinstance(answer, Refused) and heard in (0, number):
                raise Refusal(answer.text)
            if heard == number and isinstance(answer, kind):
                return answer
        raise self._silent()

    def act(self, request: Request) -> Done:
        """Ask for an act; the same errors. Whether it came to pass stands in the answer."""
        return self.ask(request, Done)

    def telemetry(self, divisor: int) -> Iterator[Telemetry]:
        """Every `divisor`-th tick from now on. Ends with Unreachable."""
        self.ask(Subscribe(divisor), Done)
        while True:
            _, answer = self._receive()
            if isinstance(answer, Refused):
                raise Unreachable(f"{self.path}: {answer.text}")
            if isinstance(answer, Telemetry):
                yield answer

    def _connect(self) -> None:
        """Where many are at the door, wait for a place in the queue."""
        until_s = time.monotonic() + self._timeout_s
        while True:
            try:
                return self._socket.connect(str(self.path))
            except BlockingIOError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.01)

    def _send(self, request: Request) -> int:
        self._number += 1
        try:
            self._socket.sendall(wire.requests.encode(request, self._number))
        except TimeoutError:
            raise self._silent() from None
        except OSError:
            pass  # it has hung up: what it said before that is still to be read
        return self._number

    def _receive(self) -> tuple[int, Answer]:
        try:
            while (body := self._frames.take()) is None:
                data = self._socket.recv(65536)
                if not data:
                    raise Unreachable(f"{self.path}: robotd has hung up; see its log")
                self._frames.feed(data)
            return wire.answers.decode(body)
        except MessageError as problem:
            raise Unreachable(f"{self.path}: {problem}") from None
        except TimeoutError:
            raise self._silent() from None
        except OSError as problem:
            raise Unreachable(f"{self.path}: {problem.strerror}; see robotd's log") from None

    def _silent(self) -> Unreachable:
        return Unreachable(f"{self.path}: robotd has not answered within {self._timeout_s:g} s; see its log")


def _no_way_in(path: Path, problem: OSError) -> Refusal | Unreachable:
    if isinstance(problem, PermissionError):
        return Refusal(f"{path}: permission denied, expected root or a member of group robot; log in as one")
    if isinstance(problem, FileNotFoundError | ConnectionRefusedError):
        serves = path == socket_path() and unit_path().exists()
        start = "sudo systemctl start robotd (why it ended: journalctl -u robotd)" if serves else SIMULATED
        return Unreachable(f"{path}: no robotd answers there; start it: {start}")
    return Unreachable(f"{path}: {problem.strerror or problem}, expected robotd's control socket; check --socket")
