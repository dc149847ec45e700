"""Servo wires behind pseudo terminals, so that a driver opens them like a serial port. One thread serves them all."""

from __future__ import annotations

import os
import select
import termios
import threading
import time
import tty
from collections.abc import Sequence
from pathlib import Path

from .servo_wire import ServoWire

READ_BYTES = 4096
_BAUDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()}
UNUSUAL_BAUD = 1
"""Stands for a rate that has no name in termios; no servo speaks at it."""


class PtyWire:
    """A wire's two ends: `port` for a driver, the master file descriptor for the emulator.

    Args:
        directory: where a link named like the wire points to the port; None for no link.
    """

    def __init__(self, wire: ServoWire, directory: Path | None = None) -> None:
        self.wire = wire
        self.master, self._slave = os.openpty()
        os.set_blocking(self.master, False)
        tty.setraw(self._slave)  # kept open: a closed slave would hang up the master
        self.port = Path(os.ttyname(self._slave))
        self._link = None if directory is None else directory / wire.name
        if self._link is not None:
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(self.port)
            self.port = self._link

    @property
    def host_baud(self) -> int:
        """The rate that the driver has set on its port."""
        return _BAUDS.get(termios.tcgetattr(self._slave)[5], UNUSUAL_BAUD) or UNUSUAL_BAUD

    def pump(self, now_s: float, readable: bool) -> None:
        """Move bytes between the port and the wire as far as time has come. What nobody reads is lost."""
        if readable:
            data = os.read(self.master, READ_BYTES)
            if data:
                self.wire.receive(data, now_s, self.host_baud)
        due_s = self.wire.due_s()
        if due_s is not None and due_s <= now_s:
            brought = self.wire.deliver(now_s, self.host_baud)
            try:
                os.write(self.master, brought)
            except BlockingIOError:
                return

    def close(self) -> None:
        """Take the port away, as pulling the adapter's plug does."""
        os.close(self.master)
        os.close(self._slave)
        if self._link is not None:
            self._link.unlink(missing_ok=True)


class WireThread:
    """Serves wires from `start` to `stop`. Hold `lock` to touch a wire or its servos from another thread."""

    def __init__(self, wires: Sequence[ServoWire], directory: Path | None = None) -> None:
        self.lock = threading.Lock()
        self._wires, self._directory = {wire.name: wire for wire in wires}, directory
        self._ptys = {wire.name: PtyWire(wire, directory) for wire in wires}
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="servo wires", daemon=True)

    @property
    def ports(self) -> dict[str, Path]:
        """The port to open for each wire, by name."""
        return {name: pty.port for name, pty in self._ptys.items()}

    def __enter__(self) -> WireThread:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and take all ports away."""
        os.write(self._wake_write, b".")
        self._thread.join()
        for pty in self._ptys.values():
            pty.close()
        self._ptys.clear()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def unplug(self, name: str) -> None:
        """Take one port away: its driver sees a hang-up."""
        with self.lock:
            self._ptys.pop(name).close()
        os.write(self._wake_write, b"!")

    def plug(self, name: str) -> None:
        """Bring a port back that was taken away, at the same place where there is a directory of links."""
        with self.lock:
            self._ptys[name] = PtyWire(self._wires[name], self._directory)
        os.write(self._wake_write, b"!")

    def _serve(self) -> None:
        while True:
            with self.lock:
                ptys, now_s = list(self._ptys.values()), time.monotonic()
                listening, times_s = [self._wake_read], []
                for pty in ptys:
                    takes_at_s, due_s = pty.wire.takes_at_s(), pty.wire.due_s()
                    if takes_at_s <= now_s:
                        listening.append(pty.master)
                    else:
                        times_s.append(takes_at_s)
                    if due_s is not None:
                        times_s.append(due_s)
            timeout_s = max(0.0, min(times_s) - now_s) if times_s else None
            readable = select.select(listening, [], [], timeout_s)[0]
            if self._wake_read in readable and os.read(self._wake_read, 1) == b".":
                return
            with self.lock:
                now_s = time.monotonic()
                for pty in self._ptys.values():
                    pty.pump(now_s, pty.master in readable)
