"""Runs recorded signals and orders through contract, policy and safety once more, and finds the first difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from robotd.blackbox_layout import leaves
from robotd.mode import Mode
from robotd.record import TickRecord
from robotd.tick import Infer, tick
from robotd.tick_state import Setup, TickState

_ARRAYS = (np.ndarray, np.generic)  # arithmetic makes the second of the first where it has no axis


class Difference(NamedTuple):
    """The first thing that came out otherwise: in tick `number` the leaf `field` of the record, and where it is an
    array the first element that differs, as `raw_action[3]`; `before` is what the tick before left."""

    number: int
    field: str
    recorded: Any
    computed: Any


class Result(NamedTuple):
    """ticks: that were computed and came out the same; active: of them in ACTIVE; starts: how often a recorded state
    was taken as given, once at the beginning and once after each gap; difference: None where all is the same."""

    ticks: int
    active: int
    starts: int
    difference: Difference | None


def replay(
    records: Iterable[TickRecord], setup: Setup, networks: Mapping[str, Infer], tolerance: float = 0.0
) -> Result:
    """Compute every tick anew, each from the state that the one before left.

    Args:
        records: as the loop made them, each with its orders and `before`.
        setup, networks: as in the recorded run; what is to be tried out differs here.
        tolerance: by how much numbers may differ; 0: bit for bit.
    """
    state: TickState | None = None
    ticks = active = starts = 0
    for record in records:
        if state is None or state.number != record.number:
            state, starts = record.before, starts + 1
        assert state is not None
        signals, orders = record.signals, record.orders
        new, _, computed = tick(setup, state, signals, orders, networks, record.skipped, record.health)
        found = first_difference(record, computed._replace(timings=record.timings), tolerance)
        if found:
            return Result(ticks, active, starts, Difference(record.number, *found))
        state, ticks, active = new, ticks + 1, active + (record.mode is Mode.ACTIVE)
    return Result(ticks, active, starts, None)


def first_difference(recorded: TickRecord, computed: TickRecord, tolerance: float) -> tuple[str, Any, Any] | None:
    """The first leaf that differs, causes before effects: what the tick began with, then the record in its order."""
    pairs = list(zip(leaves(recorded), leaves(computed), strict=True))
    pairs.sort(key=lambda pair: not pair[0][0].startswith("before."))
    for (name, was), (_, is_now) in pairs:
        if isinstance(was, _ARRAYS) and isinstance(is_now, _ARRAYS):
            if was.shape != is_now.shape or was.dtype != is_now.dtype:
                return name, f"{was.dtype}{list(was.shape)}", f"{is_now.dtype}{list(is_now.shape)}"
            differs = ~_near(was, is_now, tolerance)
            if differs.any():
                place = tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(differs)))
                where = f"{name}{list(place)}" if was.ndim else name
                return where, np.atleast_1d(was)[place].item(), np.atleast_1d(is_now)[place].item()
        elif not _same(was, is_now, tolerance):
            return name, was, is_now
    return None


def _near(a: Any, b: Any, tolerance: float) -> Any:
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return same if not tolerance else same | (np.abs(a - b) <= tolerance)


def _same(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return bool(_near(a, b, tolerance))
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return all(_same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b
