"""What a servo remembers without power: its id and its limits. Every write is read back."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from .hiwonder import MAX_ID, Command
from .serial_line import BusError, ReadBackError
from .servo_bus import ServoBus
from .servo_scan import probe

ATTEMPTS = 5
WRITE_S = 0.02
"""A servo needs a moment to store a register before it is asked again."""


class Limits(NamedTuple):
    """What a servo itself refuses to exceed. Beyond `max_degc` or outside the voltages it unloads itself.

    low_units, high_units: positions that can be commanded, 0 to 1000. low_mv, high_mv: 4500 to 14000.
    max_degc: 50 to 100.
    """

    low_units: int
    high_units: int
    low_mv: int
    high_mv: int
    max_degc: int


async def read_limits(bus: ServoBus, servo_id: int) -> Limits:
    """The limits in a servo. Raises BusError."""
    angles = await bus.ask(servo_id, Command.ANGLE_LIMIT_READ, ATTEMPTS)
    voltages = await bus.ask(servo_id, Command.VIN_LIMIT_READ, ATTEMPTS)
    temperature = await bus.ask(servo_id, Command.TEMP_MAX_READ, ATTEMPTS)
    return Limits(*angles.values, *voltages.values, *temperature.values)


async def write_limits(bus: ServoBus, servo_id: int, limits: Limits) -> None:
    """Store limits in a servo and read them back.

    Raises:
        CodecError: a limit is outside what a servo knows; nothing of that register was written.
        ReadBackError: the servo kept something else, or its limits are the wrong way round.
        BusError: the servo did not answer.
    """
    if not (limits.low_units < limits.high_units and limits.low_mv < limits.high_mv):
        raise ReadBackError(f"{bus.name}: servo {servo_id}: {limits} has a low limit that is not below its high one")
    await _store(bus, servo_id, Command.ANGLE_LIMIT_WRITE, limits.low_units, limits.high_units)
    await _store(bus, servo_id, Command.VIN_LIMIT_WRITE, limits.low_mv, limits.high_mv)
    await _store(bus, servo_id, Command.TEMP_MAX_WRITE, limits.max_degc)


async def set_id(bus: ServoBus, old_id: int, new_id: int) -> None:
    """Give a servo another id, if it alone has the old one and nobody has the new one.

    Raises:
        BusError: no servo, or more than one, answers to the old id; the new id is taken.
        ReadBackError: afterwards nobody answers to the new id, or somebody still to the old one.
    """
    if not 0 <= new_id <= MAX_ID:
        raise BusError(f"{bus.name}: id {new_id}, expected 0 to {MAX_ID}")
    found = await probe(bus, old_id)
    if found is None:
        raise BusError(f"{bus.name}: no servo answers to id {old_id}; scan the bus")
    if found.duplicate:
        raise BusError(f"{bus.name}: more than one servo answers to id {old_id}; connect one at a time")
    if old_id == new_id:
        return
    if await probe(bus, new_id) is not None:
        raise BusError(f"{bus.name}: id {new_id} is taken; choose a free one")
    bus.tell(old_id, Command.ID_WRITE, new_id)
    await asyncio.sleep(WRITE_S)
    if await probe(bus, new_id) is None:
        raise ReadBackError(f"{bus.name}: servo {old_id} was told to be {new_id}, but {new_id} does not answer")
    if await probe(bus, old_id) is not None:
        raise ReadBackError(f"{bus.name}: servo {old_id} was told to be {new_id}, but {old_id} still answers")


async def _store(bus: ServoBus, servo_id: int, command: Command, *values: int) -> None:
    """Write a register and read it back; A write may be lost, so it is repeated."""
    said: tuple[int, ...] = ()
    for _ in range(ATTEMPTS):
        bus.tell(servo_id, command, *values)
        await asyncio.sleep(WRITE_S)
        said = (await bus.ask(servo_id, _READ_OF[command], ATTEMPTS)).values
        if said == values:
            return
    raise ReadBackError(f"{bus.name}: servo {servo_id} was told {command.name.lower()} {values} and says {said}")


_READ_OF = {
    Command.ANGLE_LIMIT_WRITE: Command.ANGLE_LIMIT_READ,
    Command.VIN_LIMIT_WRITE: Command.VIN_LIMIT_READ,
    Command.TEMP_MAX_WRITE: Command.TEMP_MAX_READ,
}
