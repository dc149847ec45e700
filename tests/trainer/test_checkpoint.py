"""Checkpoints come back as they were, or are refused."""

from pathlib import Path

import jax
import numpy as np
import pytest

from contract import ConfigError
from trainer.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from trainer.config import TrainConfig
from trainer.env import Env
from trainer.networks import Networks
from trainer.train import init_learner


def test_round_trip(tmp_path: Path, config: TrainConfig, env: Env, networks: Networks, key: jax.Array) -> None:
    state = init_learner(config, env, networks, key)
    save_checkpoint(tmp_path / "100", state, {"iteration": 3})
    loaded, meta = load_checkpoint(tmp_path / "100", init_learner(config, env, networks, jax.random.key(9)))
    assert meta == {"iteration": 3}
    assert jax.tree.structure(loaded) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(loaded), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [p.name for p in tmp_path.iterdir()] == ["100"]


def test_other_networks_are_refused(tmp_path: Path, config: TrainConfig, env: Env, key: jax.Array) -> None:
    joints = env.spec.num_joints
    small = config.network.model_copy(update={"policy_hidden_dims": (8,)})
    save_checkpoint(tmp_path / "1", init_learner(config, env, Networks.create(small, joints), key), {})
    template = init_learner(config, env, Networks.create(config.network, joints), key)
    with pytest.raises(ConfigError, match=r"expected shape .* another network's"):
        load_checkpoint(tmp_path / "1", template)


def test_what_an_older_trainer_did_not_save_is_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "1", {"a": np.ones(2)}, {})
    with pytest.raises(ConfigError, match=r"holds no \['b'\], expected one of shape \(3,\); .* older trainer"):
        load_checkpoint(tmp_path / "1", {"a": np.ones(2), "b": np.ones(3)})


def test_missing_and_broken_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no checkpoint found"):
        latest_checkpoint(tmp_path)
    save_checkpoint(tmp_path / "checkpoints" / "9", {"a": np.ones(2)}, {})
    save_checkpoint(tmp_path / "checkpoints" / "10", {"a": np.ones(2)}, {})
    assert latest_checkpoint(tmp_path).name == "10"
    (tmp_path / "checkpoints" / "10" / "arrays.npz").write_bytes(b"PK garbage")
    with pytest.raises(ConfigError, match="no usable checkpoint"):
        load_checkpoint(tmp_path / "checkpoints" / "10", {"a": np.ones(2)})
