"""A newer robot_params.yaml on an older one: joint by joint, and the whole robot against its joints."""

from __future__ import annotations

import pytest

from contract import assets_dir, load_robot_config
from contract.robot_params import WHOLE, Estimate, RobotParams, merged, robot_params_from_dict, robot_params_to_yaml

ONE, TWO = Estimate(1.0, 0.1), Estimate(2.0, 0.2)
KNEE, WAIST = "left_knee_pitch", "waist_yaw"


@pytest.mark.parametrize(
    ("older", "newer", "together"),
    [
        ({KNEE: ONE}, {WAIST: TWO}, {KNEE: ONE, WAIST: TWO}),
        ({KNEE: ONE, WAIST: ONE}, {WAIST: TWO}, {KNEE: ONE, WAIST: TWO}),
        ({WHOLE: ONE}, {WAIST: TWO}, {WAIST: TWO}),
        ({KNEE: ONE}, {WHOLE: TWO}, {WHOLE: TWO}),
        (None, {WAIST: TWO}, {WAIST: TWO}),
        ({KNEE: ONE}, None, {KNEE: ONE}),
    ],
)
def test_what_was_measured_last_counts(
    older: dict[str, Estimate] | None, newer: dict[str, Estimate] | None, together: dict[str, Estimate]
) -> None:
    before = RobotParams("wildrobot", mass_kg={WHOLE: TWO}, joint_friction=older)
    after = merged(before, RobotParams("wildrobot", joint_friction=newer))
    assert after == RobotParams("wildrobot", mass_kg={WHOLE: TWO}, joint_friction=together)


def test_what_is_merged_can_be_read() -> None:
    import yaml

    robot = load_robot_config(assets_dir() / "robot_config.yaml")
    both = merged(
        RobotParams(robot.robot_name, backlash_rad={KNEE: ONE}), RobotParams(robot.robot_name, mass_kg={WHOLE: TWO})
    )
    assert robot_params_from_dict(yaml.safe_load(robot_params_to_yaml(both)), robot) == both
