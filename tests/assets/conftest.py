"""The robot on its floor, and post_process importable; data is made afresh by each test."""

from __future__ import annotations

import sys

import mujoco
import pytest

from contract.paths import assets_dir
from contract.robot_config import RobotConfig, load_robot_config

sys.path.insert(0, str(assets_dir()))  # as for `cd assets && python post_process.py`
SCENE = assets_dir() / "scene.xml"


@pytest.fixture
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(SCENE))


@pytest.fixture(scope="session")
def config() -> RobotConfig:
    return load_robot_config(assets_dir() / "robot_config.yaml")
