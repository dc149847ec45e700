"""The robot, read once."""

import pytest

from contract import assets_dir, load_robot_config
from trainer.physics.robot_model import RobotModel, load_robot_model


@pytest.fixture(scope="session")
def walking_robot() -> RobotModel:
    assets = assets_dir()
    return load_robot_model(assets / "scene.xml", load_robot_config(assets / "robot_config.yaml"), 0.002)
