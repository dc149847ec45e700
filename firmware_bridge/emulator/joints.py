"""What hangs on the servos of one bus: first-order joints here, a physics twin where one is attached."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Protocol

UNITS_PER_S = 1200.0
"""No-load speed of an HTD-45H, 5.0 rad/s; assumed, see hardware facts."""


class Joints(Protocol):
    """The mechanics behind one bus, in servo units (0.24 deg) of the output shaft.

    Called from the wires' thread while it holds their lock: be quick, and wait for nobody who waits for a wire.
    """

    def read(self, servo_id: int) -> float:
        """Where the shaft is now."""
        ...

    def target(self, servo_id: int, units: float, time_ms: int) -> None:
        """Go to `units`, arriving after `time_ms` or as soon as the servo can, whichever is later."""
        ...

    def load(self, servo_id: int, loaded: bool) -> None:
        """Torque on or off."""
        ...


class MotionProfile:
    """The set-point of a servo on its way: a straight line that arrives at the commanded time, or later if the
    speed limit says so.

    Args:
        units: where it stands.
        units_per_s: the speed limit.
    """

    def __init__(self, units: float, units_per_s: float = UNITS_PER_S) -> None:
        self._speed = units_per_s
        self._from = self._to = units
        self._start_s, self._duration_s = 0.0, 0.0

    def move(self, units: float, time_ms: int, now_s: float) -> None:
        """Head for `units` from where the set-point is now."""
        here = self.at(now_s)
        self._duration_s = max(time_ms / 1000, abs(units - here) / self._speed)
        self._from, self._to, self._start_s = here, units, now_s

    def rest(self, units: float) -> None:
        """Stand at `units` at once: what a servo does when its torque comes on."""
        self._from = self._to = units
        self._duration_s = 0.0

    def at(self, now_s: float) -> float:
        """The set-point at this time."""
        if now_s >= self._start_s + self._duration_s:
            return self._to
        return self._from + (self._to - self._from) * max(0.0, now_s - self._start_s) / self._duration_s


class FirstOrderJoints:
    """Joints that follow their set-points with a lag, and stay where they are without torque.

    Args:
        servo_ids: the servos of the bus.
        units: where all of them stand at first.
        time_constant_s: after this time a joint has gone 63 % of the way.
        clock_s: monotonic time.
    """

    def __init__(
        self,
        servo_ids: Iterable[int],
        units: float = 500.0,
        time_constant_s: float = 0.03,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock_s, self._time_constant_s = clock_s, time_constant_s
        self._units = dict.fromkeys(servo_ids, units)
        self._profiles = {servo_id: MotionProfile(units) for servo_id in self._units}
        self._stamps_s = dict.fromkeys(self._units, clock_s())
        self._loaded = dict.fromkeys(self._units, False)

    def read(self, servo_id: int) -> float:
        """Where the shaft is now."""
        now_s = self._clock_s()
        past_s, self._stamps_s[servo_id] = now_s - self._stamps_s[servo_id], now_s
        if self._loaded[servo_id]:
            gain = 1 - math.exp(-max(0.0, past_s) / self._time_constant_s)
            self._units[servo_id] += gain * (self._profiles[servo_id].at(now_s) - self._units[servo_id])
        return self._units[servo_id]

    def target(self, servo_id: int, units: float, time_ms: int) -> None:
        """A new target."""
        self.read(servo_id)
        self._profiles[servo_id].move(units, time_ms, self._clock_s())

    def load(self, servo_id: int, loaded: bool) -> None:
        """Torque on, holding what it finds, or off."""
        here = self.read(servo_id)
        if loaded and not self._loaded[servo_id]:
            self._profiles[servo_id].rest(here)
        self._loaded[servo_id] = loaded

    def place(self, servo_id: int, units: float) -> None:
        """Put a shaft somewhere, at rest, as a hand would."""
        self._units[servo_id] = units
        self._stamps_s[servo_id] = self._clock_s()
        self._profiles[servo_id].rest(units)
