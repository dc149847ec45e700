"""`trainer train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract import ContractError

from ..cli import FAILED

if TYPE_CHECKING:
    from ..config import TrainConfig


@click.command()
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
def command(
    config_path: Path, run: Path | None, resume: Path | None, verify: bool, no_amp: bool, **changes: int | None
) -> None:
    """Train a policy with PPO; --resume goes on, --verify is a smoke test."""
    from ..checkpoint import latest_checkpoint
    from ..config import load_train_config
    from ..train import DivergedError
    from ..train import train as run_training

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


def _changed(config: TrainConfig, verify: bool, **changes: int | None) -> TrainConfig:
    from ..config import train_config_from

    data = config.model_dump()
    if verify:
        data |= {"iterations": 10}
        data["env"] |= {"num_envs": 32}
    for name, value in changes.items():
        if value is not None:
            (data["env"] if name == "num_envs" else data)[name] = value
    return train_config_from(data, "options")


def _print_metrics(metrics: dict[str, Any]) -> None:
    if metrics["iteration"] % 10 == 0 or metrics["iteration"] == 1:
        click.echo(
            "iteration {iteration:5d}  steps {env_steps:9d}  reward {episode_reward:7.2f}  "
            "length {episode_length:6.1f}  "
            "kl {approx_kl:.4f}  lr {learning_rate:.1e}  {env_steps_per_sec:6.0f} steps/s  {wall_s:6.1f} s".format(
                **metrics
            )
        )
