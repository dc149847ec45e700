"""Envs and their jitted functions, made once."""

from collections.abc import Callable

import jax
import numpy as np
import pytest
from standing_task import STANDING, WALKING

from contract import assets_dir
from trainer.config import TrainConfig, load_train_config
from trainer.env import Env, Start
from trainer.motion.reference import ReferenceMotion, load_reference
from trainer.networks import Networks
from trainer.physics.body_state import BodyState
from trainer.physics.native import NativePhysics
from trainer.randomization import DomainRandomization
from trainer.task import make_env
from trainer.train import make_networks


@pytest.fixture(scope="session")
def config() -> TrainConfig:
    return load_train_config(STANDING)


@pytest.fixture(scope="session")
def env(config: TrainConfig) -> Env:
    return make_env(config, num_envs=4)


@pytest.fixture(scope="session")
def plain_env(config: TrainConfig) -> Env:
    """The standing task on ideal robots: no randomisation at all."""
    return make_env(config, DomainRandomization(), num_envs=4)


@pytest.fixture(scope="session")
def walking_config() -> TrainConfig:
    return load_train_config(WALKING)


@pytest.fixture(scope="session")
def walking(walking_config: TrainConfig) -> Env:
    return make_env(walking_config, num_envs=4)


@pytest.fixture(scope="session")
def motion(walking: Env) -> ReferenceMotion:
    return load_reference(assets_dir() / "motions" / str(walking.config.reference), walking.robot.config)[0]


@pytest.fixture(scope="session")
def starts(env: Env) -> Start:
    """Many beginnings of the standing task, numpy, [N, ...]."""
    return many_starts(env, 2000)


@pytest.fixture(scope="session")
def walking_starts(walking: Env) -> Start:
    """Many beginnings of the walking task, numpy, [N, ...]."""
    return many_starts(walking, 4000)


@pytest.fixture(scope="session")
def networks(config: TrainConfig, env: Env) -> Networks:
    return make_networks(config, env)


@pytest.fixture(scope="session")
def body_in(env: Env) -> Callable[..., BodyState]:
    """One robot's state at home, in an attitude, with joints moved from home (rad)."""
    physics = NativePhysics(env.robot, 1, env.config.decimation, 1)
    robot = env.robot

    def place(quat: tuple[float, ...] = (1, 0, 0, 0), **joints: float) -> BodyState:
        qpos = robot.home_qpos
        qpos[robot.base_qpos + 3 : robot.base_qpos + 7] = quat
        for name, delta in joints.items():
            qpos[robot.qpos[robot.config.actuator_names.index(name)]] += delta
        body = physics.reset(np.arange(1), qpos[None], np.zeros((1, robot.model.nv)))
        return jax.tree.map(lambda x: jax.numpy.asarray(x[0]), body)

    return place


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


def many_starts(env: Env, count: int) -> Start:
    begun = jax.jit(jax.vmap(env.start))(jax.random.split(jax.random.key(1), count))
    return jax.tree.map(np.asarray, begun)
