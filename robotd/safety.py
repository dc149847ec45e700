"""Looks at every row of the fault table in every tick, and remembers what it must. Pure."""

from __future__ import annotations

from typing import NamedTuple

from robotd.config import SafetyConfig
from robotd.fault_table import FAULT_TABLE, Fault, Reading, failing_buses
from robotd.mode import Event, Mode, Stop

OVERRUN_WINDOW = 50  # deadlines


class SafetyState(NamedTuple):
    """What safety remembers: for each row how many periods its condition has lasted (-1: absent), which rows are
    latched, deadlines missed without a tick in time between, the last 50 deadlines as bits (1: missed), and the buses
    that are out since BUS was raised, as bits."""

    lasted: tuple[int, ...] = (-1,) * len(FAULT_TABLE)
    latched: tuple[bool, ...] = (False,) * len(FAULT_TABLE)
    missed: int = 0
    history: int = 0
    dead_buses: int = 0


class Verdict(NamedTuple):
    """faults: latched, and temporary ones while they last; present: conditions that hold now, debounced or not."""

    faults: Fault
    present: Fault
    stop: Stop


def count_deadlines(state: SafetyState, skipped: int) -> SafetyState:
    """Enter this tick's deadline, and the `skipped` whole periods before it, into the record of deadlines."""
    skipped = min(skipped, OVERRUN_WINDOW)
    history = (((state.history << skipped) | ((1 << skipped) - 1)) << 1) & ((1 << OVERRUN_WINDOW) - 1)
    return state._replace(missed=state.missed + skipped if skipped else 0, history=history)


def check(
    bounds: SafetyConfig, state: SafetyState, reading: Reading, mode: Mode, periods: int, ctrl_dt: float
) -> tuple[SafetyState, Verdict]:
    """Look at every row of the table.

    Args:
        mode: the mode of the last tick; without torque only `always` rows become faults, the others are `present`.
        periods: control periods of `ctrl_dt` s since the last tick, 1 where none was skipped.

    Returns:
        The next state and the verdict, whose stop is the worst of all. CLEAR in FAULT unlatches everything.
    """
    cleared = mode is Mode.FAULT and reading.event is Event.CLEAR
    lasted, latched = [], []
    faults, present, stop = Fault.NONE, Fault.NONE, Stop.NONE
    for row, before, stuck in zip(FAULT_TABLE, state.lasted, state.latched, strict=True):
        stays = stuck and not cleared
        count, is_fault = -1, False
        if row.condition(reading, bounds):
            present |= row.fault
            count = 0 if before < 0 else before + periods
            counts = mode.powered or row.always
            is_fault = counts and count * ctrl_dt >= row.debounce_s(bounds) - 1e-9
            stop = max(stop, row.meanwhile) if counts else stop
        if is_fault or stays:
            faults, stop = faults | row.fault, max(stop, row.stop)
        lasted.append(count)
        latched.append(stays or (is_fault and row.latched))
    dead = 0 if cleared else state.dead_buses
    if Fault.BUS in faults:
        dead |= failing_buses(reading.health, bounds)
    return SafetyState(tuple(lasted), tuple(latched), state.missed, state.history, dead), Verdict(faults, present, stop)


def latch(state: SafetyState, verdict: Verdict, fault: Fault) -> tuple[SafetyState, Verdict]:
    """Raise a fault that was found after `check`, in the same tick, by its first row and without debounce."""
    row = next(i for i, row in enumerate(FAULT_TABLE) if row.fault is fault)
    latched = tuple(stuck or i == row for i, stuck in enumerate(state.latched))
    worst = max(verdict.stop, FAULT_TABLE[row].stop)
    return state._replace(latched=latched), Verdict(verdict.faults | fault, verdict.present | fault, worst)


__all__ = ["FAULT_TABLE", "Fault", "Reading", "SafetyState", "Verdict", "check", "count_deadlines", "latch"]
