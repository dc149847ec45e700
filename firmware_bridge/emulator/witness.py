"""What really reached the emulated wires, and when: tests assert this, not what a driver believes it sent."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TextIO


class Arrival(NamedTuple):
    """One command at the end of its last byte.

    number: counts all arrivals since the start. stamp_s: CLOCK_MONOTONIC, the same for all processes of a machine.
    address: of the device on its bus; 254 addresses all servos. heard: addresses of the devices that obeyed.
    """

    number: int
    stamp_s: float
    bus: str
    address: int
    command: str
    values: tuple[int, ...]
    heard: tuple[int, ...]

    @property
    def json(self) -> str:
        """One line of JSON with the fields' names."""
        return json.dumps(self._asdict())


def arrival(fields: dict[str, Any]) -> Arrival:
    """An arrival out of a line of JSON as `Arrival.json` wrote it."""
    return Arrival(**{**fields, "values": tuple(fields["values"]), "heard": tuple(fields["heard"])})


class Witness:
    """Remembers the newest `capacity` commands of all devices. May be asked from any thread."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._arrivals: deque[Arrival] = deque(maxlen=capacity)
        self._seen = 0
        self._lock = threading.Lock()

    @property
    def seen(self) -> int:
        """How many commands arrived since the start, those included that are forgotten by now."""
        return self._seen

    def note(
        self, stamp_s: float, bus: str, address: int, command: str, values: Iterable[int], heard: Iterable[int]
    ) -> None:
        """A command arrived."""
        with self._lock:
            self._arrivals.append(Arrival(self._seen, stamp_s, bus, address, command, tuple(values), tuple(heard)))
            self._seen += 1

    def since(self, number: int = 0, command: str | None = None, bus: str | None = None) -> list[Arrival]:
        """Remembered arrivals from `number` on, oldest first, of one command or bus if named."""
        with self._lock:
            arrivals = list(self._arrivals)
        return [
            arrival
            for arrival in arrivals
            if arrival.number >= number and command in (None, arrival.command) and bus in (None, arrival.bus)
        ]

    def dump(self, file: TextIO) -> None:
        """Write what is remembered as JSON lines."""
        file.writelines(line + "\n" for line in self.lines())

    def lines(self, number: int = 0) -> Iterator[str]:
        """What is remembered from `number` on, as JSON lines."""
        return (arrival.json for arrival in self.since(number))
