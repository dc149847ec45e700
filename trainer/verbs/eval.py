"""`trainer eval`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contract import ContractError

from . import own_config

if TYPE_CHECKING:
    from ..evaluate import Evaluation


@click.command("eval")
@click.option("--checkpoint", "run", type=Path, help="a run or one of its checkpoints")
@click.option("--bundle", type=Path, help="a bundle, run through ONNX as on the robot")
@click.option("--config", "config_path", type=Path, help="training YAML [the run's or the bundle's own]")
@click.option("--num-episodes", "trials", type=click.IntRange(1), default=64, show_default=True)
@click.option("--num-steps", type=click.IntRange(1), default=500, show_default=True)
@click.option("--push-n", type=float, default=5.0, show_default=True, help="N for 0.2 s every 3 s, random direction")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def command(
    run: Path | None,
    bundle: Path | None,
    config_path: Path | None,
    trials: int,
    num_steps: int,
    push_n: float,
    seed: int,
    as_json: bool,
) -> None:
    """Deterministic trials from rest; exit 1 if a robot falls."""
    from ..checkpoint import latest_checkpoint
    from ..config import load_train_config
    from ..evaluate import bundle_policy, checkpoint_policy, evaluation_env
    from ..evaluate import evaluate as run_trials

    if (run is None) == (bundle is None):
        raise ContractError("trainer eval: found both or neither of --checkpoint and --bundle, expected one of them")
    config = load_train_config(config_path or own_config(run, bundle))
    policy = bundle_policy(bundle) if bundle else checkpoint_policy(config, latest_checkpoint(run or Path()))[0]
    results = {
        "undisturbed": run_trials(evaluation_env(config, trials, num_steps), policy, seed),
        f"pushed {push_n:g} N": run_trials(evaluation_env(config, trials, num_steps, push_n), policy, seed),
    }
    if as_json:
        click.echo(json.dumps({name: result.as_dict() for name, result in results.items()}))
    else:
        click.echo(_table(results))
    sys.exit(0 if all(r.survived == r.trials for r in results.values()) else 1)


def _table(results: dict[str, Evaluation]) -> str:
    rows = []
    for name, r in results.items():
        low, high = r.survived_interval
        rows.append(
            f"{name:14s} survived {r.survived:3d}/{r.trials} ({low:.0%} to {high:.0%})  "
            f"mean {r.mean_steps:5.1f} steps  "
            f"drift <= {r.max_drift_m:.3f} m  torque mean {r.mean_abs_torque_nm:.2f} p99 {r.p99_abs_torque_nm:.2f} "
            f"max {r.max_abs_torque_nm:.2f} Nm"
        )
    return "\n".join(rows)
