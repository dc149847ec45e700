"""Torque off, on every bus by itself, and the proof of it: each servo is asked whether it obeyed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .hiwonder import BAUD, BROADCAST, Command
from .serial_line import BusError, PortError, SerialLine
from .servo_bus import ServoBus

LIMP_S = 0.3
"""The longest that a bus is tried."""

FULL_S = 0.005
"""Pause for a port that takes no more bytes."""


class Limped(NamedTuple):
    """One servo. after_s: from the request to its own word that it is unloaded, None without that word. problem: the
    last thing that went wrong, None if nothing did."""

    after_s: float | None
    asked: int
    problem: str | None

    @property
    def verified(self) -> bool:
        """Whether the servo itself said that its torque is off."""
        return self.after_s is not None


class LimpReport(NamedTuple):
    """One bus. after_s: from the request to the end."""

    bus: str
    servos: Mapping[int, Limped]
    after_s: float

    @property
    def verified(self) -> bool:
        """Whether every servo of the bus said that its torque is off."""
        return all(limped.verified for limped in self.servos.values())


async def limp_bus(bus: ServoBus, servo_ids: Iterable[int], limp_s: float = LIMP_S) -> LimpReport:
    """Unload all servos of a bus and ask each; again for those that did not confirm, until `limp_s` is over.

    Never raises for anything that a device does: what went wrong is in the report.
    """
    begin_s = bus.now_s()
    servos = {servo_id: Limped(None, 0, None) for servo_id in servo_ids}
    missing = list(servos)
    problem = _unload(bus, BROADCAST)
    while missing and not bus.lost and bus.now_s() - begin_s <= limp_s:
        for servo_id in (*missing, BROADCAST):  # what an answer under way has garbled is said again once that is over
            problem = _unload(bus, servo_id)
        if problem:
            await asyncio.sleep(FULL_S)
        for servo_id in missing:
            if bus.lost or bus.now_s() - begin_s > limp_s:
                break
            servos[servo_id] = await _confirm(bus, servo_id, begin_s, servos[servo_id].asked)
        missing = [servo_id for servo_id in missing if not servos[servo_id].verified]
    problem = bus.lost or problem or f"{bus.name}: no time was left within {limp_s} s"
    return LimpReport(bus.name, {i: _because(limped, problem) for i, limped in servos.items()}, bus.now_s() - begin_s)


async def limp(buses: Mapping[ServoBus, Sequence[int]], limp_s: float = LIMP_S) -> dict[str, LimpReport]:
    """Limp several buses at once, none waits for another; reports by the name of the bus."""
    reports = await asyncio.gather(*(limp_bus(bus, ids, limp_s) for bus, ids in buses.items()))
    return {report.bus: report for report in reports}


async def limp_ports(
    ports: Mapping[str, tuple[str | Path, Sequence[int]]], baud: int = BAUD, limp_s: float = LIMP_S
) -> dict[str, LimpReport]:
    """Open ports by name of the bus, limp what can be opened, close. For use outside of a daemon: see `limp_bus`."""
    buses: dict[ServoBus, Sequence[int]] = {}
    closed = {}
    for name, (port, servo_ids) in ports.items():
        try:
            buses[ServoBus(name, SerialLine(port, baud))] = servo_ids
        except PortError as problem:
            closed[name] = LimpReport(name, dict.fromkeys(servo_ids, Limped(None, 0, str(problem))), 0.0)
    try:
        return {**closed, **await limp(buses, limp_s)}
    finally:
        for bus in buses:
            bus.close()


def _unload(bus: ServoBus, servo_id: int) -> str | None:
    """Say it, at once; return what went wrong."""
    try:
        bus.tell(servo_id, Command.LOAD_OR_UNLOAD_WRITE, 0)
    except PortError as problem:
        return str(problem)
    return None


async def _confirm(bus: ServoBus, servo_id: int, begin_s: float, asked: int) -> Limped:
    """Ask a servo once whether it is unloaded."""
    try:
        answer = await bus.ask(servo_id, Command.LOAD_OR_UNLOAD_READ)
    except BusError as problem:
        return Limped(None, asked + 1, str(problem))
    if answer.values != (0,):
        return Limped(None, asked + 1, f"{bus.name}: servo {servo_id} was told to unload and says that it is loaded")
    return Limped(bus.now_s() - begin_s, asked + 1, None)


def _because(limped: Limped, problem: str) -> Limped:
    """A servo that never got its turn was kept from it by its bus."""
    return limped if limped.verified or limped.problem else limped._replace(problem=problem)
