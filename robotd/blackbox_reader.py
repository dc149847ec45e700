"""Reads black boxes, also of a daemon that was killed or is still writing. Needs neither bundle nor tick."""

from __future__ import annotations

import math
import mmap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from robotd.blackbox_layout import ABSENT, COUNT, PAGE, BlackBoxError, Column, read_header, row_type

_MOST_HEADER_BYTES = 1 << 20


class Scan(NamedTuple):
    """What a file holds. sequence (n,) of the intact records, ascending; corrupt: records that are torn or changed;
    missing: records that the header promises beyond the end of the file."""

    sequence: np.ndarray[Any, np.dtype[np.int64]]
    corrupt: int
    missing: int


class BlackBoxFile:
    """One open file; a context manager.

    Raises:
        BlackBoxError: it cannot be read, or is no black box; one sentence.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else None
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else problem
            raise BlackBoxError(f"{path}: {reason}, expected a black box; check the path") from None
        if self._map is None:
            raise BlackBoxError(f"{path}: is empty, expected a black box; check the path")
        try:
            self.header = read_header(self._map[: max(PAGE, min(size, _MOST_HEADER_BYTES))])
        except BlackBoxError as problem:
            self._map.close()
            raise BlackBoxError(f"{path}: {problem}") from None
        self.columns = {column.name: column for column in self.header.columns}
        self._type = row_type(self.header.columns)
        self._blank = bytes(self.header.record_bytes)
        there = max(0, size - self.header.first_at) // self.header.record_bytes
        self._places = min(self.header.capacity, there)

    def __enter__(self) -> BlackBoxFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        if self._map is not None:
            self._map.close()

    def scan(self) -> Scan:
        """Look at every record once."""
        found, corrupt = [], 0
        for place in range(self._places):
            row = self._row(place)
            if row is not None and row["sequence"]:
                found.append(int(row["sequence"]))
            elif row is None:
                corrupt += 1
        return Scan(np.array(sorted(found), np.int64), corrupt, self.header.capacity - self._places)

    def rows(self, scan: Scan, last_s: float | None = None) -> Iterator[Any]:
        """The intact records, oldest first, one at a time: numpy.void of `row_type`, a copy.

        Records that the daemon has overwritten since the scan are left out.

        Args:
            last_s: only those of so many seconds before the newest one.
        """
        for sequence in self.wanted(scan, last_s).tolist():
            row = self._row((sequence - 1) % self.header.capacity)
            if row is not None and row["sequence"] == sequence:
                yield row

    def wanted(self, scan: Scan, last_s: float | None) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Sequence numbers (n,) of the records that `rows` goes through."""
        first = 0
        if last_s is not None and len(scan.sequence):
            first = int(scan.sequence[-1]) - math.ceil(last_s / self.header.ctrl_dt)
        return scan.sequence[scan.sequence > first]

    def wall_s(self, row: Any) -> float:
        """The time of day of a record, s since 1970."""
        return self.header.wall_s + float(row["time_s"]) - self.header.clock_s

    def _row(self, place: int) -> Any:
        """A copy of the record there; None where it is torn or changed. All zeros: never written."""
        assert self._map is not None
        at = self.header.first_at + place * self.header.record_bytes
        data = self._map[at : at + self.header.record_bytes]
        row = np.frombuffer(data, self._type)[0]
        if data == self._blank:
            return row
        whole = zlib.crc32(data[:-4]) == row["crc"]
        return row if whole and (int(row["sequence"]) - 1) % self.header.capacity == place else None

    def plain(self, row: Any, name: str) -> Any:
        """One column of a record as None, bool, int, float, text or a list of numbers; modes, events and faults by
        name."""
        column = self.columns[name]
        cell = row[name]
        if column.varies:
            count = int(row[name + COUNT])
            if count == ABSENT:
                return None
            cell = cell[:count] if column.shape else cell
        return self._named(column, cell)

    def _named(self, column: Column, cell: Any) -> Any:
        header, value = self.header, cell.tolist()
        match column.kind:
            case "mode":
                return header.modes[value] if value < len(header.modes) else str(value)
            case "event":
                return next((name for name, number in header.events.items() if number == value), str(value))
            case "events":
                return [name for name, number in header.events.items() if value >> number & 1]
            case "faults":
                return [name for name, bit in header.faults.items() if value & bit]
            case "text":
                return value.decode(errors="replace")
            case _:
                return value
