"""numpy on the robot and jax under jit(vmap) in the trainer give the same observation and target."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest
from bundle_builder import FIELD_LAYOUT, WALKING_LAYOUT, make_spec, real_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import jax_steps, numpy_steps, random_inputs, row, step, worst_difference

from contract.signals import initial_state
from contract.spec import PolicySpec, spec_to_json

ROWS, BATCHES, TOLERANCE = 256, 40, 1e-5
SPECS = {
    "standing": real_spec(),
    "walking": make_spec(layout=WALKING_LAYOUT, mapping_id="pos_target_rad_v1", alpha=0.6, delay=2),
    "field": make_spec(joints=8, layout=FIELD_LAYOUT, mapping_id="pos_target_home_025_v1", delay=1),
    "many joints": make_spec(joints=21, mapping_id="pos_target_home_scaled_v1", alpha=None),
}


def test_ten_thousand_random_inputs_agree() -> None:
    rows = 0

    @settings(max_examples=BATCHES)
    @given(st.sampled_from(sorted(SPECS)), st.integers(0, 2**32 - 1))
    def check(name: str, seed: int) -> None:
        nonlocal rows
        inputs = random_inputs(SPECS[name], seed, ROWS, gyro_rad_s=10.0, max_tilt_deg=80.0)
        robot, trainer = numpy_steps(SPECS[name], inputs), jax_steps(spec_to_json(SPECS[name]), inputs)
        for mine, theirs in zip(robot, trainer, strict=True):
            assert mine.dtype == theirs.dtype == np.float32
            assert mine.shape == theirs.shape
            assert worst_difference(mine, theirs) <= TOLERANCE
        rows += ROWS

    check()
    assert rows >= 10_000


@pytest.mark.parametrize("name", sorted(SPECS))
def test_gyro_at_its_full_scale_agrees_within_three_tolerances(name: str) -> None:
    """35 rad/s is where an IMU of 2000 deg/s saturates; rounding grows with the rate, and so does this bound."""
    inputs = random_inputs(SPECS[name], 5, 1000, gyro_rad_s=35.0, max_tilt_deg=80.0)
    robot, trainer = numpy_steps(SPECS[name], inputs), jax_steps(spec_to_json(SPECS[name]), inputs)
    assert worst_difference(robot[0], trainer[0]) <= 3 * TOLERANCE


def _rollout_numpy(spec: PolicySpec, inputs: object, steps: int) -> tuple[np.ndarray, np.ndarray]:
    state, results = initial_state(spec), []
    for i in range(steps):
        observation, state, target = step(spec, row(inputs, i)._replace(state=state))
        results.append((observation, target))
    return tuple(np.stack(column) for column in zip(*results, strict=True))


def _rollout_jax(spec: PolicySpec, inputs: object) -> tuple[np.ndarray, np.ndarray]:
    def body(state: object, given: object) -> tuple[object, tuple[object, object]]:
        observation, state, target = step(spec, given._replace(state=state))
        return state, (observation, target)

    scan = jax.jit(functools.partial(jax.lax.scan, body))
    _, results = scan(jax.tree.map(jax.numpy.asarray, initial_state(spec)), inputs)
    return tuple(np.asarray(column) for column in results)


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("alpha", [None, 0.9])
def test_rollout_of_ten_seconds_agrees(delay: int, alpha: float | None) -> None:
    spec, steps = make_spec(layout=WALKING_LAYOUT, alpha=alpha, delay=delay, gait_period_s=0.7), 500
    inputs = random_inputs(spec, 11, steps)
    robot, trainer = _rollout_numpy(spec, inputs, steps), _rollout_jax(spec, inputs)
    for mine, theirs in zip(robot, trainer, strict=True):
        assert worst_difference(mine, theirs) <= TOLERANCE
    moved = robot[0][:, spec.observation.slice_of("prev_action")]
    assert np.all(moved[: delay + 1] == 0.0)
    assert np.all(np.any(moved[delay + 1 :] != 0.0, axis=1))
