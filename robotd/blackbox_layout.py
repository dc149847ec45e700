"""The black box's file as data: its header, and how a TickRecord becomes columns of fixed size and comes back.

The file: MAGIC, length and CRC-32 of the header (two little-endian uint32), the header as JSON, zeros up to
`first_at`; then `capacity` records of `record_bytes` each. A record: sequence (uint64, from 1, 0 in a record that was
never written; it lies in place (sequence - 1) % capacity), time_s (float64), the header's columns in their order, and
the CRC-32 of all that. A column that may be absent or shorter is followed by a uint16 NAME? that tells how many
entries count, 65535 for none at all.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

MAGIC = b"robotd black box\n"
PAGE = 4096
ABSENT = 65535
TEXT_BYTES = 64
COUNT = "?"
MOST_BYTES = 1 << 40
"""Of a whole file, and so of each of its sizes."""


class BlackBoxError(ValueError):
    """A file that cannot be made, or that is no black box: one sentence."""


class Column(NamedTuple):
    """One leaf of a record.

    name: the path to it, as `signals.quat_wxyz`; type, shape: numpy's; kind: number, array, tuple, mode, event, events
    (bit 1 << event), faults (bits) or text (UTF-8); varies: it may be None, or its first axis shorter than shape says.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    kind: str
    varies: bool = False


@dataclass(frozen=True)
class Header:
    """All that a reader needs to know, so that neither the bundle nor this code is needed to read the numbers.

    wall_s is the time of day (since 1970) at which the clock of `time_s` showed clock_s; modes are in the order of
    their numbers, events and faults have theirs; policies: of each by name the SHA-256 of its spec; policy: the one
    that ran first; config: robotd.yaml with all defaults.
    """

    columns: list[Column]
    record_bytes: int
    capacity: int
    first_at: int
    ctrl_dt: float
    wall_s: float
    clock_s: float
    robot: str
    joints: list[str]
    foot_switches: list[str]
    contract_version: str
    policies: dict[str, str]
    policy: str
    modes: list[str]
    events: dict[str, int]
    faults: dict[str, int]
    config: dict[str, Any] = field(default_factory=dict)

    def laid_out(self) -> Header:
        """With the records beginning on the first page that is free of the header."""
        pages = (len(self.to_bytes()) + len("1000000")) // PAGE + 1
        return replace(self, first_at=pages * PAGE)

    def to_bytes(self) -> bytes:
        """The file's beginning, without the zeros after it."""
        data = json.dumps(asdict(self) | {"columns": [column._asdict() for column in self.columns]}).encode()
        return MAGIC + np.array([len(data), zlib.crc32(data)], "<u4").tobytes() + data


def read_header(start: bytes) -> Header:
    """The header out of the first bytes of a file. Raises BlackBoxError, what is wrong without the file's name."""
    if not start.startswith(MAGIC):
        raise BlackBoxError("is not a black box, expected a file that robotd wrote, as blackbox.bin")
    at = len(MAGIC) + 8
    if len(start) < at:
        raise BlackBoxError("ends within its header, expected a whole black box; copy it again")
    length, crc = (int(number) for number in np.frombuffer(start[len(MAGIC) : at], "<u4"))
    data = start[at : at + length]
    if len(data) < length or zlib.crc32(data) != crc:
        raise BlackBoxError("has a header that is torn or changed, expected the one robotd wrote; copy it again")
    try:
        plain = json.loads(data)
        columns = [Column(c["name"], c["type"], tuple(c["shape"]), c["kind"], c["varies"]) for c in plain["columns"]]
        header = Header(**(plain | {"columns": columns}))
        fits = _is_well_typed(header) and row_type(columns).itemsize == header.record_bytes
    except (KeyError, TypeError, ValueError, SyntaxError, OverflowError, RecursionError) as problem:
        detail = " ".join(str(problem).split())[:80] or type(problem).__name__
        raise BlackBoxError(f"has a header of another robotd ({detail}), expected this one's; use that one") from None
    if not fits:
        raise BlackBoxError("has a header whose sizes do not agree, expected the one robotd wrote; copy it again")
    return header


def _is_well_typed(header: Header) -> bool:
    """Whether every value of a header is of its kind, and sizes and times are such as a robotd can have written."""
    texts = (header.robot, header.contract_version, header.policy)
    lists = (header.joints, header.foot_switches, header.modes)
    maps: tuple[tuple[dict[str, Any], type], ...] = (
        (header.policies, str),
        (header.events, int),
        (header.faults, int),
        (header.config, object),
    )
    numbers = (header.ctrl_dt, header.wall_s, header.clock_s)
    sizes = (header.record_bytes, header.capacity, header.first_at)
    return (
        all(type(text) is str for text in texts)
        and all(type(each) is list and all(type(item) is str for item in each) for each in lists)
        and all(type(each) is dict and all(isinstance(v, kind) for v in each.values()) for each, kind in maps)
        and all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
        and all(type(size) is int and 0 < size <= MOST_BYTES for size in sizes)
        and header.ctrl_dt > 0
        and all(0 <= number < 64 for number in header.events.values())
        and all(_is_column(column) for column in header.columns)
    )


def _is_column(column: Column) -> bool:
    plain = type(column.name) is str and column.name != "" and type(column.type) is str and type(column.kind) is str
    return plain and type(column.varies) is bool and np.dtype(column.type).kind in "biufS"


def row_type(columns: Iterable[Column]) -> np.dtype[Any]:
    """One record as numpy sees it."""
    fields: list[tuple[Any, ...]] = [("sequence", "<u8"), ("time_s", "<f8")]
    for column in columns:
        fields.append((column.name, column.type, column.shape))
        if column.varies:
            fields.append((column.name + COUNT, "<u2"))
    return np.dtype([*fields, ("crc", "<u4")])


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All leaves of nested NamedTuples, each with its path."""
    for name in tree._fields:
        value, where = getattr(tree, name), f"{path}{name}"
        if hasattr(value, "_fields"):
            yield from leaves(value, f"{where}.")
        else:
            yield where, value


def rebuild(example: Any, values: dict[str, Any], path: str = "") -> Any:
    """Nested NamedTuples like the example, with other leaves, by path."""
    parts = []
    for name in example._fields:
        value, where = getattr(example, name), f"{path}{name}"
        parts.append(rebuild(value, values, f"{where}.") if hasattr(value, "_fields") else values[where])
    return type(example)(*parts)
