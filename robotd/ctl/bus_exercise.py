"""What `bus test` does on the wire: it reads as fast as it can, writes every tick, and counts all that goes wrong.

Each servo is told, again and again, the one position at which it was found. So nothing moves, but the torque comes on
where it was off, and goes off again at the end. A servo that moves all the same ends the test, with all torque off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

from firmware_bridge.hiwonder import OVERHEAD_BYTES, UNITS, Command, wire_time_s
from firmware_bridge.serial_line import BusError, LineFull, NoReply, ReplyError
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_limp import limp_bus
from firmware_bridge.servo_scan import probe

TICK_S = 0.020
MOVE_MS = 500
"""Time given to a move, so that even a servo that misreads where it stands would start slowly."""
MOVED_UNITS = 12
"""About 3 deg from where it was found: more than backlash, sag and noise."""
ATTEMPTS = 5


@dataclass
class Tally:
    """One servo. reply_s: each from the start of a question to its answer. found_units: where it stood at first.

    loaded: whether its torque was on at first; None: it did not say. kept_from: why it is not written to.
    """

    asked: int = 0
    no_reply: int = 0
    garbled: int = 0
    written: int = 0
    reply_s: list[float] = field(default_factory=list)
    found_units: int | None = None
    loaded: bool | None = None
    kept_from: str | None = None
    moved_units: int = 0
    left_loaded: bool = False

    @property
    def failed(self) -> int:
        """Questions without a usable answer."""
        return self.no_reply + self.garbled


@dataclass
class Exercise:
    """The result. moved: the servo that ended it early. problem: why the port was given up, in a sentence."""

    tallies: dict[int, Tally]
    seconds: float = 0.0
    moved: int | None = None
    problem: str | None = None


async def exercise_bus(bus: ServoBus, servo_ids: Sequence[int], seconds: float, read_only: bool) -> Exercise:
    """Exercise the servos of a bus for some time. Raises PortError: the port is gone before anything was written."""
    result = Exercise({servo_id: Tally() for servo_id in servo_ids})
    for servo_id, tally in result.tallies.items():
        await _find(bus, servo_id, tally)
    begin_s = bus.now_s()
    try:
        await _turn(bus, result, begin_s + seconds, read_only)
    except BusError as problem:
        result.problem = str(problem)
    finally:
        result.seconds = bus.now_s() - begin_s
        if result.moved is not None:
            report = await limp_bus(bus, servo_ids)
            for servo_id, limped in report.servos.items():
                tally = result.tallies[servo_id]
                tally.left_loaded = not limped.verified and bool(tally.written or tally.loaded)
        else:
            for servo_id, tally in result.tallies.items():
                await _restore(bus, servo_id, tally)
    return result


async def _find(bus: ServoBus, servo_id: int, tally: Tally) -> None:
    """Where a servo stands and whether it may be told to stay there: of two with one id, one would move."""
    answers = await probe(bus, servo_id)
    if answers is not None and answers.duplicate:
        tally.kept_from = "answers as if two servos shared its id, and one of them would move"
        return
    try:
        (units,) = (await bus.ask(servo_id, Command.POS_READ, ATTEMPTS)).values
        (loaded,) = (await bus.ask(servo_id, Command.LOAD_OR_UNLOAD_READ, ATTEMPTS)).values
        low, high = (await bus.ask(servo_id, Command.ANGLE_LIMIT_READ, ATTEMPTS)).values
    except ReplyError:
        tally.kept_from = "does not say where it stands"
        return
    tally.found_units, tally.loaded = units, bool(loaded)
    if not max(0, low) <= units <= min(UNITS, high):
        tally.kept_from = f"stands at {units}, outside its limits {low} to {high}: it would move"


async def _turn(bus: ServoBus, result: Exercise, end_s: float, read_only: bool) -> None:
    """Rounds of writes at every tick, and reads of one servo after the other in between."""
    writable = {
        servo_id: tally.found_units
        for servo_id, tally in result.tallies.items()
        if not read_only and tally.kept_from is None and tally.found_units is not None
    }
    write_s = bus.now_s()
    for servo_id in cycle(result.tallies):
        now_s = bus.now_s()
        if now_s >= end_s or result.moved is not None:
            return
        if now_s >= write_s:
            write_s = max(write_s + TICK_S, now_s)
            for other, units in writable.items():
                await _write(bus, other, units, result.tallies[other])
        await _read(bus, servo_id, result, servo_id in writable)


async def _write(bus: ServoBus, servo_id: int, units: int, tally: Tally) -> None:
    await bus.room()
    try:
        bus.tell(servo_id, Command.MOVE_TIME_WRITE, units, MOVE_MS)
    except LineFull:
        return
    tally.written += 1


async def _read(bus: ServoBus, servo_id: int, result: Exercise, written: bool) -> None:
    """One position; two in a row that are far from where a written servo was found end the test."""
    tally = result.tallies[servo_id]
    tally.asked += 1
    try:
        answer = await bus.ask(servo_id, Command.POS_READ)
    except ReplyError as problem:
        tally.no_reply += isinstance(problem, NoReply)
        tally.garbled += not isinstance(problem, NoReply)
        return
    tally.reply_s.append(bus.now_s() - answer.stamp_s + wire_time_s(OVERHEAD_BYTES, bus.line.baud))
    if written and tally.found_units is not None:
        before, tally.moved_units = tally.moved_units, answer.values[0] - tally.found_units
        if min(abs(before), abs(tally.moved_units)) > MOVED_UNITS:
            result.moved = servo_id


async def _restore(bus: ServoBus, servo_id: int, tally: Tally) -> None:
    """Torque off again where it was off before, and the servo's own word for it."""
    if not tally.written or tally.loaded:
        return
    tally.left_loaded = True
    for _ in range(ATTEMPTS):
        try:
            bus.tell(servo_id, Command.LOAD_OR_UNLOAD_WRITE, 0)
            said = (await bus.ask(servo_id, Command.LOAD_OR_UNLOAD_READ, ATTEMPTS)).values
        except BusError:
            continue
        if said == (0,):
            tally.left_loaded = False
            return
