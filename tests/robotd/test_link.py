"""A controller that claimed the command and falls silent: the command decays to zero, then the robot crouches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from robot_builder import setup_of, signals_of, state_in, zeros

from robotd.config import SafetyConfig
from robotd.fault_table import link_factor
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault
from robotd.tick import TickState, tick

SETUP = setup_of()
SPEC = SETUP.spec
BOUNDS = SafetyConfig()


def step(
    state: TickState, silent_s: float | None, *events: Event, slow_motion: float = 1.0
) -> tuple[TickState, TickRecord]:
    signals = signals_of(SPEC, joint_pos_rad=state.target_rad)
    orders = Orders(events, velocity=(0.4, -0.2, 0.1), link_silent_s=silent_s, slow_motion=slow_motion)
    state, _, record = tick(SETUP, state, signals, orders, zeros(SPEC))
    return state, record


@pytest.mark.parametrize(
    "silent_s, factor",
    [
        (None, 1),
        (0.0, 1),
        (0.5, 1),
        (0.53, 0.9),
        (0.65, 0.5),
        (0.79, 1 / 30),
        (0.8, 0),
        (9.0, 0),
        (math.inf, 0),
        (math.nan, 0),
    ],
)
def test_what_is_left_of_the_command(silent_s: float | None, factor: float) -> None:
    assert link_factor(BOUNDS, silent_s) == pytest.approx(factor, abs=1e-9)
    _, record = step(state_in(SETUP, Mode.ACTIVE), silent_s, slow_motion=0.5)
    assert np.allclose(record.command.velocity, np.array([0.4, -0.2, 0.1]) * factor * 0.5, atol=1e-7)


def test_the_command_is_zero_before_the_crouch_begins() -> None:
    state, records = state_in(SETUP, Mode.ACTIVE), []
    for n in range(60):
        state, record = step(state, n * 0.02)
        records.append(record)
    first = next(r for r in records if r.mode is Mode.STOPPING)
    assert first.faults == Fault.LINK and first.number * 0.02 == pytest.approx(1.02)
    zero = next(r for r in records if not np.any(r.command.velocity))
    assert zero.number < first.number and zero.mode is Mode.ACTIVE
    assert next(r.number for r in records if Fault.LINK in r.present) == 26


@pytest.mark.parametrize("spoke_s", [0.0, 0.5])
def test_a_controller_that_speaks_within_the_debounce_stops_nothing(spoke_s: float) -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    for silent_s in (*np.arange(0, 0.98, 0.02), spoke_s, *np.arange(0, 0.98, 0.02)):
        state, record = step(state, float(silent_s))
    assert record.mode is Mode.ACTIVE and record.faults == Fault.NONE


def test_the_fault_is_gone_when_it_speaks_again_but_the_stop_goes_to_its_end() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    for n in range(54):
        state, record = step(state, n * 0.02)
    assert record.mode is Mode.STOPPING and record.faults == Fault.LINK
    state, record = step(state, 0.0)
    assert record.mode is Mode.STOPPING and record.faults == Fault.NONE
    for _ in range(80):
        state, record = step(state, 0.0)
    assert record.mode is Mode.FAULT
    state, record = step(state, 0.0, Event.ARM)
    assert record.mode is Mode.FAULT  # clear first
    state, record = step(state, 0.0, Event.CLEAR)
    state, record = step(state, 0.0, Event.ARM)
    assert record.mode is Mode.HOMING


@pytest.mark.parametrize(
    "silent_s, there", [(0.5, False), (0.501, True), (5.79, True), (5.801, False), (math.inf, False), (math.nan, True)]
)
def test_it_is_gone_after_five_seconds_at_zero(silent_s: float, there: bool) -> None:
    state, record = step(state_in(SETUP, Mode.IDLE), silent_s, Event.ARM)
    assert record.present == (Fault.LINK if there else Fault.NONE)
    assert record.mode is (Mode.IDLE if there else Mode.HOMING)
    assert record.faults == Fault.NONE
    assert silent_s <= 0.5 or not np.any(step(state, silent_s)[1].command.velocity) or silent_s < 0.8


def test_nobody_who_steers_is_no_fault() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    for _ in range(100):
        state, record = step(state, None)
    assert record.mode is Mode.ACTIVE and record.present == Fault.NONE
