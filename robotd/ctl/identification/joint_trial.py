"""Moves one servo through its targets and reads it as often as the bus can; whatever happens, all is limp afterwards.

Other servos may hold where they hang, so that the limb is stiffer: each is told the place where it was found, and
nothing else. Whoever stands by ends it with Ctrl-C: the torque goes off first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from firmware_bridge.bus_budget import MOVE_BYTES
from firmware_bridge.hiwonder import MAX_MOVE_MS, Command, wire_time_s
from firmware_bridge.serial_line import LineFull, ReplyError
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_limp import LimpReport, limp_bus
from firmware_bridge.servo_sample import Track

from .fit import Record
from .servo_model import Told

ATTEMPTS = 10
LONG_MS = 30
"""A move that takes longer is asked for again: a lost one would spoil half a second, one of the chirp 20 ms."""
LOST_IN_A_ROW = 30
SLACK_UNITS, OVERSHOOT = 15, 0.3
"""A shaft may be so far outside of what it was told before it counts as out of hand: noise, and a part of the way."""
FAR_SHARE, FAR_S = 0.25, 0.4
"""A shaft that stays so much of the way (of all that it is told) from where it was told to be does not follow."""
LEAST_SAMPLES = 500
HOLD_MS = 500
"""Given to a servo that is to stay: even one that misreads where it stands would start slowly."""


class TrialError(RuntimeError):
    """The joint was stopped, torque off: one sentence."""


class Turn(NamedTuple):
    """A target in the servo's terms: told at_s after the start, to be at `units` after time_ms."""

    at_s: float
    units: int
    time_ms: int


async def where_is(bus: ServoBus, servo_id: int) -> int:
    """Where a servo stands, units, after a look at its own limits. Raises ReplyError, PortError, TrialError."""
    (units,) = (await bus.ask(servo_id, Command.POS_READ, ATTEMPTS)).values
    low, high = (await bus.ask(servo_id, Command.ANGLE_LIMIT_READ, ATTEMPTS)).values
    if not low <= units <= high:
        raise TrialError(f"it stands at {units}, outside of its servo's own limits {low} to {high}: move it by hand")
    return int(units)


async def try_joint(
    bus: ServoBus,
    servo_id: int,
    turns: Sequence[Turn],
    end_s: float,
    objection: Callable[[], str | None],
    holding: Sequence[int] = (),
) -> Record:
    """Do the turns, read all the while for `end_s`, then limp.

    Args:
        turns: the first one is where the servo stands.
        objection: asked all the time; why to stop at once, in a sentence, or None.
        holding: ids of the other servos of the bus, which hold meanwhile.

    Raises:
        TrialError: it was stopped, or there are too few readings.
        ReplyError, PortError: the bus.
    """
    trial = _Trial(bus, servo_id, turns)
    try:
        for other in holding:
            await _hold(bus, other)
        await trial.run(end_s, objection)
    finally:
        limped = await limp_bus(bus, [servo_id, *holding])
        if not limped.verified:
            raise TrialError(_doubt(limped))
    if len(trial.samples) < LEAST_SAMPLES:
        raise TrialError(
            f"only {len(trial.samples)} readings in {end_s:.0f} s, expected {LEAST_SAMPLES}: see `robotctl bus test`"
        )
    times_s, units = np.array(trial.samples, np.float64).T
    return Record(trial.told, times_s, units, float(turns[0].units))


async def _hold(bus: ServoBus, servo_id: int) -> None:
    """Torque on where a servo stands. Raises ReplyError, PortError, TrialError."""
    try:
        units = await where_is(bus, servo_id)
    except TrialError as problem:
        raise TrialError(f"servo {servo_id} should hold meanwhile, but {problem}") from None
    await bus.room()
    bus.tell(servo_id, Command.MOVE_TIME_WRITE, units, HOLD_MS)
    bus.tell(servo_id, Command.LOAD_OR_UNLOAD_WRITE, 1)


class _Trial:
    def __init__(self, bus: ServoBus, servo_id: int, turns: Sequence[Turn]) -> None:
        self.told: list[Told] = []
        self.samples: list[tuple[float, int]] = []
        self._bus, self._servo_id, self._turns = bus, servo_id, turns
        targets = [turn.units for turn in turns]
        way = max(targets) - min(targets)
        slack = SLACK_UNITS + OVERSHOOT * way
        self._band, self._far = (min(targets) - slack, max(targets) + slack), FAR_SHARE * way
        self._track = Track()
        self._lost, self._outside, self._unheard, self._near_s = 0, 0, 0, bus.now_s()

    async def run(self, end_s: float, objection: Callable[[], str | None]) -> None:
        begin_s, following = self._bus.now_s(), 0
        while (now_s := self._bus.now_s()) < begin_s + end_s:
            if problem := objection():
                raise TrialError(problem)
            if following < len(self._turns) and now_s >= begin_s + self._turns[following].at_s:
                following += await self._tell(self._turns[following])
            await self._read()

    async def _tell(self, turn: Turn) -> bool:
        """Whether it was told: the wire may take nothing just now, and a move that takes its time may go unheard."""
        await self._bus.room()
        time_ms = min(turn.time_ms, MAX_MOVE_MS)
        at_s = self._bus.now_s() + wire_time_s(MOVE_BYTES, self._bus.line.baud)
        try:
            self._bus.tell(self._servo_id, Command.MOVE_TIME_WRITE, turn.units, time_ms)
            if not self.told:
                self._bus.tell(self._servo_id, Command.LOAD_OR_UNLOAD_WRITE, 1)
        except LineFull:
            await asyncio.sleep(0.001)
            return False
        if time_ms >= LONG_MS and self._unheard < ATTEMPTS and not await self._hears(turn.units, time_ms):
            self._unheard += 1
            return False
        self.told.append(Told(at_s, turn.units, time_ms / 1000))
        return True

    async def _hears(self, units: int, time_ms: int) -> bool:
        """Whether the servo has this move, by its own word; without a word it is believed."""
        try:
            return (await self._bus.ask(self._servo_id, Command.MOVE_TIME_READ, ATTEMPTS)).values == (units, time_ms)
        except ReplyError:
            return True

    async def _read(self) -> None:
        try:
            answer = await self._bus.ask(self._servo_id, Command.POS_READ)
        except ReplyError:
            self._lost += 1
            if self._lost >= LOST_IN_A_ROW:
                raise
            return
        self._lost = 0
        units = answer.values[0]
        if not self._track.take_position(units, answer.stamp_s):
            return
        self.samples.append((answer.stamp_s, units))
        self._judge(units, answer.stamp_s)

    def _judge(self, units: int, now_s: float) -> None:
        """Out of hand, or stuck. Raises TrialError."""
        low, high = self._band
        self._outside = 0 if low <= units <= high else self._outside + 1
        if self._outside > 1:
            raise TrialError(
                f"it went to {units} units, outside of {low:.0f} to {high:.0f}: look for a load, a wrong calibration "
                "or a loose horn"
            )
        if not self.told or abs(units - self.told[-1].units) <= self._far or now_s < self._due_s():
            self._near_s = now_s
        elif now_s - self._near_s > FAR_S:
            raise TrialError(
                f"it does not follow: at {units} units though told {self.told[-1].units:.0f}; look for something in "
                "its way, or a servo without power"
            )

    def _due_s(self) -> float:
        """When the last move should have arrived."""
        return self.told[-1].at_s + self.told[-1].time_s


def _doubt(report: LimpReport) -> str:
    servo_id, limped = next((i, limped) for i, limped in report.servos.items() if not limped.verified)
    return f"servo {servo_id} did not confirm that its torque is off ({limped.problem}): cut its power"
