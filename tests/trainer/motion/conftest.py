"""The robot, and a small generated motion, made once."""

import pytest

from contract import assets_dir, load_robot_config
from trainer.motion.gait import GaitParams, generate
from trainer.motion.reference import ReferenceMotion
from trainer.physics.robot_model import RobotModel, load_robot_model

COMMANDS = [(0.0, 0.0, 0.0), (0.15, 0.0, 0.0), (0.1, 0.1, 0.0), (0.1, -0.1, 0.0)]


@pytest.fixture(scope="session")
def robot() -> RobotModel:
    config = load_robot_config(assets_dir() / "robot_config.yaml")
    return load_robot_model(assets_dir() / "scene.xml", config, 0.002)


@pytest.fixture(scope="session")
def walk(robot: RobotModel) -> ReferenceMotion:
    generated = generate(robot, GaitParams(lift_m=0.025), COMMANDS)
    assert not generated.left_out
    return generated.motion
