"""Every observation term by hand, and the layout as data: any order and subset runs, without a change of code."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from bundle_builder import (
    CANONICAL_LAYOUT,
    FIELD_LAYOUT,
    WALKING_LAYOUT,
    make_bundle,
    make_spec,
    make_spec_data,
    open_session,
    random_network,
    real_spec,
)
from worlds import jax_steps, numpy_steps, random_inputs, row, worst_difference

from contract.bundle import load_bundle
from contract.errors import SpecError
from contract.observation import TERMS, observe
from contract.signals import Command, PolicyState, Signals, initial_state
from contract.spec import PolicySpec, spec_to_json
from contract.spec_reader import parse_spec


def two_joint_spec(layout: tuple[str, ...], mapping_id: str = "pos_target_rad_v1") -> PolicySpec:
    """Joint a: [-1, 3] rad, 4 rad/s, sign -1, home 0.5. Joint b: [-0.5, 0.5] rad, 10 rad/s, sign 1, home 0."""
    data = make_spec_data(joints=2, layout=layout, mapping_id=mapping_id)
    data["robot"] = {
        "robot_name": "two",
        "actuator_names": ["a", "b"],
        "joints": {
            "a": {"range_min_rad": -1, "range_max_rad": 3, "max_velocity_rad_s": 4, "policy_action_sign": -1},
            "b": {"range_min_rad": -0.5, "range_max_rad": 0.5, "max_velocity_rad_s": 10},
        },
        "home_ctrl_rad": [0.5, 0.0],
    }
    return parse_spec(data)[0]


def float32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


SIGNALS = Signals(
    quat_wxyz=float32(math.cos(math.radians(15)), 0, math.sin(math.radians(15)), 0),  # nose down by 30 deg
    gyro_rad_s=float32(1, 2, 0),
    joint_pos_rad=float32(2, -0.25),
    joint_vel_rad_s=float32(2, -30),
    foot_switches=float32(1, 0, 0, 1),
    stamp_s=np.float32(0),
    joint_age_s=float32(0, 0),
    imu_age_s=np.float32(0),
)
COMMAND = Command(float32(0.3, -0.1, 0.7))
STATE = PolicyState(float32(9, 9), np.zeros((0, 2), np.float32), float32(0.25, -0.75), np.float32(math.pi / 6))
SIN30, COS30 = 0.5, math.sqrt(0.75)
BY_HAND = {
    "gravity_local": (SIN30, 0, -COS30),
    "angvel_heading_local": (COS30, 2, -SIN30),
    "joint_pos_normalized": (0.5, -0.5),  # (2 - 1) / 2, -0.25 / 0.5: no sign of a
    "joint_vel_normalized": (0.5, -1.0),  # 2 / 4, clipped
    "foot_switches": (1, 0, 0, 1),
    "prev_action": (0.25, -0.75),
    "velocity_cmd": (0.3,),
    "velocity_cmd_lateral_yaw": (-0.1, 0.7),
    "phase_sin_cos": (SIN30, COS30),
    "padding": (0,),
}


def test_every_term_has_a_value_by_hand() -> None:
    assert set(BY_HAND) == set(TERMS)


@pytest.mark.parametrize("term", sorted(BY_HAND))
def test_a_term_alone_gives_the_value_by_hand(term: str) -> None:
    observation = observe(two_joint_spec((term,)), STATE, SIGNALS, COMMAND)
    assert observation.dtype == np.float32
    np.testing.assert_allclose(observation, BY_HAND[term], atol=2e-6)


@pytest.mark.parametrize("mapping_id", ["pos_target_home_v1", "pos_target_home_025_v1", "pos_target_home_scaled_v1"])
def test_joint_position_from_home_in_the_home_mappings(mapping_id: str) -> None:
    spec = two_joint_spec(("joint_pos_normalized",), mapping_id)
    observation = observe(spec, STATE, SIGNALS, COMMAND)
    np.testing.assert_allclose(observation, [0.6, -0.5], atol=2e-6)  # (2 - 0.5) / max(1.5, 2.5), -0.25 / 0.5


def test_joint_position_beyond_its_range_is_not_clipped_and_velocity_is() -> None:
    spec = two_joint_spec(("joint_pos_normalized", "joint_vel_normalized"))
    signals = SIGNALS._replace(joint_pos_rad=float32(5, -1.5), joint_vel_rad_s=float32(1e9, -1e9))
    np.testing.assert_allclose(observe(spec, STATE, signals, COMMAND), [2, -3, 1, -1], atol=1e-5)


def test_the_order_of_the_layout_is_the_order_of_the_observation() -> None:
    names = tuple(reversed(WALKING_LAYOUT))
    expected = [value for name in names for value in BY_HAND[name]]
    np.testing.assert_allclose(observe(two_joint_spec(names), STATE, SIGNALS, COMMAND), expected, atol=2e-6)


def test_canonical_layout_has_44_values_and_the_walking_layout_48() -> None:
    assert make_spec(layout=CANONICAL_LAYOUT).model.obs_dim == 44
    assert make_spec(layout=WALKING_LAYOUT).model.obs_dim == 48
    assert real_spec().model.obs_dim == 44


def test_slices_are_found_by_name() -> None:
    spec = make_spec(layout=WALKING_LAYOUT)
    assert spec.observation.slice_of("gravity_local") == slice(0, 3)
    assert spec.observation.slice_of("prev_action") == slice(32, 43)
    assert spec.observation.slice_of("velocity_cmd_lateral_yaw") == slice(46, 48)
    with pytest.raises(KeyError, match="did you mean 'prev_action'"):
        spec.observation.slice_of("prev_actions")


def test_turning_the_robot_changes_nothing_in_the_observation() -> None:
    spec = make_spec(layout=WALKING_LAYOUT)
    inputs = row(random_inputs(spec, 3, 1, gyro_rad_s=3.0), 0)
    w, x, y, z = inputs.signals.quat_wxyz
    for yaw in np.radians([17, 90, 180, -135]):
        c, s = np.float32(np.cos(yaw / 2)), np.float32(np.sin(yaw / 2))
        turned = inputs.signals._replace(
            quat_wxyz=np.array([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w])
        )
        straight = observe(spec, inputs.state, inputs.signals, inputs.command)
        np.testing.assert_allclose(observe(spec, inputs.state, turned, inputs.command), straight, atol=2e-5)


def test_float64_signals_become_float32() -> None:
    spec = make_spec()
    inputs = row(random_inputs(spec, 4, 1), 0)
    wide = Signals(*(np.asarray(value, np.float64) for value in inputs.signals))
    observation = observe(spec, initial_state(spec), wide, Command(np.zeros(3)))
    assert observation.dtype == np.float32


def test_padding_is_zero_even_where_the_imu_is_broken() -> None:
    signals = SIGNALS._replace(quat_wxyz=float32(math.nan, 0, math.inf, 0))
    np.testing.assert_array_equal(observe(two_joint_spec(("padding",)), STATE, signals, COMMAND), [0])


LAYOUTS = {
    "without prev_action": tuple(n for n in CANONICAL_LAYOUT if n != "prev_action"),
    "with phase_sin_cos": (*CANONICAL_LAYOUT, "phase_sin_cos"),
    "walking": WALKING_LAYOUT,
    "with padding": FIELD_LAYOUT,
    "reordered": tuple(reversed(CANONICAL_LAYOUT)),
    "one term": ("gravity_local",),
    "all terms": tuple(sorted(TERMS)),
}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layout_is_data_in_both_worlds_and_through_a_bundle(name: str, tmp_path: Path) -> None:
    data = make_spec_data(layout=LAYOUTS[name])
    spec = parse_spec(data)[0]
    bundle = load_bundle(make_bundle(tmp_path / "bundle", data), open_session)
    assert bundle.spec == spec
    assert bundle.warnings == ()
    inputs = random_inputs(spec, 7, 20)
    observations, targets = numpy_steps(bundle.spec, inputs)
    assert observations.shape == (20, sum(TERMS[term].size(11) for term in LAYOUTS[name]))
    from_jax = jax_steps(spec_to_json(spec), inputs)
    assert max(map(worst_difference, (observations, targets), from_jax)) <= 1e-5
    session = open_session(random_network(spec))
    for observation in observations:
        direct = session.run(None, {"observation": observation[None, :]})[0][0]
        np.testing.assert_array_equal(bundle.network(observation), direct)


def test_an_unknown_term_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(make_spec_data(layout=(*CANONICAL_LAYOUT, "camera_image")))
    message = str(caught.value)
    assert message.startswith("policy_spec.json: observation.layout[7]: unknown term 'camera_image'")
    assert all(term in message for term in TERMS)
    with pytest.raises(SpecError, match=r"unknown term 'gravity_locl' \(did you mean 'gravity_local'\?\)"):
        parse_spec(make_spec_data(layout=("gravity_locl",)))


def test_sizes_follow_the_number_of_joints() -> None:
    for joints in range(8, 22):
        assert make_spec(joints=joints).model.obs_dim == 3 * joints + 11


def test_a_spec_survives_being_written_and_read() -> None:
    for layout in LAYOUTS.values():
        spec = make_spec(layout=layout, delay=2, mapping_id="pos_target_home_scaled_v1")
        assert parse_spec(json.loads(spec_to_json(spec))) == (spec, ())
