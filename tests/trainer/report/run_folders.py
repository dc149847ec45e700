"""Run folders as training leaves them, with figures made up."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from trainer.config import TrainConfig, load_train_config
from trainer.tally import Evaluation

CONFIGS = Path(__file__).resolve().parents[3] / "trainer" / "configs"
STEPS_EACH = 6144


def config_of(task: str = "walking", **changes: Any) -> TrainConfig:
    """The shipped config of a task, for 40 iterations."""
    return load_train_config(CONFIGS / f"{task}.yaml").model_copy(update={"iterations": 40} | changes)


def rows_of(config: TrainConfig, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Iterations as training writes them; no episode has ended before the third."""
    draw = np.random.default_rng(seed).uniform
    rows = []
    for k in range(1, count + 1):
        ended = k > 2
        row = {
            "episode_reward": 2.0 * k + draw() if ended else math.nan,
            "episode_length": 10.0 * k if ended else math.nan,
        }
        row |= {
            "iteration": k,
            "env_steps": STEPS_EACH * k,
            "approx_kl": 0.01 * draw(),
            "learning_rate": 1e-4 * draw() + 1e-5,
        }
        row |= {"entropy_loss": -draw(), "value_loss": draw(), "env_steps_per_sec": 8000.0, "wall_s": 0.8 * k}
        row |= {f"reward/{name}": weight * draw() for name, weight in config.rewards.items()}
        if config.amp.enable_amp:
            row |= {
                "disc_accuracy": 0.5 + 0.2 * draw(),
                "amp_reward_mean": draw(),
                "disc_handicap": 0.1,
                "reward/amp_style": draw(),
            }
        rows.append(row)
    return rows


def write_run(folder: Path, config: TrainConfig, count: int = 40, seed: int | None = None) -> Path:
    """config.yaml and metrics.jsonl of a run, no checkpoint."""
    folder.mkdir(parents=True)
    config = config if seed is None else config.model_copy(update={"seed": seed})
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    lines = [json.dumps(row) + "\n" for row in rows_of(config, count, config.seed)]
    (folder / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def findings_of(origin: dict[str, str]) -> dict[str, Any]:
    """What `trainer eval --json --ladder` would say of a policy that misses one line."""
    figures = {name: 0.5 for name in Evaluation.__annotations__}
    trials = figures | {"trials": 256, "steps": 500, "survived": 250, "survived_interval": [0.95, 0.99]}
    lines = {
        "push_survival": {"value": 0.965, "target": ">= 0.95", "pass": True},
        "p99_abs_torque_nm": {"value": 4.07, "target": "< 2.5", "pass": False},
    }
    ladder = {"directions_deg": [0, 90], "trials_each": 6, "survival": {"5": [1.0, 0.5]}, "mean": {"5": 0.75}}
    return {
        "policy": origin, "undisturbed": trials, "pushed": trials, "ladder": ladder, "long_run": None, "floors": None,
        "gate": lines, "gate_terms": True, "command": [0.4, 0.0, 0.0], "command_m_s": 0.4, "push_n": 10.0,
    }  # fmt: skip
