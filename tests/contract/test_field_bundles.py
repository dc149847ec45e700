"""Bundles of older tools: they load with a stated warning, or are refused with one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bundle_builder import (
    FIELD_LAYOUT,
    field_spec_data,
    joint_names,
    make_field_bundle,
    make_spec,
    open_session,
    replace_file,
    robot_xml,
    to_json,
)
from sentences import assert_sentence
from worlds import jax_steps, numpy_steps, random_inputs, worst_difference

from contract.bundle import Bundle, load_bundle
from contract.errors import BundleError, ChecksumError, SpecError
from contract.spec import spec_to_json


def load(path: Path, allow: bool = False) -> Bundle:
    return load_bundle(path, open_session, allow)


@pytest.mark.parametrize("joints", range(8, 22))
def test_a_field_bundle_of_any_size_loads_and_runs_in_both_worlds(tmp_path: Path, joints: int) -> None:
    bundle = load(make_field_bundle(tmp_path / "b", joints))
    assert bundle.spec.num_joints == joints
    assert bundle.spec.model.obs_dim == 3 * joints + 12
    assert bundle.verified
    inputs = random_inputs(bundle.spec, joints, 5)
    observations, targets = numpy_steps(bundle.spec, inputs)
    assert np.all(observations[:, bundle.spec.observation.slice_of("padding")] == 0)
    from_jax = jax_steps(spec_to_json(bundle.spec), inputs)
    assert max(map(worst_difference, (observations, targets), from_jax)) <= 1e-5
    assert bundle.network(observations[0]).shape == (joints,)


def test_every_gap_of_a_field_bundle_is_stated(tmp_path: Path) -> None:
    path = make_field_bundle(tmp_path / "b")
    spec, config, golden, model = (
        path / f for f in ("policy_spec.json", "robot_config.yaml", "golden.json", "robot.xml")
    )
    replace_file(path, "robot.xml", None)
    assert load(path).warnings == (
        f"{spec}: runtime is missing; ctrl_dt 0.02 s without action delay is taken",
        f"{spec}: mirror_sign is read as policy_action_sign",
        f"{spec}: robot.home_ctrl_rad is missing; the middle of each joint's range is taken as home",
        f"{config}: in an older form, so joint names and ranges could not be compared with it",
        f"{model}: missing; joint names could not be compared with the robot's model",
        f"{golden}: missing; the network's answers could not be compared with the export",
    )
    assert load(path).robot_config is None


def test_what_an_older_spec_left_open_has_the_stated_meaning(tmp_path: Path) -> None:
    spec = load(make_field_bundle(tmp_path / "b")).spec
    twin = make_spec(layout=FIELD_LAYOUT, mapping_id="pos_target_rad_v1", alpha=0.5)
    assert (spec.runtime.ctrl_dt, spec.runtime.action_delay_steps, spec.runtime.gait_period_s) == (0.02, 0, None)
    np.testing.assert_array_equal(spec.robot.action_sign, twin.robot.action_sign)
    np.testing.assert_array_equal(spec.robot.home, spec.robot.center)


def test_a_home_in_an_older_spec_is_kept(tmp_path: Path) -> None:
    bundle = load(make_field_bundle(tmp_path / "b", home=True))
    np.testing.assert_array_equal(bundle.spec.robot.home, make_spec().robot.home)
    assert not any("home_ctrl_rad" in text for text in bundle.warnings)


def test_free_provenance_of_an_older_spec_is_named_and_ignored(tmp_path: Path) -> None:
    path = make_field_bundle(tmp_path / "b")
    data = field_spec_data() | {"provenance": {"created_at": "2024", "git_sha": "abc", "host": "lab"}}
    replace_file(path, "policy_spec.json", to_json(data))
    bundle = load(path)
    assert bundle.spec.provenance.created_at == "2024"
    assert any("ignored: git_sha, host" in text for text in bundle.warnings)


def test_a_stale_checksum_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    path = make_field_bundle(tmp_path / "b", stale=True)
    with pytest.raises(ChecksumError) as caught:
        load(path)
    assert_sentence(caught.value, path / "metrics.json", "sha256", "expected", "--allow-unverified")
    bundle = load(path, allow=True)
    assert not bundle.verified
    assert "metrics.json" in bundle.warnings[0]


def test_joint_order_is_compared_in_older_bundles_too(tmp_path: Path) -> None:
    path = make_field_bundle(tmp_path / "b", joints=9)
    names = joint_names(9)
    replace_file(path, "robot.xml", robot_xml((*names[:7], names[8], names[7])))
    with pytest.raises(BundleError) as caught:
        load(path)
    assert_sentence(caught.value, path / "robot.xml", "joint 7 is 'joint_08'", "expected 'joint_07'")


def test_a_joint_of_an_older_spec_without_any_sign_has_plus_one(tmp_path: Path) -> None:
    path = make_field_bundle(tmp_path / "b")
    data = field_spec_data()
    for joint in data["robot"]["joints"].values():
        del joint["mirror_sign"]
    replace_file(path, "policy_spec.json", to_json(data))
    assert np.all(load(path).spec.robot.action_sign == 1.0)


@pytest.mark.parametrize("sign", [0, 2.0, "left", None])
def test_a_mirror_sign_that_is_no_sign_is_refused(tmp_path: Path, sign: object) -> None:
    path = make_field_bundle(tmp_path / "b")
    data = field_spec_data()
    data["robot"]["joints"]["left_knee_pitch"]["mirror_sign"] = sign
    replace_file(path, "policy_spec.json", to_json(data))
    with pytest.raises(SpecError) as caught:
        load(path)
    assert_sentence(caught.value, path / "policy_spec.json", "left_knee_pitch.policy_action_sign", "expected")


def test_an_unknown_key_of_an_older_spec_is_refused(tmp_path: Path) -> None:
    path = make_field_bundle(tmp_path / "b")
    replace_file(path, "policy_spec.json", to_json(field_spec_data() | {"filters": []}))
    with pytest.raises(SpecError) as caught:
        load(path)
    assert_sentence(caught.value, path / "policy_spec.json", "unknown key 'filters'")
