"""`trainer eval`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract import ContractError

from . import own_config

if TYPE_CHECKING:
    from ..evaluate import Evaluation
    from ..gate import Line


@click.command("eval")
@click.option("--checkpoint", "run", type=Path, help="a run or one of its checkpoints")
@click.option("--bundle", type=Path, help="a bundle, run through ONNX as on the robot")
@click.option("--config", "config_path", type=Path, help="training YAML [the run's or the bundle's own]")
@click.option("--num-episodes", "trials", type=click.IntRange(1), default=256, show_default=True)
@click.option("--num-steps", type=click.IntRange(1), default=500, show_default=True)
@click.option("--velocity", type=float, help="commanded forward velocity, m/s [0.4 to walk, 0 to stand]")
@click.option("--push-n", type=float, default=10.0, show_default=True, help="N for 0.2 s every 2-4 s, random direction")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def command(
    run: Path | None,
    bundle: Path | None,
    config_path: Path | None,
    trials: int,
    num_steps: int,
    velocity: float | None,
    push_n: float,
    seed: int,
    as_json: bool,
) -> None:
    """Deterministic trials from rest in full MuJoCo at 2 ms, robots as different as in training.

    Exit 1 if a line of the gate is missed. Example: trainer eval --bundle assets/bundles/walking
    """
    from ..checkpoint import latest_checkpoint
    from ..config import load_train_config
    from ..evaluate import bundle_policy, checkpoint_policy, evaluation_env
    from ..evaluate import evaluate as run_trials
    from ..gate import STANDING_COMMAND, WALKING_COMMAND, gate

    if (run is None) == (bundle is None):
        raise ContractError("trainer eval: found both or neither of --checkpoint and --bundle, expected one of them")
    config = load_train_config(config_path or own_config(run, bundle))
    policy = bundle_policy(bundle) if bundle else checkpoint_policy(config, latest_checkpoint(run or Path()))[0]
    default = WALKING_COMMAND if config.task == "walking" else STANDING_COMMAND
    asked = default if velocity is None else (velocity, 0.0, 0.0)
    calm = run_trials(evaluation_env(config, trials, num_steps, 0.0, asked), policy, seed)
    pushed = run_trials(evaluation_env(config, trials, num_steps, push_n, asked), policy, seed)
    lines = gate(config.task, calm, pushed)
    if as_json:
        click.echo(json.dumps(_report(calm, pushed, lines) | {"command_m_s": asked[0], "push_n": push_n}))
    else:
        click.echo(_table({"undisturbed": calm, f"pushed {push_n:g} N": pushed}, lines))
    sys.exit(0 if all(line.passed for line in lines.values()) else 1)


def _report(calm: Evaluation, pushed: Evaluation, lines: dict[str, Line]) -> dict[str, Any]:
    return {
        "undisturbed": calm.as_dict(),
        "pushed": pushed.as_dict() | {"push_survival": pushed.survived / pushed.trials},
        "gate": {name: {"value": x.value, "target": x.target, "pass": x.passed} for name, x in lines.items()},
    }


def _table(results: dict[str, Evaluation], lines: dict[str, Line]) -> str:
    rows = []
    for name, r in results.items():
        low, high = r.survived_interval
        rows.append(
            f"{name:14s} reward_per_step {r.reward_per_step:.4f}  success_rate {r.success_rate:.3f}  survived "
            f"{r.survived}/{r.trials} ({low:.0%} to {high:.0%})  length {r.episode_length_mean:.1f}\n"
            f"{'':14s} velocity {r.forward_velocity_m_s:.3f} m/s  drift {r.lateral_drift_m:.2f} m, "
            f"{r.heading_drift_deg:.1f} deg  torque mean {r.mean_abs_torque_nm:.2f} p99 {r.p99_abs_torque_nm:.2f} Nm"
        )
    rows += [f"{'pass' if x.passed else 'MISS':6s}{name:22s}{x.value:8.3f}  {x.target}" for name, x in lines.items()]
    return "\n".join(rows)
