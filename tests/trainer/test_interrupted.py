"""Ctrl-C in a run: one line says what is kept and how to go on, and no folder is a dead end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from trainer import metrics
from trainer.checkpoint import checkpoints, latest_checkpoint, load_meta
from trainer.cli import main
from trainer.config import TrainConfig
from trainer.run_folder import alone_in

BEGIN_AGAIN = "trainer: interrupted; nothing new is kept yet, begin again with the same command\n"
ITERATIONS = 3


@pytest.fixture(scope="module")
def yaml_path(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three iterations with a checkpoint after the second."""
    ppo = config.ppo.model_copy(update={"num_steps": 4, "num_minibatches": 1})
    env = config.env.model_copy(update={"num_envs": 4})
    terms = {"env": env, "ppo": ppo, "iterations": ITERATIONS, "checkpoint_every": 2}
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(yaml.safe_dump(config.model_copy(update=terms).model_dump(mode="json")))
    return path


def train(*words: object) -> Result:
    return CliRunner().invoke(main, ["train", "--allow-failed-twin", *map(str, words)])


def interrupted(monkeypatch: pytest.MonkeyPatch, iteration: int, *words: object) -> Result:
    """As `train`, with Ctrl-C while an iteration is reported."""
    report = metrics.Progress.__call__

    def stop(self: metrics.Progress, row: Mapping[str, Any]) -> None:
        report(self, row)
        if row["iteration"] == iteration:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(metrics.Progress, "__call__", stop)
        return train(*words)


def iterations(run: Path) -> list[int]:
    return [json.loads(line)["iteration"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_before_the_first_checkpoint(yaml_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "early"
    words = ("--config", yaml_path, "--run", run)
    done = interrupted(monkeypatch, 1, *words)
    assert (done.exit_code, done.stderr) == (130, BEGIN_AGAIN)
    assert iterations(run) == [1] and not checkpoints(run / "checkpoints")

    anew = f"trainer train --config {run / 'config.yaml'} --run {run}"
    done = train("--resume", run)
    said = f"trainer: {run}: no checkpoint found, the run was stopped before its first one; begin it anew: {anew}\n"
    assert (done.exit_code, done.stderr) == (2, said)

    done = train(*anew.split()[2:])
    assert done.exit_code == 0, done.stderr
    assert iterations(run) == [1, 2, 3] and load_meta(latest_checkpoint(run))["iteration"] == 3
    assert len(list((run / "tensorboard").iterdir())) == 2


def test_after_a_checkpoint(yaml_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "later"
    done = interrupted(monkeypatch, 3, "--config", yaml_path, "--run", run)
    said = f"trainer: interrupted; kept up to iteration 2: trainer train --resume {run}\n"
    assert (done.exit_code, done.stderr) == (130, said)

    done = interrupted(monkeypatch, 3, "--resume", run)
    assert (done.exit_code, done.stderr) == (130, said), "nothing is learned anew, nothing is lost"

    other = tmp_path / "other"
    done = interrupted(monkeypatch, 3, "--resume", run, "--run", other)
    assert (done.exit_code, done.stderr) == (130, BEGIN_AGAIN), "the other folder has no checkpoint of its own"

    done = train("--config", yaml_path, "--run", run)
    assert done.exit_code == 2 and "holds a run already" in done.stderr
    done = train("--resume", run)
    assert done.exit_code == 0, done.stderr
    assert iterations(run) == [1, 2, 3]


def test_before_anything_was_read(yaml_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trainer.config.load_train_config", stop)
    done = train("--config", yaml_path, "--run", tmp_path / "run")
    assert (done.exit_code, done.stderr) == (130, BEGIN_AGAIN)


def test_a_run_that_another_process_trains_is_not_begun_anew(yaml_path: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with alone_in(run):
        (run / "metrics.jsonl").write_text('{"iteration": 1}\n')
        done = train("--config", yaml_path, "--run", run)
        said = f"trainer: {run}: another process trains in it, expected a folder of its own; name another by --run\n"
        assert (done.exit_code, done.stderr) == (2, said)
        assert iterations(run) == [1] and not (run / "config.yaml").exists()
    with alone_in(run):
        pass


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_of_a_bar_is_ended_once() -> None:
    stream = Terminal()
    progress = metrics.Progress(2, stream)
    progress.end()
    assert stream.getvalue() == ""
    row = {"iteration": 1, "env_steps_per_sec": 1.0, "episode_length": 1.0}
    progress(row)
    progress.end()
    progress.end()
    assert stream.getvalue().count("\n") == 1
    progress(row | {"iteration": 2})
    progress.end()
    assert stream.getvalue().count("\n") == 2
