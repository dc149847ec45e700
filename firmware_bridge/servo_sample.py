"""What is known of one servo from its answers: position, speed, temperature, voltage, each with its time."""

from __future__ import annotations

from collections import deque
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


class Track:
    """The past of one servo, as far as it matters."""

    def __init__(self) -> None:
        self.feedback: Feedback | None = None
        self._past: deque[Feedback] = deque(maxlen=WINDOW_SAMPLES)  # oldest first, up to the newest
        self._suspect: Feedback | None = None
        self._degc, self._volts = float("nan"), float("nan")
        self._stamps_s = {Command.TEMP_READ: 0.0, Command.VIN_READ: 0.0}

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
        """The newest temperature and voltage."""
        return Health(self._degc, self._volts, min(self._stamps_s.values()))

    @property
    def next_health(self) -> Command:
        """The one of temperature and voltage that was read longer ago."""
        return min(self._stamps_s, key=self._stamps_s.__getitem__)

    def take_health(self, command: Command, value: int, stamp_s: float) -> None:
        """A temperature (degC) or a voltage (mV) came in."""
        self._stamps_s[command] = stamp_s
        if command is Command.TEMP_READ:
            self._degc = float(value)
        else:
            self._volts = value / 1000


def _reachable(start: Feedback, end: Feedback) -> bool:
    return abs(end.units - start.units) <= SLACK_UNITS + MAX_UNITS_PER_S * max(0.0, end.stamp_s - start.stamp_s)
