"""Every mistake in policy_spec.json is refused with one sentence: the key, what was found, what was expected."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from bundle_builder import CANONICAL_LAYOUT, field_spec_data, make_spec_data, real_spec_data
from sentences import assert_sentence

from contract.errors import SpecError
from contract.spec import spec_to_json
from contract.spec_reader import parse_spec

Data = dict[str, Any]
HIP = "robot.joints.left_hip_pitch"


def put(path: str, value: Any) -> Callable[[Data], None]:
    """A change that sets the value at a dotted path; numbers index lists."""

    def change(data: Any) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        for key in way:
            data = data[key]
        data[last] = value

    return change


def drop(path: str) -> Callable[[Data], None]:
    """A change that removes the key at a dotted path."""

    def change(data: Any) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        for key in way:
            data = data[key]
        del data[last]

    return change


def refuse(change: Callable[[Data], None], *words: object, data: Data | None = None) -> None:
    """A good spec with one change is refused with all of `words`."""
    data = make_spec_data() if data is None else data
    parse_spec(copy.deepcopy(data))
    change(data)
    with pytest.raises(SpecError) as caught:
        parse_spec(data, "folder/policy_spec.json")
    assert_sentence(caught.value, "folder/policy_spec.json", *words)


@pytest.mark.parametrize(
    "level",
    ["", "model.", "robot.", f"{HIP}.", "observation.", "observation.layout.0.", "action.", "runtime.", "provenance."],
)
def test_an_unknown_key_is_refused_at_every_level(level: str) -> None:
    place = level[:-1].replace(".0", "[0]")
    refuse(
        put(f"{level}surprise", 1), f"policy_spec.json: {place}{': ' * bool(place)}unknown key 'surprise'", "known: "
    )


def test_an_unknown_key_in_the_bounds_is_refused() -> None:
    refuse(put("action.bounds", {"min": -1, "max": 1, "mid": 0}), "action.bounds: unknown key 'mid'")


def test_a_misspelt_key_gets_a_suggestion() -> None:
    refuse(put("runtime.action_delay_step", 1), "action_delay_step", "did you mean 'action_delay_steps'?")


REQUIRED = [
    "contract_name", "contract_version", "spec_version", "model", "model.obs_dim", "model.action_dim", "robot",
    "robot.robot_name", "robot.actuator_names", "robot.joints", f"{HIP}.range_min_rad", f"{HIP}.range_max_rad",
    f"{HIP}.max_velocity_rad_s", "observation", "observation.layout", "observation.layout_id",
    "observation.layout.2.size", "action", "action.mapping_id", "action.postprocess_id",
]  # fmt: skip


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_key_is_refused(path: str) -> None:
    refuse(drop(path), path.rsplit(".", 1)[-1])


WRONG_TYPES = [
    ("model", [1], "[1]", "expected a mapping"),
    ("model.obs_dim", "44", "'44'", "expected a whole number"),
    ("model.obs_dim", 44.0, "44.0", "expected a whole number"),
    ("model.obs_dim", True, "True", "expected a whole number"),
    ("model.input_name", 3, "3", "expected a text"),
    ("robot.actuator_names", "left_hip_pitch", "'left_hip_pitch'", "expected a list of texts"),
    ("robot.joints", [], "[]", "expected a mapping"),
    (HIP, 3, "3", "expected a mapping with the keys range_min_rad"),
    (f"{HIP}.range_min_rad", None, "None", "expected a number"),
    (f"{HIP}.range_min_rad", "0.1", "'0.1'", "expected a number"),
    (f"{HIP}.range_min_rad", float("nan"), "nan", "expected a finite number"),
    (f"{HIP}.range_max_rad", float("inf"), "inf", "expected a finite number"),
    (f"{HIP}.range_max_rad", 10**400, "1000", "expected a finite number"),
    ("robot.home_ctrl_rad", 0.0, "0.0", "expected a list"),
    ("observation.layout", {}, "{}", "expected a list"),
    ("observation.layout.0", "gravity_local", "'gravity_local'", "expected a mapping"),
    ("action.postprocess_params", [0.5], "[0.5]", "expected a mapping"),
    ("action.postprocess_params.alpha", "0.5", "'0.5'", "expected a number"),
    ("runtime.action_delay_steps", 1.5, "1.5", "expected a whole number"),
    ("provenance.created_at", 2024, "2024", "expected a text"),
]


@pytest.mark.parametrize(("path", "value", "found", "expected"), WRONG_TYPES, ids=[row[0] for row in WRONG_TYPES])
def test_a_wrong_type_is_refused(path: str, value: object, found: str, expected: str) -> None:
    refuse(put(path, value), path.replace(".0", "[0]"), found, expected)


WRONG_VALUES = [
    ("contract_name", "other", "'other'", "'wildrobot_policy'"),
    ("contract_version", "2.0.0", "2.0.0", "1.x"),
    ("contract_version", "0.9.0", "0.9.0", "1.x"),
    ("contract_version", "1.1", "1.1", "three numbers"),
    ("contract_version", "1.-1.0", "1.-1.0", "three numbers"),
    ("runtime.command", {"vx_m_s": [0, 1], "vy_m_s": [0, 0], "yaw_rad_s": [0.1, 1]}, "yaw_rad_s", "about zero"),
    ("runtime.command", {"vx_m_s": [0], "vy_m_s": [0, 0], "yaw_rad_s": [0, 1]}, "vx_m_s", "[lowest, highest]"),
    ("runtime.command", {"vx_m_s": [0, 1]}, "vy_m_s", "is missing"),
    ("contract_version", "1.1.0-rc1", "1.1.0-rc1", "three numbers"),
    ("contract_version", None, "None", "three numbers"),
    ("spec_version", 1, "1", "2"),
    ("spec_version", 3, "3", "2"),
    ("spec_version", "2", "'2'", "2"),
    ("spec_version", True, "True", "2"),
    ("model.format", "torch", "'torch'", "'onnx'"),
    ("model.dtype", "float16", "'float16'", "'float32'"),
    ("observation.dtype", "float64", "'float64'", "'float32'"),
    ("action.dtype", "float64", "'float64'", "'float32'"),
    ("action.bounds", {"min": -2, "max": 2}, "(-2.0, 2.0)", "(-1.0, 1.0)"),
    ("model.obs_dim", 45, "45", "44"),
    ("model.action_dim", 12, "12", "11"),
    ("observation.layout.2.size", 10, "10", "11"),
    ("observation.layout.0.name", "gravity", "'gravity'", "'gravity_local'"),
    ("observation.layout.5.name", "joint_vel_normalized", "'joint_vel_normalized'", "once"),
    ("robot.actuator_names.1", "left_hip_pitch", "left_hip_pitch", "each joint once"),
    ("robot.actuator_names.1", "tail", "tail", "the same joints"),
    (f"{HIP}.range_min_rad", 0.9, "[0.9, 0.5]", "range_min_rad below range_max_rad"),
    (f"{HIP}.range_max_rad", 90.0, "90.0", "radians"),
    (f"{HIP}.range_min_rad", -1e300, "-1e+300", "radians"),
    (f"{HIP}.max_velocity_rad_s", 0.0, "0.0", "0.001 to 1000 rad/s"),
    (f"{HIP}.max_velocity_rad_s", -5.0, "-5.0", "0.001 to 1000 rad/s"),
    (f"{HIP}.policy_action_sign", 0.5, "0.5", "1 or -1"),
    ("robot.home_ctrl_rad", [0.0] * 10, "10 numbers", "11"),
    ("robot.home_ctrl_rad.0", 2.0, "2.0000", "[-1.2000, 0.5000]"),
    ("action.mapping_id", "pos_target_home_v2", "'pos_target_home_v2'", "'pos_target_home_v1'"),
    ("action.mapping_id", "pos_target_home_scaled_v1", "scale_rad", "one number for each actuator"),
    ("action.scale_rad", [0.2] * 11, "scale_rad", "does not take"),
    ("action.postprocess_id", "lowpass_v2", "'lowpass_v2'", "'lowpass_v1'"),
    ("action.postprocess_id", "none", "found alpha", "no keys for none"),
    ("action.postprocess_params", {}, "found no keys", "alpha for lowpass_v1"),
    ("action.postprocess_params", {"alpha": 0.5, "beta": 1}, "alpha, beta", "expected alpha for lowpass_v1"),
    ("action.postprocess_params.alpha", 1.0, "1.0", "0 <= alpha < 1"),
    ("action.postprocess_params.alpha", 0.9999999999, "0.9999999999", "0 <= alpha < 1"),
    ("action.postprocess_params.alpha", -0.1, "-0.1", "0 <= alpha < 1"),
    ("runtime.ctrl_dt", 20.0, "20.0 s", "0.001 to 1 s"),
    ("runtime.action_delay_steps", -1, "-1", "0 to 10"),
    ("runtime.action_delay_steps", 11, "11", "0 to 10"),
]


@pytest.mark.parametrize(("path", "value", "found", "expected"), WRONG_VALUES)
def test_a_wrong_value_is_refused(path: str, value: object, found: str, expected: str) -> None:
    refuse(put(path, value), found, expected)


def test_a_scale_must_fit_the_joints() -> None:
    data = make_spec_data(mapping_id="pos_target_home_scaled_v1")
    refuse(put("action.scale_rad", [0.2] * 10), "10 numbers", "11", data=copy.deepcopy(data))
    refuse(
        put("action.scale_rad.3", 0.0),
        "scale_rad: left_ankle_pitch has 0.0 rad",
        "0.001 to 3.142 rad",
        data=copy.deepcopy(data),
    )
    refuse(
        put("action.scale_rad.3", 4.0), "left_ankle_pitch has 4.0 rad", "0.001 to 3.142 rad", data=copy.deepcopy(data)
    )


def test_a_phase_needs_a_gait_period() -> None:
    for change in (drop("runtime.gait_period_s"), put("runtime.gait_period_s", 0.0)):
        data = make_spec_data(layout=(*CANONICAL_LAYOUT, "phase_sin_cos"))
        refuse(change, "runtime.gait_period_s", "0.1 to 10 s", "phase_sin_cos", data=data)


def test_a_home_mapping_needs_a_home() -> None:
    refuse(drop("robot.home_ctrl_rad"), "robot.home_ctrl_rad", "missing", "pos_target_home_v1")


def test_an_empty_layout_is_refused() -> None:
    refuse(put("observation.layout", []), "observation.layout", "no terms", "at least one")


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_what_is_no_mapping_is_refused(data: object) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(data, "x.json")
    assert_sentence(caught.value, "x.json", f"found {data!r}", "expected a mapping")


def test_two_signs_that_disagree_are_refused() -> None:
    refuse(put(f"{HIP}.policy_action_sign", -1), "mirror_sign 1.0", "policy_action_sign -1", data=field_spec_data())


def test_the_old_word_for_the_sign_is_refused_in_a_new_spec() -> None:
    refuse(put(f"{HIP}.mirror_sign", 1), "unknown key 'mirror_sign'")


def test_a_newer_minor_version_is_read() -> None:
    assert parse_spec(make_spec_data() | {"contract_version": "1.7.3"})[0].contract_version == "1.7.3"


@pytest.mark.parametrize("data", [make_spec_data(), make_spec_data(21, delay=3), real_spec_data(), field_spec_data()])
def test_reading_what_was_written_gives_the_same_spec(data: Data) -> None:
    before = copy.deepcopy(data)
    spec, _ = parse_spec(data)
    assert data == before, "parse_spec changed its input"
    assert parse_spec(json.loads(spec_to_json(spec)))[0] == spec
