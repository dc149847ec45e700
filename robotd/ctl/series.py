"""Several episodes in one run of robotd: each begins limp on the stand; after its end the robot is put back there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from robotd.ctl.director import Director
from robotd.ctl.witness import Witness
from robotd.mode import Event, Mode
from robotd.record import Hook, Orders, TickRecord

_CALM_S = 0.5  # on the stand before the fault is cleared
_PATIENCE_S = 20.0  # from the end of an episode to IDLE, the crouch included
_OVERHEAD_S = 6.0  # of an episode besides its active time: homing, lowering, settling, crouch


class Episode(NamedTuple):
    """One of the series: who leads it, who watches it, and a hook that tells of it."""

    director: Director
    witness: Witness
    announcer: Hook


class Series:
    """The loop's operator and, with `watch`, one of its hooks. Between two episodes it is the person beside the robot.

    episodes: begun so far, the last one perhaps not ended; interrupted: a person ended it; stuck: the robot could not
    be brought back to IDLE, so the rest was left out.

    Args:
        begin: makes the episode of a number, counted from 0.
        put_back: sets the robot on the stand, limp.
    """

    def __init__(
        self, count: int, begin: Callable[[int], Episode], put_back: Callable[[], None], ctrl_dt: float
    ) -> None:
        self._count, self._begin, self._put_back = count, begin, put_back
        self._calm, self._patience = round(_CALM_S / ctrl_dt), round(_PATIENCE_S / ctrl_dt)
        self._playing = True
        self._waited = self._stood = 0
        self.episodes = [begin(0)]
        self.interrupted = self.stuck = False

    def __call__(self, record: TickRecord | None) -> Orders:
        """What the robot is to do in the next tick."""
        if self._playing:
            orders = self.episodes[-1].director(record)
            if not orders.shutdown or len(self.episodes) == self._count:
                return orders
            self._playing = False
            self._waited = self._stood = 0
            return Orders((Event.STOP,))
        return Orders() if self.interrupted or record is None else self._change_over(record)

    def watch(self, record: TickRecord) -> None:
        """Show one tick to those who watch the episode; what happens between two episodes is nobody's."""
        if self._playing:
            self.episodes[-1].witness(record)
            self.episodes[-1].announcer(record)

    def interrupt(self) -> None:
        """A person ends the series: nothing after this is judged."""
        self.interrupted = True
        self.episodes[-1].director.interrupt()

    def _change_over(self, record: TickRecord) -> Orders:
        self._waited += 1
        if self._waited > self._patience:
            self.stuck = True
            return Orders(shutdown=True)
        if record.mode is Mode.IDLE:
            self._playing = True
            self.episodes.append(self._begin(len(self.episodes)))
            return self.episodes[-1].director(record)
        if record.mode is Mode.FAULT:
            if not self._stood:
                self._put_back()
            self._stood += 1
            return Orders((Event.CLEAR,)) if self._stood > self._calm else Orders()
        return Orders()


class TimeLeft:
    """Estimates how long a series still takes, from the episodes that are done.

    Args:
        seconds: active time of an episode; None where nothing is known before the first one is done.
    """

    def __init__(self, count: int, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._count, self._clock = count, clock
        self._first_s = None if seconds is None else seconds + _OVERHEAD_S
        self._begun_s: list[float] = []

    def begin(self) -> None:
        """An episode begins now."""
        self._begun_s.append(self._clock())

    def text(self) -> str:
        """Which episode it is, and the time that is left: 'episode 3/20, 2:05 left'."""
        done = len(self._begun_s) - 1
        each_s = (self._begun_s[-1] - self._begun_s[0]) / done if done else self._first_s
        text = f"episode {done + 1}/{self._count}"
        if each_s is None:
            return text
        left_s = (self._count - done) * each_s - (self._clock() - self._begun_s[-1])
        minutes, seconds = divmod(max(0, round(left_s)), 60)
        return f"{text}, {minutes}:{seconds:02d} left"
