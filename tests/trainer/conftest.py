"""A small standing task, made once."""

import jax
import pytest
from standing_task import STANDING

from trainer.config import TrainConfig, load_train_config
from trainer.env import Env
from trainer.networks import Networks
from trainer.task import make_env
from trainer.train import make_networks


@pytest.fixture(scope="session")
def config() -> TrainConfig:
    return load_train_config(STANDING)


@pytest.fixture(scope="session")
def env(config: TrainConfig) -> Env:
    return make_env(config, num_envs=4)


@pytest.fixture(scope="session")
def networks(config: TrainConfig, env: Env) -> Networks:
    return make_networks(config, env)


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)
