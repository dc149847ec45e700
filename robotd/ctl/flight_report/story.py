"""What happened in a flight: its modes, its faults, and each stop with what led to it. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import numpy as np

from robotd.ctl.fault_fixes import FIXES
from robotd.fault_table import FAULT_TABLE
from robotd.mode import Mode, Stop

from .causes import Finding, Ranges, finding
from .flight import STOPPED, Bools, Flight

ORDERED = ("OPERATOR",)
"""Faults that are a person's wish."""
_STOP_WORDS = {Mode.STOPPING.value: Stop.CROUCH, Mode.FAULT.value: Stop.LIMP}


class Span(NamedTuple):
    """Ticks begin to end - 1 in which something was so."""

    begin: int
    end: int


class Cause(NamedTuple):
    """One fault of a stop. text: its condition as the fault table has it; since: the tick from which on the condition
    had held without a break; fix: what to do about it."""

    fault: str
    text: str
    found: Finding
    since: int
    fix: str

    @property
    def sentence(self) -> str:
        """The figure where there is one, otherwise the condition."""
        return self.found.words or self.text


class Halt(NamedTuple):
    """One stop. tick: the first that was stopped; before: the mode until then; causes: the faults raised in that tick,
    a person's wish last; later: faults that joined before somebody cleared them; end: the first tick after it."""

    tick: int
    before: str
    stop: Stop
    causes: tuple[Cause, ...]
    later: tuple[str, ...]
    end: int

    @property
    def ordered(self) -> bool:
        """Whether nothing but a person's wish stopped it."""
        return all(cause.fault in ORDERED for cause in self.causes)

    @property
    def names(self) -> str:
        """Its faults."""
        return ", ".join(cause.fault for cause in self.causes) or "no fault on record"

    @property
    def joints(self) -> tuple[int, ...]:
        """Places of the joints that it is about."""
        return tuple(dict.fromkeys(joint for cause in self.causes for joint in cause.found.joints))


def spans(flags: Bools) -> list[Span]:
    """Where flags (T,) hold."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [Span(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def mode_spans(flight: Flight) -> list[tuple[str, Span]]:
    """Every mode in turn."""
    found, begin = [], 0
    for mode, ticks in groupby(flight.modes):
        end = begin + len(list(ticks))
        found.append((mode, Span(begin, end)))
        begin = end
    return found


def halts(flight: Flight, ranges: Ranges | None = None) -> list[Halt]:
    """All stops, in their order. A log that begins stopped has none there: what led to it is not in it."""
    stopped = np.array([mode in STOPPED for mode in flight.modes])
    return [_halt(flight, span, ranges) for span in spans(stopped) if span.begin > 0]


def main_halt(found: list[Halt]) -> Halt | None:
    """The one that a reader wants to know about: the last that was not a person's wish, else the last."""
    return next((halt for halt in reversed(found) if not halt.ordered), found[-1] if found else None)


def refusals(flight: Flight) -> list[tuple[int, list[str]]]:
    """Ticks in which arming was asked for and not done, each with the conditions that stood against it."""
    return [
        (tick, flight.names(int(flight.present[tick])))
        for tick, mode in enumerate(flight.modes)
        if mode == Mode.IDLE.value and flight.rows["orders.events"][tick] and "ARM" in flight.events(tick)
    ]


def condition_text(fault: str, stop: Stop) -> str:
    """What the fault table says of a fault that led to that stop."""
    rows = [row for row in FAULT_TABLE if row.fault.name == fault]
    fitting = [row for row in rows if row.stop is stop] or rows
    return fitting[0].text if fitting else "no fault that this robotd knows"


def _halt(flight: Flight, span: Span, ranges: Ranges | None) -> Halt:
    tick = span.begin
    stop, raised = _STOP_WORDS[flight.modes[tick]], int(flight.faults[tick])
    names = sorted(flight.names(raised), key=lambda name: name in ORDERED)
    causes = tuple(
        Cause(
            name,
            condition_text(name, stop),
            finding(flight, name, tick, ranges),
            _since(flight, name, tick),
            FIXES.get(name, "see docs/safety.md"),
        )
        for name in names
    )
    joined = int(np.bitwise_or.reduce(flight.faults[span.begin : span.end])) & ~raised
    return Halt(tick, flight.modes[tick - 1], stop, causes, tuple(flight.names(joined)), span.end)


def _since(flight: Flight, fault: str, tick: int) -> int:
    """The first tick of the condition's run that ends in `tick`; `tick` itself where it is not present there."""
    held = (flight.present[: tick + 1] & flight.header.faults[fault]) != 0
    if not held[-1]:
        return tick
    gone = np.flatnonzero(~held)
    return int(gone[-1]) + 1 if len(gone) else 0
