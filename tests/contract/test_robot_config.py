"""robot_config.yaml: read as frozen data, and every mistake gives one sentence that names its key and its cure."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from contract.errors import ConfigError, ContractError
from contract.mjcf import actuated_joint_names
from contract.paths import assets_dir
from contract.robot_config import load_robot_config, robot_config_from_dict

CONFIG = assets_dir() / "robot_config.yaml"
Data = dict[str, Any]


@pytest.fixture
def data() -> Data:
    return yaml.safe_load(CONFIG.read_text(encoding="utf-8"))


def test_the_shipped_config_is_the_robot() -> None:
    config = load_robot_config(CONFIG)
    assert config.actuator_names == actuated_joint_names(assets_dir() / config.model)
    assert config.foot_switches == ("left_toe", "left_heel", "right_toe", "right_heel")
    assert (config.imu.body, config.base.body) == ("chassis", "pelvis")
    assert config.assumed == ("max_velocity_rad_s",)
    assert config.total_mass_kg == pytest.approx(3.561)


def test_columns_follow_the_actuators(data: Data) -> None:
    for i, name in enumerate(data["actuator_names"]):
        data["joints"][name]["max_velocity_rad_s"] = 1.0 + i
    config = robot_config_from_dict(data)
    np.testing.assert_array_equal(config.max_velocity, np.arange(1.0, 12.0, dtype=np.float32))
    assert config.home.dtype == np.float32 and config.home.shape == (11,)
    assert (config.range_min < config.home).all() and (config.home < config.range_max).all()
    assert config.crouch[2] == np.float32(data["crouch_pose_rad"]["left_knee_pitch"])
    assert (config.max_torque == 4).all()


def test_mirroring_twice_gives_the_pose_back() -> None:
    config = load_robot_config(CONFIG)
    pose = np.random.default_rng(0).uniform(config.range_min, config.range_max)
    mirrored = config.symmetry_sign * pose[config.symmetric_index]
    assert mirrored[0] == pose[5] and mirrored[10] == -pose[10]
    np.testing.assert_array_equal(config.symmetry_sign * mirrored[config.symmetric_index], pose)


def test_it_cannot_be_changed() -> None:
    config = load_robot_config(CONFIG)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.total_mass_kg = 1.0  # type: ignore[misc]


def put(*path: Any) -> Callable[[Data], None]:
    """Set the value at a path of keys: put("imu", "site", 3)."""
    *keys, last, value = path

    def change(data: Data) -> None:
        for key in keys:
            data = data[key]
        data[last] = value

    return change


def rename(key: str, new: str) -> Callable[[Data], None]:
    return lambda data: data.update({new: data.pop(key)})


def drop(*path: str) -> Callable[[Data], None]:
    *keys, last = path

    def change(data: Data) -> None:
        for key in keys:
            data = data[key]
        del data[last]

    return change


def swap_first_joints(key: str) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        first, second, *rest = data[key].items()
        data[key] = dict([second, first, *rest])

    return change


KNEE = ("joints", "left_knee_pitch")
MISTAKES: list[tuple[Callable[[Data], None], list[str]]] = [
    (rename("imu", "imus"), ["unknown key 'imus'", "did you mean 'imu'"]),
    (drop("base"), ["'base' is missing"]),
    (drop("imu", "site"), ["imu", "'site' is missing"]),
    (put("robot_name", 3), ["robot_name", "found 3", "a text"]),
    (put("total_mass_kg", "3.5 kg"), ["total_mass_kg", "'3.5 kg'", "a number"]),
    (put("total_mass_kg", float("nan")), ["total_mass_kg", "finite"]),
    (put("total_mass_kg", 0), ["total_mass_kg", "above 0"]),
    (put("base", "standing_height_m", -0.4), ["base.standing_height_m", "above 0"]),
    (put("actuator_names", []), ["actuator_names"]),
    (put("actuator_names", 1, "left_hip_pitch"), ["actuator_names", "differ"]),
    (put("foot_switches", 1, "left_toe"), ["foot_switches", "differ"]),
    (put("actuator_names", 0, "left_hip_pich"), ["joints", "'left_hip_pitch'", "did you mean 'left_hip_pich'"]),
    (drop("joints", "waist_yaw"), ["joints", "'waist_yaw'", "missing"]),
    (drop("home_pose_rad", "waist_yaw"), ["home_pose_rad", "'waist_yaw'", "missing"]),
    (swap_first_joints("joints"), ["joints", "order"]),
    (swap_first_joints("crouch_pose_rad"), ["crouch_pose_rad", "order"]),
    (put(*KNEE, "range_min_rad", 2.0), ["left_knee_pitch", "min < max"]),
    (put(*KNEE, "range_max_rad", 103.0), ["left_knee_pitch", "radians"]),
    (put(*KNEE, "range_max_rad", 1.7), ["left_knee_pitch", "'right_knee_pitch'", "1.8", "mirror"]),
    (put(*KNEE, "max_velocity_rad_s", 0.0), ["left_knee_pitch.max_velocity_rad_s", "above 0"]),
    (put(*KNEE, "max_torque_nm", -4.0), ["left_knee_pitch.max_torque_nm", "above 0"]),
    (put(*KNEE, "policy_action_sign", 0), ["left_knee_pitch.policy_action_sign", "1 or -1"]),
    (put(*KNEE, "policy_action_sign", 1.0), ["left_knee_pitch.policy_action_sign", "whole number"]),
    (put(*KNEE, "symmetry_sign", 2), ["left_knee_pitch.symmetry_sign", "1 or -1"]),
    (put(*KNEE, "symmetry_sign", -1), ["left_knee_pitch.symmetric_joint", "with sign 1, expected"]),
    (put(*KNEE, "symmetric_joint", "right_knee"), ["'right_knee'", "did you mean 'right_knee_pitch'"]),
    (put(*KNEE, "symmetric_joint", "right_hip_roll"), ["left_knee_pitch.symmetric_joint", "'left_hip_roll'"]),
    (put(*KNEE, "stiffness", 1), ["left_knee_pitch", "unknown key 'stiffness'"]),
    (put("home_pose_rad", "left_knee_pitch", -0.1), ["home_pose_rad.left_knee_pitch", "-0.1", "0.0 to 1.8"]),
    (put("crouch_pose_rad", "waist_yaw", 0.6), ["crouch_pose_rad.waist_yaw", "0.6"]),
    (put("assumed", ["max_velocity"]), ["assumed", "did you mean 'max_velocity_rad_s'"]),
]


@pytest.mark.parametrize(("change", "words"), MISTAKES, ids=[" ".join(words) for _, words in MISTAKES])
def test_a_mistake_gives_one_clear_sentence(data: Data, change: Callable[[Data], None], words: list[str]) -> None:
    robot_config_from_dict(copy.deepcopy(data))
    change(data)
    with pytest.raises(ConfigError) as caught:
        robot_config_from_dict(data, "robot_config.yaml")
    message = str(caught.value)
    assert message.startswith("robot_config.yaml") and "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("content", ["joints: [", "- 1\n- 2\n", "", "\xff"])
def test_a_file_that_is_no_config_is_refused_by_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "robot_config.yaml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"robot_config\.yaml: ") as caught:
        load_robot_config(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: No such file"):
        load_robot_config(tmp_path / "nowhere.yaml")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_actuated_joints_are_read_in_order_through_includes(tmp_path: Path) -> None:
    write(
        tmp_path / "arm.xml", '<mujoco><actuator><motor joint="b"/><position name="z" joint="a"/></actuator></mujoco>'
    )
    write(tmp_path / "body.xml", '<mujoco><worldbody/><include file="arm.xml"/></mujoco>')
    first, last = (f'<actuator><motor joint="{name}"/></actuator>' for name in "cd")
    scene = write(tmp_path / "scene.xml", f'<mujoco>{first}<include file="body.xml"/>{last}</mujoco>')
    assert actuated_joint_names(scene) == ("c", "b", "a", "d")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<mujoco><include/></mujoco>", "without file"),
        ('<mujoco><include file="gone.xml"/></mujoco>', "gone.xml: no such file"),
        ('<mujoco><include file="m.xml"/></mujoco>', "included twice"),
        ('<mujoco><actuator><motor name="m" tendon="t"/></actuator></mujoco>', "actuator m drives no joint"),
        ("<mujoco>", "not XML"),
    ],
)
def test_a_bad_mjcf_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        actuated_joint_names(write(tmp_path / "m.xml", text))
