"""The emulator's own line to whoever runs a test: faults in, the witness out, as JSON lines over a unix socket.

Requests, one object a line, each answered by one line with `ok` and either what was asked for or `error`:
    {"do": "fault", "device": "left/3", "kind": "off"}       left/3: servo 3 of bus left; left: all of the bus
    {"do": "witness", "since": 0, "command": null, "bus": null}   at most PAGE arrivals; ask on from the last number + 1
    {"do": "devices"}
    {"do": "stop"}
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .fault import FaultKind
from .witness import Arrival, Witness, arrival

PAGE = 1000
MAX_LINE_BYTES = 65_536
SOCKET_NAME = "control.sock"

Inject = Callable[[str, str], None]
"""Takes the part of a device's name behind the slash, and the fault's name. Raises ValueError, one sentence."""


class ControlError(RuntimeError):
    """The emulator refused, or is not there: one sentence."""


class Control:
    """Answers requests for faults and for the witness.

    Args:
        devices: by the name before the slash, how to inject a fault.
        stop: called once somebody asks for the end.
    """

    def __init__(self, devices: Mapping[str, Inject], witness: Witness, stop: Callable[[], None]) -> None:
        self._devices, self._witness, self._stop = devices, witness, stop

    def answer(self, line: bytes) -> bytes:
        """The answer to one line, a line itself."""
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("expected an object")
            said = {"ok": True, **self._do(request)}
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as problem:
            said = {"ok": False, "error": f"{type(problem).__name__}: {problem}"}
        return json.dumps(said).encode() + b"\n"

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = request["do"]
        if verb == "fault":
            device, _, address = str(request["device"]).partition("/")
            if device not in self._devices:
                raise ValueError(f"no device {device!r}; there are {', '.join(self._devices)}")
            self._devices[device](address, str(request["kind"]))
            return {}
        if verb == "witness":
            arrivals = self._witness.since(int(request.get("since", 0)), request.get("command"), request.get("bus"))
            return {"seen": self._witness.seen, "arrivals": [arrival._asdict() for arrival in arrivals[:PAGE]]}
        if verb == "devices":
            return {"devices": list(self._devices)}
        if verb == "stop":
            self._stop()
            return {}
        raise ValueError(f"do {verb!r}: expected fault, witness, devices or stop")


class ControlServer:
    """Serves a `Control` on a unix socket, each client in a thread of its own, so that none delays a wire.

    Raises:
        ControlError: there can be no socket at this path.
    """

    def __init__(self, path: Path, control: Control) -> None:
        path.unlink(missing_ok=True)

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while line := self.rfile.readline(MAX_LINE_BYTES):
                    self.wfile.write(control.answer(line))

        self._path = path
        try:
            self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        except OSError as problem:
            raise ControlError(f"{path}: no socket can be made there ({problem}); take a shorter path") from None
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, name="emulator control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more clients."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)


class ControlClient:
    """Talks to an emulator in another process. Raises ControlError."""

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as problem:
            self._socket.close()
            raise ControlError(f"{path}: no emulator answers ({problem.strerror}); start one") from None
        self._file = self._socket.makefile("rwb")

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the emulator goes on."""
        self._file.close()
        self._socket.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request; return the answer's object."""
        try:
            self._file.write(json.dumps(request).encode() + b"\n")
            self._file.flush()
            line = self._file.readline()
        except OSError as problem:
            raise ControlError(f"the emulator is gone ({problem})") from None
        if not line:
            raise ControlError("the emulator is gone")
        said: dict[str, Any] = json.loads(line)
        if not said.pop("ok"):
            raise ControlError(said["error"])
        return said

    def fault(self, device: str, kind: FaultKind | str) -> None:
        """Let a device behave so from now on: `left/3`, or `left` for a whole bus."""
        self.ask(do="fault", device=device, kind=str(kind))

    def witness(self, since: int = 0, command: str | None = None, bus: str | None = None) -> list[Arrival]:
        """All remembered arrivals from number `since` on."""
        arrivals: list[Arrival] = []
        while True:
            page = self.ask(do="witness", since=since, command=command, bus=bus)["arrivals"]
            arrivals += [arrival(fields) for fields in page]
            if len(page) < PAGE:
                return arrivals
            since = arrivals[-1].number + 1

    def stop(self) -> None:
        """End the emulator."""
        self.ask(do="stop")
