"""The mode machine over every mode, event, stop, and both answers to `finished` and `ready`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product as cartesian
from typing import Any

import pytest

from robotd.mode import Event, Mode, Stop, next_mode

EVENTS = (None, *Event)


def product(*axes: Iterable[Any]) -> list[tuple[Any, ...]]:
    return list(cartesian(*axes))


# What each mode does with each event while nothing is wrong: (mode, event): mode. Everything else stays where it is.
MOVES = {
    (Mode.IDLE, Event.ARM): Mode.HOMING,
    (Mode.STANDBY, Event.ACTIVATE): Mode.ACTIVE,
    (Mode.FAULT, Event.CLEAR): Mode.IDLE,
}
# What a crouch and a limp do in each mode; STOPPING ends in FAULT when it has arrived.
CROUCH = {
    Mode.IDLE: Mode.FAULT,
    Mode.HOMING: Mode.STOPPING,
    Mode.STANDBY: Mode.STOPPING,
    Mode.ACTIVE: Mode.STOPPING,
    Mode.STOPPING: Mode.STOPPING,
    Mode.FAULT: Mode.FAULT,
}


@pytest.mark.parametrize("mode, event", product(Mode, EVENTS))
def test_events_move_only_where_the_table_says(mode: Mode, event: Event | None) -> None:
    assert next_mode(mode, event, Stop.NONE, False, True) is MOVES.get((mode, event), mode)


@pytest.mark.parametrize("mode, event", product(Mode, EVENTS))
def test_nothing_is_armed_while_a_condition_is_present(mode: Mode, event: Event | None) -> None:
    expected = mode if mode is Mode.IDLE else MOVES.get((mode, event), mode)
    assert next_mode(mode, event, Stop.NONE, False, False) is expected


@pytest.mark.parametrize("mode, event", product(Mode, EVENTS))
def test_movements_that_have_arrived(mode: Mode, event: Event | None) -> None:
    arrived = {Mode.HOMING: Mode.STANDBY, Mode.STOPPING: Mode.FAULT}
    expected = arrived.get(mode, MOVES.get((mode, event), mode))
    assert next_mode(mode, event, Stop.NONE, True, True) is expected


@pytest.mark.parametrize("mode, event, ready", product(Mode, EVENTS, (False, True)))
def test_a_crouch_beats_every_event(mode: Mode, event: Event | None, ready: bool) -> None:
    assert next_mode(mode, event, Stop.CROUCH, False, ready) is CROUCH[mode]
    expected = Mode.FAULT if mode is Mode.STOPPING else CROUCH[mode]
    assert next_mode(mode, event, Stop.CROUCH, True, ready) is expected


@pytest.mark.parametrize("args", product(Mode, EVENTS, (False, True), (False, True)))
def test_limp_beats_everything(args: tuple[Mode, Event | None, bool, bool]) -> None:
    mode, event, finished, ready = args
    assert next_mode(mode, event, Stop.LIMP, finished, ready) is Mode.FAULT


@pytest.mark.parametrize("args", product(EVENTS, Stop, (False, True), (False, True)))
def test_power_comes_only_from_arming_in_idle(args: tuple[Event | None, Stop, bool, bool]) -> None:
    event, stop, finished, ready = args
    assert not next_mode(Mode.FAULT, event, stop, finished, ready).powered
    powered = next_mode(Mode.IDLE, event, stop, finished, ready).powered
    assert powered == (event is Event.ARM and stop is Stop.NONE and ready)


def test_only_idle_and_fault_are_without_torque() -> None:
    assert [mode for mode in Mode if not mode.powered] == [Mode.IDLE, Mode.FAULT]


def test_the_worst_stop_and_the_most_cautious_event_are_the_highest() -> None:
    assert max(Stop) is Stop.LIMP and min(Stop) is Stop.NONE
    assert sorted(Event) == [Event.ACTIVATE, Event.ARM, Event.CLEAR, Event.STOP, Event.ESTOP]
