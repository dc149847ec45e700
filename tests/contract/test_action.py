"""From the network's output to joint targets: mappings by hand, their inverse, low-pass, delay and gait clock."""

from __future__ import annotations

import dataclasses
import json
import math

import jax
import numpy as np
import pytest
from bundle_builder import WALKING_LAYOUT, field_spec_data, make_spec, real_spec
from test_observation import float32, two_joint_spec

from contract.action import action_to_target, advance, check_pose, reachable_range, target_to_action
from contract.signals import PolicyState, initial_state
from contract.spec import PolicySpec, spec_to_json
from contract.spec_reader import MAPPING_IDS, parse_spec

# two_joint_spec: a in [-1, 3], sign -1, home 0.5, S = 2.5; b in [-0.5, 0.5], sign 1, home 0, S = 0.5
BY_HAND = {
    "pos_target_rad_v1": [((0, 0), (1, 0)), ((0.5, -0.5), (0, -0.25)), ((1, 1), (-1, 0.5)), ((-7, 7), (3, 0.5))],
    "pos_target_home_v1": [((0, 0), (0.5, 0)), ((0.5, -0.5), (-0.75, -0.25)), ((1, 1), (-1, 0.5)), ((-9, 0), (3, 0))],
    "pos_target_home_025_v1": [((0, 0), (0.5, 0)), ((0.5, -0.5), (0.375, -0.125)), ((-9, 1), (0.75, 0.25))],
    "pos_target_home_scaled_v1": [((0, 0), (0.5, 0)), ((0.5, -0.5), (0.4, -0.11)), ((-2, 1), (0.7, 0.22))],
}  # fmt: skip
MAPPINGS = sorted(BY_HAND)


def mapped(mapping_id: str) -> PolicySpec:
    return two_joint_spec(("gravity_local",), mapping_id)


def test_every_mapping_has_values_by_hand() -> None:
    assert set(BY_HAND) == set(MAPPING_IDS)


@pytest.mark.parametrize("mapping_id", MAPPINGS)
def test_mapping_by_hand(mapping_id: str) -> None:
    for action, target in BY_HAND[mapping_id]:
        result = action_to_target(mapped(mapping_id), float32(*action))
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, target, atol=1e-6)


@pytest.mark.parametrize("mapping_id", MAPPINGS)
def test_inverse_of_a_mapping(mapping_id: str) -> None:
    for action, target in BY_HAND[mapping_id]:
        back = target_to_action(mapped(mapping_id), float32(*target))
        if max(map(abs, action)) < 1:
            np.testing.assert_allclose(back, action, atol=1e-6)
        np.testing.assert_allclose(action_to_target(mapped(mapping_id), back), target, atol=1e-6)


def test_inverse_of_a_target_out_of_reach_is_the_nearest_action() -> None:
    spec = mapped("pos_target_home_025_v1")
    np.testing.assert_array_equal(target_to_action(spec, float32(3, -3)), [-1, -1])


@pytest.mark.parametrize("mapping_id", MAPPINGS)
def test_no_action_leaves_the_joint_range(mapping_id: str) -> None:
    for joints in (8, 11, 21):
        spec = make_spec(joints=joints, mapping_id=mapping_id)
        actions = np.random.default_rng(0).normal(0, 3, (500, joints)).astype(np.float32)
        targets = action_to_target(spec, actions)
        assert np.all(targets >= spec.robot.range_min) and np.all(targets <= spec.robot.range_max)


def test_low_pass_weighs_the_old_value_by_alpha_and_starts_at_zero() -> None:
    spec = make_spec(joints=2, alpha=0.75)
    state = initial_state(spec)
    expected = [(0.25, -0.125), (0.4375, -0.21875), (0.328125, -0.1640625)]
    for raw, filtered in zip([(1, -0.5), (1, -0.5), (0, 0)], expected, strict=True):
        state, target = advance(spec, state, float32(*raw))
        np.testing.assert_allclose(state.filtered_action, filtered, atol=1e-7)
        np.testing.assert_array_equal(state.applied_action, state.filtered_action)
        np.testing.assert_array_equal(target, action_to_target(spec, state.applied_action))


def test_without_a_filter_the_action_passes_unchanged() -> None:
    spec = make_spec(joints=2, alpha=None)
    state, _ = advance(spec, initial_state(spec), float32(0.123, -0.9))
    np.testing.assert_array_equal(state.applied_action, float32(0.123, -0.9))


@pytest.mark.parametrize("delay", [0, 1, 4])
def test_delay_holds_actions_back_by_whole_steps(delay: int) -> None:
    spec = make_spec(joints=1, alpha=None, delay=delay)
    state, applied, targets = initial_state(spec), [], []
    raw = [0.1 * (i + 1) for i in range(9)]
    for value in raw:
        state, target = advance(spec, state, float32(value))
        applied.append(float(state.applied_action[0]))
        targets.append(float(target[0]))
    np.testing.assert_allclose(applied, [0.0] * delay + raw[: 9 - delay], atol=1e-7)
    np.testing.assert_allclose(targets[:delay], float(spec.middle_rad[0]), atol=1e-7)


def test_initial_state_is_zero_and_keeps_the_given_phase() -> None:
    state = initial_state(make_spec(delay=2), phase_rad=7.0)
    assert state.delayed_actions.shape == (2, 11)
    assert not np.any(state.filtered_action) and not np.any(state.applied_action)
    assert float(state.phase_rad) == pytest.approx(7.0 - 2 * math.pi)


@pytest.mark.parametrize("period_s", [0.1, 0.36, 0.7, 10.0])
def test_gait_clock_turns_evenly_and_never_jumps(period_s: float) -> None:
    spec = make_spec(layout=WALKING_LAYOUT, gait_period_s=period_s)
    state, raw, points = initial_state(spec), np.zeros(11, np.float32), []
    for _ in range(2000):
        state, _ = advance(spec, state, raw)
        points.append([math.sin(state.phase_rad), math.cos(state.phase_rad)])
        assert 0 <= state.phase_rad <= np.float32(2 * math.pi)
    chords = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(chords, 2 * math.sin(math.pi * 0.02 / period_s), atol=1e-5)
    expected = 2 * math.pi * 2000 * 0.02 / period_s
    assert abs(math.remainder(float(state.phase_rad) - expected, 2 * math.pi)) < 0.01


def test_gait_clock_stands_where_the_spec_has_none() -> None:
    state, _ = advance(make_spec(), initial_state(make_spec(), 1.5), np.zeros(11, np.float32))
    assert float(state.phase_rad) == 1.5


def test_advance_keeps_shapes_and_types_so_that_jax_can_scan_it() -> None:
    spec = make_spec(layout=WALKING_LAYOUT, delay=2)
    before = jax.tree.map(jax.numpy.asarray, initial_state(spec))
    after, target = jax.jit(lambda state: advance(spec, state, jax.numpy.zeros(11)))(before)
    assert isinstance(after, PolicyState)
    assert [(a.shape, a.dtype) for a in after] == [(b.shape, b.dtype) for b in before]
    assert (target.shape, target.dtype) == ((11,), np.float32)


@pytest.mark.parametrize("mapping_id", MAPPINGS)
@pytest.mark.parametrize("joints", [8, 11, 21])
def test_check_pose_round_trips(mapping_id: str, joints: int) -> None:
    result = check_pose(make_spec(joints=joints, mapping_id=mapping_id))
    assert set(result.error_rad) == {"home", "random", "limits"}
    assert max(result.error_rad.values()) < 1e-5
    assert (result.unreachable == ()) == (mapping_id in ("pos_target_rad_v1", "pos_target_home_v1"))


def test_check_pose_of_the_real_robot() -> None:
    for mapping_id in MAPPINGS:
        assert max(check_pose(real_spec(mapping_id=mapping_id)).error_rad.values()) < 1e-5


def test_check_pose_lists_the_limits_out_of_reach() -> None:
    assert check_pose(mapped("pos_target_home_025_v1")).unreachable == (
        "a lower limit -1.000 rad, reaches 0.250",
        "a upper limit 3.000 rad, reaches 0.750",
        "b lower limit -0.500 rad, reaches -0.250",
        "b upper limit 0.500 rad, reaches 0.250",
    )
    low, high = reachable_range(mapped("pos_target_home_v1"))
    np.testing.assert_array_equal(low, [-1, -0.5])
    np.testing.assert_array_equal(high, [3, 0.5])


def test_a_broken_inverse_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contract.action.target_to_action", lambda spec, pose: -target_to_action(spec, pose))
    assert check_pose(make_spec()).error_rad["random"] > 0.1


def test_signs_survive_a_spec_written_again() -> None:
    old, _ = parse_spec(field_spec_data())
    signs = list(old.robot.action_sign)
    assert -1.0 in signs and 1.0 in signs
    for version in ("1.0.0", "1.1.0"):
        text = spec_to_json(dataclasses.replace(old, contract_version=version))
        assert "mirror_sign" not in text
        written = json.loads(text)["robot"]["joints"]
        assert [joint["policy_action_sign"] for joint in written.values()] == signs
        again, notes = parse_spec(json.loads(text))
        assert list(again.robot.action_sign) == signs
        assert all("mirror_sign" not in note for note in notes)
