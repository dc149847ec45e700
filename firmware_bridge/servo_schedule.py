"""One asyncio task for each bus: writes the newest targets, reads the oldest feedback, and limps before all else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .hiwonder import BROADCAST, MAX_MOVE_MS, UNITS, Command
from .serial_line import BusError, PortError, Preempted, ReplyError
from .servo_bus import LOST, ServoBus, ServoCounters
from .servo_limp import FULL_S, LimpReport, limp_bus
from .servo_sample import Feedback, Health, Track
from .servo_torque import TorqueWords

TIRED = 3
"""After so many failures in a row a servo is asked at REST_S only, so that it does not age its neighbours."""
REST_S = 0.1
CONFIRM_S = 0.01
"""Load states that are not sure, temperatures and voltages that are not known, are asked for this often."""
LOAD_S = 0.2
"""On each bus some servo is asked at least this often whether it is loaded, though all have said so."""
AGAIN_S = 0.1
"""Temperatures and voltages that got much worse are asked for this often for a while."""
REOPEN_S = 0.2
"""A port that is gone is looked for this often."""


class Pace(NamedTuple):
    """How a bus spends its time.

    deadband_units: a target is not written again unless it differs by more.
    refresh_s: a target is written again after this time though it did not change, since nobody confirms a write.
    read_period_s: a joint is not read more often.
    health_s: temperature, voltage and load state of each servo are read this often.
    """

    deadband_units: int = 0
    refresh_s: float = 0.5
    read_period_s: float = 0.005
    health_s: float = 1.0


@dataclass
class _Lane:
    """One kind of question beside positions: when each servo was asked last, and when one is asked next."""

    asked_s: dict[int, float]
    next_s: float = 0.0


class ServoSchedule:
    """The servos of one bus, kept fresh. Make it and use it inside one running event loop; `start` it once.

    It begins disabled: it reads, and writes nothing that could move or load a servo before `enable`. While disabled it
    unloads every servo that says it is loaded. A port that is gone is opened again and comes back limp; one that was
    lost while enabled comes back left out, and counts as lost until the next limp. Enabled, a servo that is silent gets
    no move before it has said that it is loaded, and one that has lost its torque gets none until the next limp.
    """

    def __init__(self, bus: ServoBus, servo_ids: Iterable[int], pace: Pace | None = None) -> None:
        self.bus, self.servo_ids, self.pace = bus, tuple(servo_ids), pace or Pace()
        self.enabled = self._left_out = self._fell = False
        self._tracks = {servo_id: Track() for servo_id in self.servo_ids}
        self._targets: dict[int, tuple[int, int]] = {}
        self._written: dict[int, tuple[int, float]] = {}
        self._words = TorqueWords()
        self._tried_s = dict.fromkeys(self.servo_ids, 0.0)
        self._loads = _Lane(dict.fromkeys(self.servo_ids, 0.0))
        self._healths = _Lane(dict.fromkeys(self.servo_ids, 0.0))
        self._reopen_s = 0.0  # when a port that is gone is looked for next
        self._read_last = False  # positions and all else take turns
        self._doubts, self._doubted_last = _Lane(dict.fromkeys(self.servo_ids, 0.0)), False  # of health
        self._limp: asyncio.Future[LimpReport] | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What a backend calls, all of it at once

    def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"servo bus {self.bus.name}")

    def aim(self, targets: Mapping[int, int], time_ms: int) -> None:
        """Targets in units by servo id, to be reached in `time_ms`; the latest win. Kept, not written, while disabled.

        Values outside what a servo can be told are clamped.
        """
        time_ms = min(max(time_ms, 0), MAX_MOVE_MS)
        for servo_id, units in targets.items():
            units = min(max(units, 0), UNITS)
            self._targets[servo_id] = (units, time_ms)
            if servo_id in self._written and not self._changed(servo_id, units):
                self.bus.count(servo_id).spared += 1
        self._wake.set()

    def enable(self) -> None:
        """Write the newest targets, then load the servos. Raises BusError: a servo has no target."""
        missing = [servo_id for servo_id in self.servo_ids if servo_id not in self._targets]
        if missing:
            raise BusError(f"{self.bus.name}: no target for servos {missing}; give one before their torque comes on")
        self._written.clear()
        self._switch()
        self.enabled = True
        self._wake.set()

    def leave_out(self) -> None:
        """Only read until the next limp: who holds its pose goes on, and who has lost its power stays without torque.

        Servos that were away come back unloaded, and a move would load them and throw them to an old target. While
        disabled there is nothing to leave out: who is found loaded is unloaded all the same.
        """
        self._left_out = self.enabled

    def limp(self) -> asyncio.Future[LimpReport]:
        """Torque off before anything else; the first unload is sent here and now. Targets are forgotten.

        The future holds the report once all servos have confirmed it, or time is over; it never fails. Servos that
        did not confirm are tried again for as long as the schedule is disabled.
        """
        self.enabled = self._fell = False
        self._targets.clear()
        self._switch()
        under_way = self._limp is not None
        if self._limp is None:
            self._limp = asyncio.get_running_loop().create_future()
        try:
            self.bus.tell(BROADCAST, Command.LOAD_OR_UNLOAD_WRITE, 0)
        except PortError:
            self._wake.set()  # the bus has noted it, and the report will say it
        if not under_way:  # asked again and again, it must still get its answers
            self.bus.preempt()
        self._wake.set()
        return self._limp

    def _switch(self) -> None:
        """Torque is told to go on or off: from now on all servos have to say anew that they obey."""
        self._left_out = False
        self._words.switch(self.servo_ids)
        self._loads.next_s = 0.0

    async def stop(self) -> None:
        """End the task. The servos stay as they are: limp first."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # What a backend reads

    def feedback(self, servo_id: int) -> Feedback | None:
        """The newest position, None before the first."""
        return self._tracks[servo_id].feedback

    def health(self, servo_id: int) -> Health:
        """The newest temperature and voltage."""
        return self._tracks[servo_id].health

    def has_told_health(self, servo_id: int) -> bool:
        """Whether temperature and voltage of a servo are known."""
        return self._tracks[servo_id].health.stamp_s > 0

    def counters(self, servo_id: int) -> ServoCounters:
        """What happened with a servo since the start."""
        return self.bus.count(servo_id)

    @property
    def unconfirmed(self) -> frozenset[int]:
        """Servos that have not yet said that they are loaded, or unloaded, as they were told last."""
        return frozenset(self._words.unconfirmed)

    @property
    def failed_in_a_row(self) -> int:
        """As the bus counts them; LOST from when the port was lost while enabled until the next limp."""
        return LOST if self._fell else self.bus.failed_in_a_row

    @property
    def problem(self) -> str | None:
        """Why the task has ended, though nobody stopped it; None while it runs."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return f"{self.bus.name}: {self._task.exception()!r}"

    # The task

    async def _run(self) -> None:
        while True:
            try:
                if self._limp is not None:
                    await self._do_limp(self._limp)
                elif self.bus.lost:
                    await self._come_back()
                else:
                    await self._step()
            except Preempted:
                continue  # the next round limps
            except PortError:
                await self._pause(self.bus.now_s() + FULL_S)

    async def _come_back(self) -> None:
        """Look for a port that is gone. Nobody knows what its servos did meanwhile: nothing more for who had torque,
        as they hold their pose in a crouch, else limp before all else."""
        if self.enabled:
            self._fell = self._left_out = True
        if self.bus.now_s() < self._reopen_s:
            await self._pause(self._reopen_s)
            return
        self._reopen_s = self.bus.now_s() + REOPEN_S
        await self.bus.reopen()
        if not self.enabled:
            self.limp()

    async def _do_limp(self, done: asyncio.Future[LimpReport]) -> None:
        report = await limp_bus(self.bus, self.servo_ids)
        self._limp = None
        if not self.enabled:
            self._words.unconfirmed = {i for i, limped in report.servos.items() if not limped.verified}
        if not done.done():
            done.set_result(report)

    async def _step(self) -> None:
        """All targets that changed, then one question."""
        now_s = self.bus.now_s()
        if self._left_out:
            self._loads.next_s = now_s + LOAD_S
        elif self.enabled:
            for servo_id in self.servo_ids:
                if self._may_move(servo_id, now_s):
                    await self._write(servo_id)
            now_s = self.bus.now_s()
        oldest = min(self.servo_ids, key=self._ready_s)
        due, readable = min(self._loads.next_s, self._healths.next_s) <= now_s, self._ready_s(oldest) <= now_s
        try:
            if due and (self._read_last or not readable):
                self._read_last = False
                await (self._check_load() if self._loads.next_s <= self._healths.next_s else self._check_health())
            elif readable:
                self._read_last = True
                await self._read(oldest)
            else:
                await self._pause(self._ready_s(oldest))
        except ReplyError:
            return  # counted by the bus

    def _ready_s(self, servo_id: int) -> float:
        """When a servo may be read next: the one with the oldest reading first, the one that has failed once again at
        once, the one that never answers seldom."""
        failures = self.bus.count(servo_id).in_a_row
        if failures == 1:
            return 0.0
        return self._tried_s[servo_id] + (REST_S if failures >= TIRED else self.pace.read_period_s)

    def _may_move(self, servo_id: int, now_s: float) -> bool:
        """Not who was silent and may have been without power, before he has been asked about his torque."""
        if servo_id in self._written and self._is_tired(servo_id):
            self._words.silent.add(servo_id)
        elif servo_id in self._words.silent:
            self._loads.next_s = min(self._loads.next_s, now_s)
        return self._words.may_move(servo_id)

    async def _write(self, servo_id: int) -> None:
        units, time_ms = self._targets[servo_id]
        first, now_s = servo_id not in self._written, self.bus.now_s()
        if not self._changed(servo_id, units) and now_s - self._written[servo_id][1] < self.pace.refresh_s:
            return
        await self.bus.room()
        if self._left_out or not self.enabled:  # this came while the wire was full
            raise Preempted(f"{self.bus.name}: a limp took the bus")
        units, time_ms = self._targets[servo_id]
        self.bus.tell(servo_id, Command.MOVE_TIME_WRITE, units, time_ms)
        if first:
            self.bus.tell(servo_id, Command.LOAD_OR_UNLOAD_WRITE, 1)
        self._written[servo_id] = (units, now_s)

    def _changed(self, servo_id: int, units: int) -> bool:
        """Whether a target differs from what was written last by more than the deadband."""
        if servo_id not in self._written:
            return True
        return abs(units - self._written[servo_id][0]) > self.pace.deadband_units

    async def _read(self, servo_id: int) -> None:
        self._tried_s[servo_id] = self.bus.now_s()
        counters = self.bus.count(servo_id)
        failures = counters.in_a_row
        answer = await self.bus.ask(servo_id, Command.POS_READ)
        if not self._tracks[servo_id].take_position(answer.values[0], answer.stamp_s):
            counters.implausible += 1
            counters.answered -= 1
            counters.in_a_row = failures + 1

    async def _check_health(self) -> None:
        """Temperature or voltage of a servo, spread evenly over time; at the start, when none is known, at once."""
        unknown = [i for i in self.servo_ids if not self.has_told_health(i) and not self._is_tired(i)]
        now_s, even_s = self.bus.now_s(), self.pace.health_s / 2 / len(self.servo_ids)
        doubts = {i: command for i in self.servo_ids if (command := self._tracks[i].doubtful_health(now_s))}
        self._doubted_last = doubting = bool(doubts) and not unknown and not self._doubted_last  # all take turns
        every_s = min(even_s, CONFIRM_S) if unknown else min(even_s, AGAIN_S) / 2 if doubts else even_s
        lane, pool = (self._doubts, doubts) if doubting else (self._healths, unknown or self.servo_ids)
        servo_id = self._turn(lane, pool, every_s)
        self._healths.next_s = lane.next_s
        track = self._tracks[servo_id]
        command = doubts[servo_id] if doubting else track.next_health
        answer = await self.bus.ask(servo_id, command)
        if track.take_health(command, answer.values[0], answer.stamp_s) and not doubting:
            self._healths.next_s = now_s  # at once

    async def _check_load(self) -> None:
        """Load state of a servo: of those that are not sure without delay, else of all in turn. Who says that he is not
        as he was told last is not sure any more, and is told again, but for who had torque and has lost it."""
        doubtful, wanted = self._words.unconfirmed, self.enabled
        pool = doubtful | self._words.silent
        awake = any(not self._is_tired(i) for i in pool)
        every_s = (CONFIRM_S if awake else REST_S) if pool else min(LOAD_S, self.pace.health_s / len(self.servo_ids))
        servo_id = self._turn(self._loads, pool or self.servo_ids, every_s)
        if doubtful and not wanted:  # who cannot be heard may still hear
            self.bus.tell(BROADCAST, Command.LOAD_OR_UNLOAD_WRITE, 0)
        answer = await self.bus.ask(servo_id, Command.LOAD_OR_UNLOAD_READ)
        if self._left_out or wanted != self.enabled:
            return
        if answer.values == (int(wanted),):
            self._words.confirm(servo_id, wanted)
            return
        self._loads.next_s = min(self._loads.next_s, self.bus.now_s() + CONFIRM_S)
        if not wanted:
            doubtful.update({servo_id} if doubtful else self.servo_ids)  # who loaded this one may have loaded others
            self.bus.tell(BROADCAST, Command.LOAD_OR_UNLOAD_WRITE, 0)
        elif self._words.deny_load(servo_id):
            self.bus.tell(servo_id, Command.LOAD_OR_UNLOAD_WRITE, 1)

    def _turn(self, lane: _Lane, pool: Iterable[int], every_s: float) -> int:
        """Who of the pool is asked now: of those that answer the one that waits longest. The lane rests for a while."""
        servo_id = min(pool, key=lambda i: (self._is_tired(i), lane.asked_s[i]))
        lane.asked_s[servo_id] = now_s = self.bus.now_s()
        lane.next_s = now_s + every_s
        return servo_id

    def _is_tired(self, servo_id: int) -> bool:
        return self.bus.count(servo_id).in_a_row >= TIRED

    async def _pause(self, until_s: float) -> None:
        """Nothing to do until then, or until somebody wants something."""
        timer = asyncio.get_running_loop().call_at(until_s, self._wake.set)
        await self._wake.wait()
        self._wake.clear()
        timer.cancel()
