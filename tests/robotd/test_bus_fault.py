"""A dead bus: its joints stay out of the crouch, the others go down, and all go limp at the end."""

from __future__ import annotations

import numpy as np
import pytest
from bundle_builder import make_spec
from robot_builder import setup_of, signals_of, state_in, zeros

from robotd.config import RobotdConfig
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault
from robotd.tick import TickState, make_setup, tick
from robotd.wiring import Wiring

SETUP = setup_of()
SPEC = SETUP.spec
NAMES = SPEC.robot.actuator_names
BUSES = Wiring().used_buses


def step(state: TickState, errors: tuple[int, ...], event: Event | None = None) -> tuple[TickState, TickRecord]:
    signals = signals_of(SPEC, joint_pos_rad=state.target_rad)
    orders = Orders(() if event is None else (event,))
    health = SETUP.well._replace(bus_errors_in_a_row=errors)
    state, _, record = tick(SETUP, state, signals, orders, zeros(SPEC), health=health)
    return state, record


def on(*buses: str) -> np.ndarray:
    return np.array([any(name in Wiring().on_bus(bus) for bus in buses) for name in NAMES])


def test_every_joint_knows_its_bus() -> None:
    assert SETUP.bus_of_joint.tolist() == [BUSES.index(Wiring().joints[name].bus) for name in NAMES]
    assert make_setup(make_spec(joints=8), None, RobotdConfig()).bus_of_joint.tolist() == [-1] * 8


@pytest.mark.parametrize("dead", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_the_joints_of_dead_buses_keep_their_target_and_the_others_crouch(dead: tuple[int, ...]) -> None:
    out = on(*(BUSES[bus] for bus in dead))
    state, last = state_in(SETUP, Mode.ACTIVE), SETUP.home_rad
    records: list[TickRecord] = []
    for _ in range(90):
        state, record = step(state, tuple(7 * (bus in dead) for bus in range(3)))
        records.append(record)
    crouch = [r for r in records if r.mode is Mode.STOPPING]
    assert len(crouch) == 76 and records[-1].mode is Mode.FAULT and records[-1].target_after_rad is None
    for record in crouch:
        assert record.faults == Fault.BUS
        assert np.array_equal(record.target_after_rad[out], last[out])
    moves = abs(SETUP.crouch_rad - SETUP.home_rad) > 0.02
    final = crouch[-1].target_after_rad
    assert np.allclose(final[~out], SETUP.crouch_rad[~out], atol=1e-5)
    assert moves[on("left_leg")].any() and moves[on("right_leg")].any()


def test_a_bus_that_answers_again_stays_out_and_one_that_dies_later_is_out_too() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    state, _ = step(state, (3, 0, 0))
    for _ in range(20):
        state, _ = step(state, (0, 0, 0))
    middle = state.target_rad
    for errors in ((0, 5, 0), *[(0, 0, 0)] * 20):
        state, record = step(state, errors)
        assert record.mode is Mode.STOPPING
        assert np.array_equal(record.target_after_rad[on("left_leg", "right_leg")], middle[on("left_leg", "right_leg")])
    assert np.array_equal(middle[on("left_leg")], SETUP.home_rad[on("left_leg")])


def test_a_clear_takes_the_bus_in_again() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    state, _ = step(state, (3, 0, 0))
    for _ in range(80):
        state, record = step(state, (0, 0, 0))
    assert record.mode is Mode.FAULT and state.safety.dead_buses == 1
    state, record = step(state, (0, 0, 0), Event.CLEAR)
    assert record.mode is Mode.IDLE and state.safety.dead_buses == 0


def test_errors_below_the_bound_do_nothing_in_any_number_of_ticks() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    for _ in range(100):
        state, record = step(state, (2, 2, 2))
    assert record.mode is Mode.ACTIVE and record.present == Fault.NONE and state.safety.dead_buses == 0


def test_another_fault_leaves_no_bus_out() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    for _ in range(40):
        state, record = step(state, (2, 0, 0), Event.STOP)
    assert record.faults == Fault.OPERATOR and state.safety.dead_buses == 0
