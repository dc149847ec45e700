"""Who is on a bus: ids, baud rates, and ids that two servos share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .hiwonder import BAUD, BROADCAST, MAX_ID, Command
from .serial_line import SerialLine
from .servo_bus import ServoBus

BAUDS = (BAUD, 9600, 19_200, 38_400, 57_600, 230_400)
"""Rates to look at; the servos themselves leave the factory with the first."""
PROBES = (Command.POS_READ, Command.VIN_READ, Command.TEMP_READ, Command.OFFSET_READ)
ROUNDS = 2
KNOCKS = 2


class Found(NamedTuple):
    """What was heard from one id. asked: questions; clean: those with one answer and no noise; garbled: those with
    noise or more than one answer; the rest was silence."""

    servo_id: int
    asked: int
    clean: int
    garbled: int

    @property
    def duplicate(self) -> bool:
        """Whether two servos seem to share the id: they speak at the same time, so most of it is garbled."""
        return self.garbled >= 2 and self.garbled * 4 > self.asked


async def probe(bus: ServoBus, servo_id: int) -> Found | None:
    """Ask an id for several things and listen to all that comes; None if nobody is there. Raises PortError."""
    heard = [await _hears(bus, servo_id, Command.ID_READ)]
    while not any(heard) and len(heard) < KNOCKS:
        heard.append(await _hears(bus, servo_id, Command.ID_READ))
    if not any(heard):
        return None
    heard += [await _hears(bus, servo_id, command) for _ in range(ROUNDS) for command in PROBES]
    return Found(servo_id, len(heard), heard.count("clean"), heard.count("garbled"))


async def scan_ids(bus: ServoBus, servo_ids: Iterable[int] = range(MAX_ID + 1)) -> list[Found]:
    """All ids that answer. About 25 ms for each id that does not. Raises PortError."""
    found = [await probe(bus, servo_id) for servo_id in servo_ids]
    return [one for one in found if one is not None]


async def scan_bauds(port: str | Path, bauds: Iterable[int] = BAUDS, name: str = "bus") -> dict[int, bool]:
    """At which rates anybody answers the broadcast question for an id, garbled or not. Raises PortError."""
    heard = {}
    for baud in bauds:
        bus = ServoBus(name, SerialLine(port, baud))
        try:
            heard[baud] = any([await _hears(bus, BROADCAST, Command.ID_READ) for _ in range(KNOCKS)])
        finally:
            bus.close()
    return heard


async def _hears(bus: ServoBus, servo_id: int, command: Command) -> str:
    """`clean`, `garbled`, or nothing."""
    packets, noise_bytes = await bus.listen(servo_id, command)
    answers = [packet for packet in packets if packet.command is command and not packet.asks]
    if noise_bytes or len(answers) > 1:
        return "garbled"
    return "clean" if answers else ""
