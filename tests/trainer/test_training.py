"""The trainer's commands end to end: smoke training, resume, export, evaluation."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from standing_task import STANDING

from contract import load_bundle
from trainer.checkpoint import latest_checkpoint, load_checkpoint
from trainer.config import TrainConfig
from trainer.env import Env
from trainer.onnx_network import open_session
from trainer.tally import wilson_interval
from trainer.train import DivergedError, TrainState, init_learner, make_networks, train


def trainer(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from trainer.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    done = trainer("train", "--config", STANDING, "--no-amp", "--verify", "--run", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_run_folder_holds_config_metrics_and_checkpoints(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(1, 11))
    wanted = {
        "policy_loss",
        "value_loss",
        "entropy_loss",
        "clip_fraction",
        "approx_kl",
        "episode_reward",
        "episode_length",
    }
    assert wanted | {"env_steps_per_sec", "reward/upright"} <= set(lines[-1])
    assert all(np.isfinite(line[key]) for line in lines for key in ("policy_loss", "value_loss", "approx_kl"))
    assert latest_checkpoint(run).name == str(lines[-1]["env_steps"])
    assert (run / "config.yaml").is_file()


def test_export_and_evaluate(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    done = trainer("export", "--checkpoint", run, "--output-dir", out)
    assert done.returncode == 0, done.stderr
    bundle = load_bundle(out, open_session)
    assert bundle.verified and bundle.warnings == ()
    assert bundle.spec.model.obs_dim == 44
    assert sum(file.stat().st_size for file in out.iterdir()) < 2e6
    done = trainer("eval", "--bundle", out, "--num-episodes", 4, "--num-steps", 50, "--json")
    figures = json.loads(done.stdout)
    assert {"undisturbed", "pushed", "gate", "push_n", "command_m_s"} <= set(figures)
    assert figures["undisturbed"]["trials"] == 4
    assert done.returncode == (0 if all(line["pass"] for line in figures["gate"].values()) else 1)
    (tmp_path / "eval.json").write_text(done.stdout)
    done = trainer("card", "--bundle", out, "--run", run, "--eval", tmp_path / "eval.json")
    assert done.returncode == 0, done.stderr
    assert load_bundle(out, open_session).verified
    survived = f"{figures['undisturbed']['survived']} of 4"
    assert survived in (out / "card.md").read_text() and (out / "card.png").stat().st_size < 200 * 1024


def test_resume_goes_on_from_the_checkpoint(run: Path, tmp_path: Path, config: TrainConfig, env: Env) -> None:
    networks = make_networks(config, env)
    again = tmp_path / "again"
    words = ("--iterations", 11, "--num-envs", 32, "--run", again, "--resume", run)
    done = trainer("train", "--config", STANDING, *words)
    assert done.returncode == 0, done.stderr
    template = TrainState(init_learner(config, env, networks, jax.random.key(0)), None)
    before, _ = load_checkpoint(latest_checkpoint(run), template)
    after, meta = load_checkpoint(latest_checkpoint(again), template)
    assert meta["iteration"] == 11
    assert int(after.learner.env_steps) == int(before.learner.env_steps) + 32 * config.ppo.num_steps
    assert float(after.learner.agent.obs_norm.count) > float(before.learner.agent.obs_norm.count)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("train", "--config", "none.yaml"), "none.yaml: No such file"),
        (("export", "--checkpoint", "nowhere", "--output-dir", "x"), "nowhere: "),
        (("eval",), "expected one of them"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    done = trainer(*words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("more", [(), ("--verify",)])
def test_a_run_is_never_overwritten(run: Path, more: tuple[str, ...]) -> None:
    before = (run / "metrics.jsonl").read_bytes()
    done = trainer("train", "--config", STANDING, "--run", run, "--allow-failed-twin", *more)
    assert done.returncode == 2 and "holds a run already" in done.stderr
    assert (run / "metrics.jsonl").read_bytes() == before


def test_nor_by_one_that_goes_on_from_another(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    before = (other / "metrics.jsonl").read_bytes()
    done = trainer("train", "--resume", run, "--run", other)
    assert done.returncode == 2 and "other: holds another run, expected a new folder" in done.stderr
    assert (other / "metrics.jsonl").read_bytes() == before


def test_wilson_interval_is_the_textbooks() -> None:
    low, high = wilson_interval(8, 10)
    assert low == pytest.approx(0.4901, abs=2e-4) and high == pytest.approx(0.9433, abs=2e-4)
    assert wilson_interval(64, 64)[1] == 1.0


def test_a_diverged_run_ends_and_names_its_last_checkpoint(config: TrainConfig, tmp_path: Path) -> None:
    ppo = config.ppo.model_copy(
        update={"learning_rate": 1e30, "learning_rate_range": (1e30, 1e30), "num_steps": 4, "num_minibatches": 1}
    )
    wild = config.model_copy(
        update={"ppo": ppo, "iterations": 20, "env": config.env.model_copy(update={"num_envs": 4})}
    )
    with pytest.raises(
        DivergedError, match=r"iteration \d+: \w+ is nan, expected a finite number; .*lower learning rate"
    ):
        train(wild, tmp_path / "run")
    assert (tmp_path / "run" / "metrics.jsonl").read_text().strip()
