"""`trainer`: train, eval, export. Heavy imports happen inside the verbs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract import ContractError

if TYPE_CHECKING:
    from .config import TrainConfig
    from .evaluate import Evaluation

FAILED, REFUSED = 1, 2


class _Group(click.Group):
    """Turns what the contract refuses into one sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ContractError as problem:
            click.echo(f"trainer: {problem}", err=True)
            sys.exit(REFUSED)


@click.group(cls=_Group)
def main() -> None:
    """From a YAML file to a policy bundle."""


@main.command()
@click.option(
    "--config", "config_path", type=Path, required=True, help="training YAML, e.g. trainer/configs/standing.yaml"
)
@click.option("--run", type=Path, help="folder of the run [runs/<task>-<seed>]")
@click.option("--seed", type=int, help="instead of the YAML's")
@click.option("--iterations", type=click.IntRange(1), help="instead of the YAML's")
@click.option("--num-envs", type=click.IntRange(1), help="instead of the YAML's")
@click.option("--resume", type=Path, help="a run or checkpoint to go on from")
@click.option("--verify", is_flag=True, help="ten short iterations, to see that everything works")
@click.option("--no-amp", is_flag=True, help="plain PPO; it is all there is so far")
def train(
    config_path: Path, run: Path | None, resume: Path | None, verify: bool, no_amp: bool, **changes: int | None
) -> None:
    """Train a policy with PPO; --resume goes on, --verify is a smoke test."""
    from .checkpoint import latest_checkpoint
    from .config import load_train_config
    from .train import DivergedError
    from .train import train as run_training

    config = _changed(load_train_config(config_path), verify, **changes)
    folder = run or Path("runs") / (f"{config.task}-verify" if verify else f"{config.task}-{config.seed}")
    if resume is None and (folder / "metrics.jsonl").exists():
        if not verify:
            raise ContractError(f"{folder}: holds a run already, expected a new folder; use --run or --resume {folder}")
        (folder / "metrics.jsonl").unlink()
    try:
        checkpoint = run_training(config, folder, latest_checkpoint(resume) if resume else None, _print_metrics)
    except DivergedError as problem:
        click.echo(f"trainer: {problem}", err=True)
        sys.exit(FAILED)
    click.echo(f"checkpoint: {checkpoint}")


@main.command("eval")
@click.option("--checkpoint", "run", type=Path, help="a run or one of its checkpoints")
@click.option("--bundle", type=Path, help="a bundle, run through ONNX as on the robot")
@click.option("--config", "config_path", type=Path, help="training YAML [the run's or the bundle's own]")
@click.option("--num-episodes", "trials", type=click.IntRange(1), default=64, show_default=True)
@click.option("--num-steps", type=click.IntRange(1), default=500, show_default=True)
@click.option("--push-n", type=float, default=5.0, show_default=True, help="N for 0.2 s every 3 s, random direction")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def evaluate(
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
    from .checkpoint import latest_checkpoint
    from .config import load_train_config
    from .evaluate import bundle_policy, checkpoint_policy, evaluation_env
    from .evaluate import evaluate as run_trials

    if (run is None) == (bundle is None):
        raise ContractError("trainer eval: found both or neither of --checkpoint and --bundle, expected one of them")
    config = load_train_config(config_path or _own_config(run, bundle))
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


@main.command()
@click.option("--checkpoint", "run", type=Path, required=True, help="a run or one of its checkpoints")
@click.option("--config", "config_path", type=Path, help="training YAML [the run's own]")
@click.option("--output-dir", type=Path, required=True, help="the bundle's folder; replaced whole if it exists")
def export(run: Path, config_path: Path | None, output_dir: Path) -> None:
    """Write a checkpoint's policy bundle and verify it as the robot will."""
    from .checkpoint import latest_checkpoint
    from .config import load_train_config
    from .export import export_bundle

    config = load_train_config(config_path or _own_config(run, None))
    metrics = export_bundle(config, latest_checkpoint(run), output_dir)
    for name, figures in metrics.items():
        click.echo(f"{name}: {figures['survived']} of {figures['trials']} stood {figures['steps']} steps")
    click.echo(f"bundle: {output_dir}")


def _changed(config: TrainConfig, verify: bool, **changes: int | None) -> TrainConfig:
    from .config import train_config_from

    data = config.model_dump()
    if verify:
        data |= {"iterations": 10}
        data["env"] |= {"num_envs": 32}
    for name, value in changes.items():
        if value is not None:
            (data["env"] if name == "num_envs" else data)[name] = value
    return train_config_from(data, "options")


def _own_config(run: Path | None, bundle: Path | None) -> Path:
    if bundle is not None:
        return bundle / "training_config.yaml"
    folder = run or Path()
    return next((p / "config.yaml" for p in (folder, *folder.parents) if (p / "config.yaml").is_file()), folder)


def _print_metrics(metrics: dict[str, Any]) -> None:
    if metrics["iteration"] % 10 == 0 or metrics["iteration"] == 1:
        click.echo(
            "iteration {iteration:5d}  steps {env_steps:9d}  reward {episode_reward:7.2f}  "
            "length {episode_length:6.1f}  "
            "kl {approx_kl:.4f}  lr {learning_rate:.1e}  {env_steps_per_sec:6.0f} steps/s  {wall_s:6.1f} s".format(
                **metrics
            )
        )


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
