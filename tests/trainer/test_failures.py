"""What goes wrong ends in one sentence, and nothing that was learned is lost."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from contract import ConfigError
from trainer.checkpoint import checkpoints
from trainer.config import TrainConfig
from trainer.physics.native import NativePhysics
from trainer.replay_dump import replay_dump
from trainer.task import make_env
from trainer.train import DivergedError, train


def tiny(config: TrainConfig, **ppo: Any) -> TrainConfig:
    small = config.ppo.model_copy(update={"num_steps": 4, "num_minibatches": 1, **ppo})
    env = config.env.model_copy(update={"num_envs": 4})
    return config.model_copy(update={"env": env, "ppo": small, "iterations": 12, "checkpoint_every": 1})


class Broken(NativePhysics):
    """Physics in which robot 2's left hip has no angle from the 10th control step on."""

    steps = 0

    def step(self, targets: np.ndarray, push_force: np.ndarray) -> Any:
        body = super().step(targets, push_force)
        self.steps += 1
        if self.steps >= 10:
            body.joint_pos[2, 0] = np.nan
        return body


def test_a_nan_in_physics_is_named_by_robot_and_step(config: TrainConfig, tmp_path: Path) -> None:
    config = tiny(config)
    env = make_env(config)
    physics = Broken(env.robot, 4, env.config.decimation)
    with pytest.raises(DivergedError, match=r"iteration 3: \w+ of robot 2 at step 1 is nan, expected a finite number"):
        train(config, tmp_path / "run", physics=physics)
    assert len(checkpoints(tmp_path / "run" / "checkpoints")) == 2
    found, recorded = replay_dump(tmp_path / "run" / "dump")
    assert (recorded.robot, recorded.step) == (2, 1)
    assert found is None, "sound physics has no such value: the dump holds the state before it"


def test_a_loss_that_is_not_finite_is_met_again(config: TrainConfig, tmp_path: Path) -> None:
    wild = tiny(config, learning_rate=1e30, learning_rate_range=(1e30, 1e30))
    with pytest.raises(DivergedError, match="trainer replay-dump"):
        train(wild, tmp_path / "run")
    found, recorded = replay_dump(tmp_path / "run" / "dump")
    assert found == recorded


def test_a_folder_that_cannot_be_written_is_refused_before_training(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file/run: Not a directory, expected a folder to write to; name another"):
        train(tiny(config), tmp_path / "file" / "run")


def test_a_full_disk_ends_in_one_sentence_and_loses_nothing(config: TrainConfig, tmp_path: Path) -> None:
    """No file may grow beyond 100 kB, as on a disk that is full: the first checkpoint does not fit."""
    path, run = tmp_path / "config.yaml", tmp_path / "run"
    path.write_text(yaml.safe_dump(tiny(config).model_dump(mode="json")))
    limited = ["bash", "-c", 'ulimit -f 100; exec "$@"', "bash"]
    command = [sys.executable, "-c", "from trainer.cli import main; main()", "train", "--config", str(path)]
    environment = os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "false"}  # the limit would cut off its entries too
    done = subprocess.run(
        [*limited, *command, "--run", str(run)], capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 1, done.stderr
    assert "expected room to write" in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert not checkpoints(run / "checkpoints") and not list((run / "checkpoints").glob("*"))
    done = subprocess.run(
        [*command, "--run", str(run), "--iterations", "2", "--verify"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
