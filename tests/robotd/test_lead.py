"""The lead: with it no target lies far from where its joint is, so that no servo pushes hard; speed and range stay."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from robot_builder import only, setup_of, signals_of, state_in

from robotd.limits import clip_to_range
from robotd.mode import Mode
from robotd.record import Orders
from robotd.tick import tick

LEAD_RAD = 0.1
PLAIN = setup_of()
SETUP = PLAIN._replace(lead_rad=LEAD_RAD)
SPEC, JOINTS = PLAIN.spec, PLAIN.spec.num_joints
ROUNDING_RAD = 1e-6

actions = arrays(np.float32, JOINTS, elements=st.floats(-1.5, 1.5, width=32))
nudges = arrays(np.float32, JOINTS, elements=st.floats(-0.0625, 0.0625, width=32))


@given(st.lists(st.tuples(actions, nudges), min_size=1, max_size=10), st.sampled_from([0.25, 1.0]))
def test_whatever_the_policy_wants_no_target_leads_its_joint_by_more(
    steps: list[tuple[np.ndarray, np.ndarray]], slow: float
) -> None:
    state, measured = state_in(SETUP, Mode.ACTIVE), np.array(SETUP.home_rad)
    for action, nudge in steps:
        previous, measured = state.target_rad, clip_to_range(SETUP.limits, measured + nudge * slow)
        signals = signals_of(SPEC, joint_pos_rad=measured)
        state, target, record = tick(
            SETUP, state, signals, Orders(slow_motion=slow), only(lambda observation, a=action: a)
        )
        assert target is not None and record.mode is Mode.ACTIVE
        step = SPEC.robot.max_velocity * np.float32(SPEC.runtime.ctrl_dt * slow)
        assert np.all(abs(target - previous) <= step + ROUNDING_RAD)
        assert np.all(abs(target - measured) <= LEAD_RAD + ROUNDING_RAD)


def test_a_joint_that_is_held_is_not_pushed_further_than_the_lead() -> None:
    column = SPEC.robot.actuator_names.index("left_knee_pitch")
    state, pushed = state_in(SETUP, Mode.ACTIVE), np.zeros(JOINTS, np.float32)
    pushed[column] = 1.0
    for _ in range(100):
        state, target, _ = tick(SETUP, state, signals_of(SPEC), Orders(), only(lambda observation: pushed))
    assert target is not None
    assert abs(abs(target[column] - SETUP.home_rad[column]) - LEAD_RAD) < ROUNDING_RAD


def test_without_a_lead_nothing_changes() -> None:
    state, far = state_in(PLAIN, Mode.ACTIVE), np.ones(JOINTS, np.float32)
    for _ in range(10):
        state, target, _ = tick(PLAIN, state, signals_of(SPEC), Orders(), only(lambda observation: far))
    assert target is not None and float(np.max(abs(target - PLAIN.home_rad))) > LEAD_RAD


def test_a_measured_angle_that_is_not_finite_reaches_no_target() -> None:
    lost = np.array(SETUP.home_rad)
    lost[3] = np.nan
    _, target, record = tick(
        SETUP,
        state_in(SETUP, Mode.ACTIVE),
        signals_of(SPEC, joint_pos_rad=lost),
        Orders(),
        only(lambda observation: np.zeros(JOINTS, np.float32)),
    )
    assert record.mode is Mode.STOPPING and target is not None and np.all(np.isfinite(target))
