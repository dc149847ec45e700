"""A run that was stopped or killed goes on as if nothing had happened: same bits."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainer.checkpoint import checkpoints, latest_checkpoint, load_meta
from trainer.config import TrainConfig
from trainer.train import train

ITERATIONS = 6
KILLS = int(os.environ.get("WILDROBOT_KILLS", "1"))  # the campaign: 50
PATIENCE_S = 900  # a busy machine takes minutes to compile


def small(config: TrainConfig, iterations: int = ITERATIONS) -> TrainConfig:
    env = config.env.model_copy(update={"num_envs": 32})
    ppo = config.ppo.model_copy(update={"num_steps": 8})
    return config.model_copy(update={"env": env, "ppo": ppo, "iterations": iterations, "checkpoint_every": 1})


def weights(run: Path) -> str:
    return str(load_meta(latest_checkpoint(run))["weights_hash"])


@pytest.fixture(scope="module")
def straight(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("straight") / "run"
    train(small(config), run)
    return run


def test_stopped_and_resumed_is_as_straight_bit_by_bit(config: TrainConfig, straight: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(small(config, 3), run)
    halfway = weights(run)
    train(small(config), run, latest_checkpoint(run))
    assert weights(run) == weights(straight) != halfway
    lines = [json.loads(line)["iteration"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines == list(range(1, ITERATIONS + 1))


def test_another_seed_gives_other_weights(config: TrainConfig, straight: Path, tmp_path: Path) -> None:
    train(small(config).model_copy(update={"seed": 1}), tmp_path / "run")
    assert weights(tmp_path / "run") != weights(straight)


def test_only_the_last_checkpoints_are_kept(straight: Path) -> None:
    assert len(checkpoints(straight / "checkpoints")) == 3
    assert sum(file.stat().st_size for file in latest_checkpoint(straight).iterdir()) < 10e6


@pytest.mark.timeout(2 * PATIENCE_S + 60)
@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_at_any_moment_it_goes_on(straight: Path, tmp_path: Path, kill: int) -> None:
    """SIGKILL some time after the first checkpoint; the resumed run ends with the straight run's weights."""
    run = tmp_path / "run"
    config = (straight / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(config)
    command = [sys.executable, "-c", "from trainer.cli import main; main()", "train"]
    words = ["--config", str(tmp_path / "config.yaml"), "--run", str(run)]
    quiet = subprocess.DEVNULL
    victim = subprocess.Popen([*command, *words], stdout=quiet, stderr=quiet)
    deadline = time.monotonic() + PATIENCE_S
    while not checkpoints(run / "checkpoints") and victim.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(random.Random(kill).uniform(0, 0.5))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert checkpoints(run / "checkpoints"), "no checkpoint before the kill"
    done = subprocess.run([*command, "--resume", str(run)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert weights(run) == weights(straight)
    assert not list((run / "checkpoints").glob(".*"))
