"""A serial port as bytes that never block: pyserial opens and configures it, then only its file descriptor counts."""

from __future__ import annotations

import os
import select
import termios
import threading
from pathlib import Path

import serial

READ_BYTES = 4096


class BusError(RuntimeError):
    """Something on a servo bus went wrong; one sentence. Its kinds are drawn here:

    BusError
    ├── PortError          the port cannot be opened, or is gone
    │   └── LineFull       the port takes no more bytes for now
    ├── ReplyError         one transaction failed
    │   ├── NoReply        nothing came in time
    │   └── GarbledReply   something came in time, but no answer
    ├── Preempted          a limp took the bus
    └── ReadBackError      a servo says something else than what was written
    """


class PortError(BusError):
    """The port cannot be opened, or is gone."""


class LineFull(PortError):
    """The port takes no more bytes for now."""


class ReplyError(BusError):
    """One transaction failed."""


class NoReply(ReplyError):
    """Nothing came in time."""


class GarbledReply(ReplyError):
    """Something came in time, but no answer."""


class Preempted(BusError):
    """A limp took the bus from a transaction."""


class ReadBackError(BusError):
    """A servo says something else than what was written."""


class SerialLine:
    """An open serial port, 8N1, locked against other processes.

    Args:
        port: a device, or an emulator's link to one.
        baud: bits per second.

    Raises:
        PortError: it cannot be opened, or another process holds it.
    """

    def __init__(self, port: str | Path, baud: int) -> None:
        self.port, self.baud = str(port), baud
        self._closing = threading.Lock()
        try:
            self._serial = serial.Serial(self.port, baud, timeout=0, write_timeout=0, exclusive=True)
        except (serial.SerialException, termios.error, ValueError, OSError) as problem:  # gone while it was configured
            raise PortError(_why_closed(self.port, baud, problem)) from None
        self.fd = self._serial.fileno()
        os.set_blocking(self.fd, False)
        self.low_latency = self._hurry()

    def read(self) -> bytes:
        """What has arrived by now, possibly nothing. Raises PortError: the device is gone."""
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as problem:
            raise PortError(f"{self.port}: gone ({problem.strerror}); plug the adapter in again") from None
        if not data and self._hung_up():  # pyserial has VMIN 0, so nothing is also what a silent port gives
            raise PortError(f"{self.port}: gone (hung up); plug the adapter in again")
        return data

    def write(self, data: bytes) -> None:
        """Hand bytes to the port. Raises PortError: the device is gone; LineFull: it takes no more for now."""
        try:
            written = os.write(self.fd, data)
        except BlockingIOError:
            written = 0
        except OSError as problem:
            raise PortError(f"{self.port}: gone ({problem.strerror}); plug the adapter in again") from None
        if written != len(data):
            raise LineFull(f"{self.port}: its buffer is full, nothing leaves it; check adapter and cable")

    def close(self) -> None:
        """Let the port go; more than once, also in two threads, does no harm."""
        with self._closing:
            self._serial.close()

    def reopened(self) -> SerialLine:
        """The same port, opened anew after it was gone; this line is closed then. May block. Raises PortError."""
        self.close()
        return SerialLine(self.port, self.baud)

    def _hung_up(self) -> bool:
        poller = select.poll()
        poller.register(self.fd, 0)
        return bool(poller.poll(0))

    def _hurry(self) -> bool:
        """Ask an FTDI adapter for 1 ms latency in place of its 16 ms. Returns whether the port knows such a thing."""
        try:
            self._serial.set_low_latency_mode(True)
        except (ValueError, NotImplementedError):
            return False
        return True


def _why_closed(port: str, baud: int, problem: Exception) -> str:
    if not Path(port).exists():
        return f"{port}: no such port; plug the adapter in, or name another port"
    if "exclusively lock" in str(problem):
        return f"{port}: another process holds it; stop that one first"
    if not os.access(port, os.R_OK | os.W_OK):
        return f"{port}: no permission; add yourself to the group that owns it (often dialout)"
    if not Path(port).is_char_device():
        return f"{port}: not a serial port; name the adapter, as /dev/ttyUSB0"
    reason = (
        os.strerror(problem.errno)
        if isinstance(problem, OSError) and problem.errno
        else (problem.args or (problem,))[-1]
    )
    return f"{port}: cannot be opened at {baud} baud ({reason})"
