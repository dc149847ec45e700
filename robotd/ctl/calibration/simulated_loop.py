"""An event loop on simulated time, with emulated servo wires behind it: as fast as the machine, and the same each time.

The drivers are the real ones, the wires carry bytes. Whenever nothing is left to do, time jumps to what comes next: a
timer of the loop, or an event on a wire.
"""

from __future__ import annotations

import asyncio
import math
import os
import selectors
from collections.abc import Sequence

from firmware_bridge.emulator.servo_wire import ServoWire
from firmware_bridge.serial_line import READ_BYTES, PortError, SerialLine
from robotd.clock import SimulatedClock
from robotd.ctl.calibration.robot import World

TINY_S = 1e-9
Ready = list[tuple[selectors.SelectorKey, int]]


class WireLine(SerialLine):
    """A port whose far end is an emulated wire; no pseudo terminal, since those have a time of their own."""

    def __init__(self, wire: ServoWire, clock: SimulatedClock) -> None:
        self.port, self.baud, self.low_latency = f"emulated {wire.name}", wire.baud, True
        self.wire, self._clock = wire, clock
        self.fd, self._brought = os.pipe()
        os.set_blocking(self.fd, False)
        self._closed = False
        self.pulled = False
        """Whether the adapter's plug is out."""

    def read(self) -> bytes:
        """What has arrived by now."""
        try:
            return os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Hand bytes to the wire. Raises PortError: closed, or gone."""
        if self._closed or self.pulled:
            raise PortError(f"{self.port}: {'closed' if self._closed else 'gone'}")
        self.wire.receive(data, self._clock.now_s(), self.baud)

    def reopened(self) -> SerialLine:
        """This very line, once it is plugged in again. Raises PortError."""
        if self._closed or self.pulled:
            raise PortError(f"{self.port}: no such port")
        return self

    def close(self) -> None:
        """Take the port away; more than once does no harm."""
        if not self._closed:
            self._closed = True
            os.close(self.fd)
            os.close(self._brought)

    def deliver(self) -> None:
        """Bring what the wire has said until now."""
        brought = self.wire.deliver(self._clock.now_s(), self.baud)
        if brought and not self._closed and not self.pulled:
            os.write(self._brought, brought)


class SimulatedWorld:
    """Time for wires and loop together."""

    def __init__(self, clock: SimulatedClock, lines: Sequence[WireLine]) -> None:
        self.clock, self._lines = clock, lines

    @property
    def world(self) -> World:
        """As the bench wants it."""
        return World(self.clock.now_s, self.sleep, lambda: SimulatedLoop(self))

    def sleep(self, seconds: float) -> None:
        """Let time pass, and let the wires do what is due meanwhile."""
        until_s = self.clock.now_s() + seconds
        while self.clock.now_s() < until_s:
            self.step(until_s)

    def step(self, until_s: float) -> None:
        """Jump to the next event on a wire, at most to `until_s`, and deliver it."""
        dues = [due_s for line in self._lines if (due_s := line.wire.due_s()) is not None]
        at_s = min([until_s, *dues])
        if math.isinf(at_s):
            raise RuntimeError("nothing will ever happen: nobody waits for a time, and the wires are silent")
        self.clock.advance(max(TINY_S, at_s - self.clock.now_s()))
        for line in self._lines:
            line.deliver()


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that lives in a SimulatedWorld."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._simulated = world
        super().__init__(_Jumping(world))

    def time(self) -> float:
        """Simulated time."""
        return self._simulated.clock.now_s()


class _Jumping(selectors.EpollSelector):
    """Where a loop would wait, time goes on instead."""

    def __init__(self, world: SimulatedWorld) -> None:
        super().__init__()
        self._world = world

    def select(self, timeout: float | None = None) -> Ready:
        ready: Ready = super().select(0)
        until_s = math.inf if timeout is None else self._world.clock.now_s() + timeout
        while not ready and self._world.clock.now_s() < until_s:
            self._world.step(until_s)
            ready = super().select(0)
        return ready
