"""What is known of one servo from its answers: position, speed, temperature, voltage, each with its time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from .hiwonder import Command

POSITION_RANGE = (-500, 1500)
"""Units that a shaft can stand at, with room for offsets; outside is an error of the servo."""
MAX_UNITS_PER_S = 4000
"""Three times the no-load speed: a faster change is an error of the servo or the wire."""
SLACK_UNITS = 20
WINDOW_S = 0.03
"""Speed is taken over this time, or from the last two positions where they are farther apart: a step of one unit in
5 ms would else read as 0.8 rad/s."""
WINDOW_SAMPLES = 16
LEAP_DEGC, LEAP_MV = 3, 400
DOUBT_S = 1.0
"""So long after a leap a temperature or a voltage is asked for more often, to see whether it stays."""


class Feedback(NamedTuple):
    """units: signed position. units_per_s: from positions and their times, see WINDOW_S. stamp_s: monotonic; the
    position is not older than this."""

    units: int
    units_per_s: float
    stamp_s: float


class Health(NamedTuple):
    """NaN and stamp 0 before the first answer. stamp_s: monotonic, of the older of the two."""

    temperature_degc: float
    voltage_v: float
    stamp_s: float


@dataclass
class Gauge:
    """A temperature or a voltage. worse: the sign of a change for the worse; leap: one so large is doubted; value: the
    milder of the last two answers, NaN before the first; stamp_s: of the last; leapt_s: when it last leapt."""

    worse: int
    leap: float
    value: float = math.nan
    stamp_s: float = 0.0
    leapt_s: float = -math.inf
    last: float = math.nan

    def take(self, value: float, stamp_s: float) -> bool:
        """An answer came in; whether it is a leap for the worse."""
        before, self.last, self.stamp_s = self.last, value, stamp_s
        if math.isnan(before):
            self.value = value
            return False
        self.value = min(before, value, key=lambda each: each * self.worse)
        leapt = (value - before) * self.worse >= self.leap
        if leapt:
            self.leapt_s = stamp_s
        return leapt


class Track:
    """The past of one servo, as far as it matters."""

    def __init__(self) -> None:
        self.feedback: Feedback | None = None
        self._past: deque[Feedback] = deque(maxlen=WINDOW_SAMPLES)  # oldest first, up to the newest
        self._suspect: Feedback | None = None
        self._gauges = {Command.TEMP_READ: Gauge(worse=1, leap=LEAP_DEGC), Command.VIN_READ: Gauge(-1, LEAP_MV)}

    def take_position(self, units: int, stamp_s: float) -> bool:
        """A position came in. False if no shaft can have got there: it counts only if the next one confirms it."""
        fresh = Feedback(units, 0.0, stamp_s)
        if not POSITION_RANGE[0] <= units <= POSITION_RANGE[1]:
            return False
        if self.feedback is not None and not _reachable(self.feedback, fresh):
            suspect, self._suspect = self._suspect, fresh
            if suspect is None or not _reachable(suspect, fresh):
                return False
            self._past.clear()
            self._past.append(suspect)
        self._suspect = None
        while len(self._past) > 1 and stamp_s - self._past[0].stamp_s > WINDOW_S:
            self._past.popleft()
        if self._past and stamp_s > self._past[0].stamp_s:
            speed = (units - self._past[0].units) / (stamp_s - self._past[0].stamp_s)
            fresh = fresh._replace(units_per_s=speed)
        self._past.append(fresh)
        self.feedback = fresh
        return True

    @property
    def health(self) -> Health:
        """Temperature and voltage now, each the milder of the last two answers: one alone makes nothing worse."""
        degc, millivolts = self._gauges[Command.TEMP_READ], self._gauges[Command.VIN_READ]
        return Health(degc.value, millivolts.value / 1000, min(degc.stamp_s, millivolts.stamp_s))

    @property
    def next_health(self) -> Command:
        """The one of temperature and voltage that was read longer ago."""
        return min(self._gauges, key=lambda command: self._gauges[command].stamp_s)

    def doubtful_health(self, now_s: float) -> Command | None:
        """The one of the two that got much worse from one answer to the next within DOUBT_S."""
        doubtful = (command for command, gauge in self._gauges.items() if now_s < gauge.leapt_s + DOUBT_S)
        return next(doubtful, None)

    def take_health(self, command: Command, value: int, stamp_s: float) -> bool:
        """A temperature (degC) or a voltage (mV) came in. True if it is much worse than the last: ask again at once."""
        return self._gauges[command].take(value, stamp_s)


def _reachable(start: Feedback, end: Feedback) -> bool:
    return abs(end.units - start.units) <= SLACK_UNITS + MAX_UNITS_PER_S * max(0.0, end.stamp_s - start.stamp_s)
