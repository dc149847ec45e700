"""What was measured on a builder's robot narrows the randomisation, and never widens it."""

from pathlib import Path

import pytest
from standing_task import WALKING

from contract import ConfigError, assets_dir, load_robot_config
from contract.robot_params import load_robot_params, robot_params_from_dict, robot_params_to_yaml
from trainer.config import load_train_config
from trainer.robot_params import narrowed

ROBOT = load_robot_config(assets_dir() / "robot_config.yaml")
GIVEN = """
robot_name: wildrobot
control_latency_s: {value: 0.012, uncertainty: 0.002}
joint_friction: {value: 1.4, uncertainty: 0.3}
joint_offset_rad: {value: 0.004, uncertainty: 0.001}
mass_kg: {value: 3.561, uncertainty: 0.1}
motor_strength: {left_knee_pitch: {value: 1.0, uncertainty: 0.01}}
"""


def test_ranges_become_value_and_uncertainty(tmp_path: Path) -> None:
    path = tmp_path / "robot_params.yaml"
    path.write_text(GIVEN)
    before = load_train_config(WALKING)
    config, notes = narrowed(before, path)
    random, old = config.domain_randomization, before.domain_randomization
    assert random.control_latency == pytest.approx((0.010, 0.014))
    assert random.joint_friction == pytest.approx((1.1, old.joint_friction[1])), "never wider than the config"
    assert random.joint_offset_rad == pytest.approx(0.005)
    assert random.mass_scale == pytest.approx((1 - 0.1 / 3.561, 1 + 0.1 / 3.561), abs=1e-3)
    assert random.motor_strength == old.motor_strength, "one joint says nothing of the others"
    assert any("motor_strength" in note and "left_hip_pitch" in note for note in notes)
    assert config.model_copy(update={"domain_randomization": old}) == before


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "robot_params.yaml"
    path.write_text(GIVEN)
    params = load_robot_params(path, ROBOT)
    path.write_text(robot_params_to_yaml(params))
    assert load_robot_params(path, ROBOT) == params


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"robot_name": "other"}, ("robot_name", "'other'", "'wildrobot'")),
        (
            {"robot_name": "wildrobot", "joint_frction": {"value": 1, "uncertainty": 0}},
            ("did you mean 'joint_friction'",),
        ),
        ({"robot_name": "wildrobot", "mass_kg": {"value": -1.0, "uncertainty": 0.0}}, ("mass_kg", "-1.0", "above 0")),
        ({"robot_name": "wildrobot", "mass_kg": {"value": 3.0, "uncertainty": -1.0}}, ("uncertainty", "-1.0")),
        (
            {"robot_name": "wildrobot", "backlash_rad": {"left_kne_pitch": {"value": 0.0, "uncertainty": 0.0}}},
            ("left_kne_pitch", "did you mean 'left_knee_pitch'"),
        ),
        ([1], ("found list", "expected a mapping")),
    ],
)
def test_wrong_files_are_refused_by_name(data: object, words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as problem:
        robot_params_from_dict(data, ROBOT, "x.yaml")
    assert "\n" not in str(problem.value)
    for word in words:
        assert word in str(problem.value)


def test_a_value_outside_the_range_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "robot_params.yaml"
    path.write_text("robot_name: wildrobot\ncontrol_latency_s: {value: 0.2, uncertainty: 0.01}\n")
    with pytest.raises(ConfigError, match=r"control_latency.* lies outside"):
        narrowed(load_train_config(WALKING), path)
