"""The last stage before the bus: no target leaves the range, the speed limit or the finite numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bundle_builder import make_spec, real_spec
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robotd.limits import all_finite, clip_to_range, limit, limits_of

DT_S, MARGIN_RAD = 0.02, 0.02
SPECS = [real_spec(), make_spec(joints=8), make_spec(joints=21)]
ROUNDING_RAD = 1e-6

anything = st.floats(width=32, allow_nan=True, allow_infinity=True)
near = st.floats(-4, 4, width=32)


def poses(spec_index: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float32, SPECS[spec_index].num_joints, elements=st.one_of(anything, near))


@st.composite
def moves(draw: st.DrawFn) -> tuple[int, np.ndarray, list[np.ndarray], float]:
    index = draw(st.integers(0, len(SPECS) - 1))
    targets = draw(st.lists(poses(index), min_size=1, max_size=4))
    return index, draw(poses(index)), targets, draw(st.floats(0.1, 1.0))


@given(moves())
def test_whatever_is_asked_for_the_target_stays_inside_all_limits(
    move: tuple[int, np.ndarray, list[np.ndarray], float],
) -> None:
    index, measured, targets, slow_motion = move
    spec = SPECS[index]
    limits = limits_of(spec, MARGIN_RAD)
    previous = clip_to_range(limits, measured)
    for target in targets:
        result = limit(limits, target, previous, DT_S, slow_motion)
        assert result.dtype == np.float32 and result.shape == (spec.num_joints,)
        assert np.all(np.isfinite(result))
        assert np.all(result >= spec.robot.range_min + MARGIN_RAD - ROUNDING_RAD)
        assert np.all(result <= spec.robot.range_max - MARGIN_RAD + ROUNDING_RAD)
        allowed = spec.robot.max_velocity * DT_S * slow_motion
        assert np.all(abs(result - previous) <= allowed + ROUNDING_RAD)
        previous = result


@given(moves())
def test_a_target_inside_all_limits_passes_unchanged(move: tuple[int, np.ndarray, list[np.ndarray], float]) -> None:
    index, measured, _, slow_motion = move
    limits = limits_of(SPECS[index], MARGIN_RAD)
    pose = clip_to_range(limits, measured)
    assert np.array_equal(limit(limits, pose, pose, DT_S, slow_motion), pose)


@pytest.mark.parametrize("joint", range(11))
@pytest.mark.parametrize("sign", [-1, 1])
def test_position_bound_just_inside_and_just_outside(joint: int, sign: int) -> None:
    spec = SPECS[0]
    limits = limits_of(spec, MARGIN_RAD)
    edge = (spec.robot.range_max if sign > 0 else spec.robot.range_min)[joint] - sign * MARGIN_RAD
    for beyond, expected in ((-0.001, edge - sign * 0.001), (0.001, edge)):
        target = spec.robot.home.copy()
        target[joint] = edge + sign * beyond
        previous = target.copy()
        previous[joint] = edge
        assert math.isclose(limit(limits, target, previous, DT_S, 1.0)[joint], expected, abs_tol=ROUNDING_RAD)


@pytest.mark.parametrize("slow_motion", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_velocity_bound_just_inside_and_just_outside(sign: int, slow_motion: float) -> None:
    spec = SPECS[0]
    limits, home = limits_of(spec, MARGIN_RAD), spec.robot.home
    step = spec.robot.max_velocity * DT_S * slow_motion
    for factor, expected in ((0.99, 0.99), (1.01, 1.0)):
        moved = limit(limits, home + sign * factor * step, home, DT_S, slow_motion) - home
        inside = home + sign * step  # joints at the edge of their range stop there
        free = (inside > limits.low_rad) & (inside < limits.high_rad)
        assert free.sum() >= 9
        assert np.allclose(moved[free], sign * expected * step[free], atol=ROUNDING_RAD)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_element_that_is_not_finite_keeps_its_last_target(bad: float) -> None:
    spec = SPECS[0]
    limits, home = limits_of(spec, MARGIN_RAD), spec.robot.home
    target = home + np.float32(0.05)
    target[3] = bad
    result = limit(limits, target, home, DT_S, 1.0)
    assert result[3] == home[3] and np.allclose(np.delete(result, 3), np.delete(target, 3))


def test_a_range_narrower_than_two_margins_leaves_its_middle() -> None:
    spec = SPECS[0]
    limits = limits_of(spec, 10.0)
    assert np.allclose(limits.low_rad, spec.robot.center, atol=ROUNDING_RAD)
    assert np.allclose(limits.high_rad, spec.robot.center, atol=ROUNDING_RAD)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_pose_is_clipped_and_what_is_not_finite_is_the_middle(bad: float) -> None:
    spec = SPECS[0]
    limits = limits_of(spec, MARGIN_RAD)
    pose = spec.robot.home.copy()
    pose[1], pose[2], pose[5] = 9.0, -9.0, bad
    clipped = clip_to_range(limits, pose)
    expected = spec.robot.home.copy()
    expected[1] = spec.robot.range_max[1] - MARGIN_RAD
    expected[2] = spec.robot.range_min[2] + MARGIN_RAD
    expected[5] = (spec.robot.range_min[5] + spec.robot.range_max[5]) / 2
    assert np.allclose(clipped, expected, atol=ROUNDING_RAD) and clipped.dtype == np.float32


def test_a_previous_target_outside_the_range_is_no_way_out() -> None:
    spec = SPECS[0]
    limits = limits_of(spec, MARGIN_RAD)
    outside = spec.robot.range_max + np.float32(1.0)
    assert np.array_equal(limit(limits, outside, outside, DT_S, 1.0), limits.high_rad)
    assert np.array_equal(limit(limits, -outside, -outside, DT_S, 1.0), limits.low_rad)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_element_is_enough_to_be_not_finite(place: int, bad: float) -> None:
    values = np.zeros(3, np.float32)
    assert all_finite(values) is True
    values[place] = bad
    assert all_finite(values) is False


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_bad_element_in_any_of_several_arrays_is_found(count: int) -> None:
    for bad in range(count):
        arrays = [np.zeros((2, 3) if i == 0 else (), np.float32) for i in range(count)]
        assert all_finite(*arrays) is True
        arrays[bad] = np.full_like(arrays[bad], np.nan)
        assert all_finite(*arrays) is False
