"""What hangs on the servos of one bus: first-order joints here, a physics twin where one is attached."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

UNITS_PER_S = 1200.0
"""No-load speed of an HTD-45H, 5.0 rad/s; assumed, see hardware facts."""
STEP_S, MOST_STEPS = 0.001, 1000
"""Joints are carried forward in such steps; after a long pause in so many longer ones."""


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


class Mechanics(NamedTuple):
    """How one servo moves its shaft; as it stands here without delay, play and friction.

    delay_s: from the last byte of a move to the first motion of its set-point; units_per_s: the speed limit;
    time_constant_s: after this time without load the shaft has gone 63 % of the way; backlash_units: half of the
    gear's play; friction_units: how far the set-point must lead before the shaft moves at all.
    """

    delay_s: float = 0.0
    units_per_s: float = UNITS_PER_S
    time_constant_s: float = 0.03
    backlash_units: float = 0.0
    friction_units: float = 0.0


IDEAL = Mechanics()


class FirstOrderJoints:
    """Joints that follow their set-points with a lag, and stay where they are without torque.

    Args:
        servo_ids: the servos of the bus.
        units: where all of them stand at first.
        mechanics: of each servo, or of those that differ from IDEAL.
        clock_s: monotonic time.
    """

    def __init__(
        self,
        servo_ids: Iterable[int],
        units: float = 500.0,
        mechanics: Mapping[int, Mechanics] | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        given, now_s = mechanics or {}, clock_s()
        self._clock_s = clock_s
        self._shafts = {i: _Shaft(given.get(i, IDEAL), units, now_s) for i in servo_ids}

    def read(self, servo_id: int) -> float:
        """Where the shaft is now."""
        return self._shafts[servo_id].at(self._clock_s())

    def target(self, servo_id: int, units: float, time_ms: int) -> None:
        """A new target."""
        self._shafts[servo_id].aim(units, time_ms, self._clock_s())

    def set_point(self, servo_id: int) -> float:
        """Where the servo wants the shaft to be now, but for the gear's play."""
        return self._shafts[servo_id].set_point(self._clock_s())

    def load(self, servo_id: int, loaded: bool) -> None:
        """Torque on, holding what it finds, or off."""
        self._shafts[servo_id].load(loaded, self._clock_s())

    def place(self, servo_id: int, units: float) -> None:
        """Put a shaft somewhere, at rest, as a hand would."""
        self._shafts[servo_id].place(units, self._clock_s())


class _Shaft:
    """One servo's set-point, gear and output shaft."""

    def __init__(self, mechanics: Mechanics, units: float, now_s: float) -> None:
        self._mechanics, self._stamp_s = mechanics, now_s
        self._profile = MotionProfile(units, mechanics.units_per_s)
        self._units = self._behind_play = units
        self._late: deque[tuple[float, float, int]] = deque()  # moves on their way: when due, units, time_ms
        self._loaded = False

    def at(self, now_s: float) -> float:
        """Let time pass up to now, in small steps; where the shaft is then."""
        past_s = now_s - self._stamp_s
        if past_s <= 0:
            return self._units
        steps = min(max(math.ceil(past_s / STEP_S), 1), MOST_STEPS) if self._loaded else 1
        for step in range(steps):
            self._step(self._stamp_s + (step + 0.5) * past_s / steps, past_s / steps)
        self._stamp_s = now_s
        return self._units

    def aim(self, units: float, time_ms: int, now_s: float) -> None:
        """A new target, obeyed after the delay."""
        self.at(now_s)
        self._late.append((now_s + self._mechanics.delay_s, units, time_ms))
        self._obey(now_s)

    def set_point(self, now_s: float) -> float:
        """Where it is headed for on its ramp."""
        self.at(now_s)
        return self._profile.at(now_s)

    def load(self, loaded: bool, now_s: float) -> None:
        """Torque on, holding what it finds, or off."""
        here = self.at(now_s)
        if loaded and not self._loaded:
            self._profile.rest(here)
            self._behind_play = here
        if not loaded:
            self._late.clear()
        self._loaded = loaded

    def place(self, units: float, now_s: float) -> None:
        """Stand somewhere, at rest."""
        self._units = self._behind_play = units
        self._stamp_s = now_s
        self._late.clear()
        self._profile.rest(units)

    def _step(self, now_s: float, step_s: float) -> None:
        self._obey(now_s)
        if not self._loaded:
            return
        set_point, play = self._profile.at(now_s), self._mechanics.backlash_units
        friction = self._mechanics.friction_units
        self._behind_play = min(max(self._behind_play, set_point - play), set_point + play)
        lead = self._behind_play - self._units
        if abs(lead) > friction:
            gain = 1 - math.exp(-step_s / self._mechanics.time_constant_s)
            self._units += gain * (lead - math.copysign(friction, lead))

    def _obey(self, now_s: float) -> None:
        while self._late and self._late[0][0] <= now_s:
            due_s, units, time_ms = self._late.popleft()
            self._profile.move(units, time_ms, due_s)
