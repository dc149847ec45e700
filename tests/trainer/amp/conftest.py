"""The robot, and bodies that stand as they are told."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from contract import RobotConfig, assets_dir, load_robot_config
from trainer.physics.body_state import Array, BodyState


@pytest.fixture(scope="session")
def robot() -> RobotConfig:
    return load_robot_config(assets_dir() / "robot_config.yaml")


@pytest.fixture(scope="session")
def make_body(robot: RobotConfig) -> Callable[..., BodyState]:
    """A body whose other fields are nan: what features must not look at."""

    def make(quat: Array, joint_pos: Array | None = None, joint_vel: Array | None = None) -> BodyState:
        joints = len(robot.actuator_names)
        known = {
            "base_pos": jnp.array([3.0, -2.0, 0.4]),
            "base_quat": jnp.asarray(quat, jnp.float32),
            "joint_pos": jnp.asarray(robot.home if joint_pos is None else joint_pos, jnp.float32),
            "joint_vel": jnp.asarray(np.arange(joints) / 10 if joint_vel is None else joint_vel, jnp.float32),
        }
        return BodyState(**{name: known.get(name, jnp.full(4, jnp.nan)) for name in BodyState._fields})

    return make
