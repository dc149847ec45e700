"""`trainer train`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract import ConfigError, ContractError

from ..cli import FAILED

if TYPE_CHECKING:
    from ..config import TrainConfig
    from ..distributed import Processes

# option: (section of the config or None for its top, key)
CHANGES = {
    "iterations": (None, "iterations"),
    "seed": (None, "seed"),
    "num_envs": ("env", "num_envs"),
    "backend": ("env", "backend"),
    "amp_weight": ("amp", "amp_reward_weight"),
    "disc_updates": ("amp", "disc_updates_per_iter"),
    "disc_lr": ("amp", "disc_learning_rate"),
    "amp_start_iteration": ("amp", "amp_start_iteration"),
}
VERIFY = {"iterations": 10, "num_envs": 32}


@click.command()
@click.option("--config", "config_path", type=Path, help="training YAML, e.g. trainer/configs/standing.yaml")
@click.option("--run", type=Path, help="folder of the run [runs/<task>-<seed>]")
@click.option("--resume", type=Path, help="a run or checkpoint to go on from, in its own folder or in --run")
@click.option("--iterations", type=click.IntRange(1), help="instead of the YAML's")
@click.option("--num-envs", type=click.IntRange(1), help="robots at a time, instead of the YAML's")
@click.option("--seed", type=int, help="instead of the YAML's")
@click.option("--backend", type=click.Choice(["auto", "native", "mjx", "warp"]), help="physics, instead of the YAML's")
@click.option("--verify", is_flag=True, help="ten short iterations, to see that everything works")
@click.option("--no-amp", is_flag=True, help="plain PPO, whatever the YAML says")
@click.option("--amp-weight", type=float, help="weight of the style reward")
@click.option("--disc-updates", type=click.IntRange(1), help="steps of the discriminator in each iteration")
@click.option("--disc-lr", type=float, help="learning rate of the discriminator")
@click.option("--amp-start-iteration", type=click.IntRange(0), help="plain PPO up to this iteration")
@click.option("--robot-params", type=Path, help="YAML of `robotctl sysid`: narrows the domain randomisation")
@click.option("--allow-failed-twin", is_flag=True, help="train although drop-, torque-, speed- or reach-test fails")
@click.option("--wandb", is_flag=True, help="also write an offline W&B run")
@click.option("--coordinator", help="host:port of process 0, to train in several processes")
@click.option("--process-id", type=int, help="number of this process, from 0")
@click.option("--num-processes", type=click.IntRange(1), help="how many there are")
def command(
    config_path: Path | None,
    run: Path | None,
    resume: Path | None,
    verify: bool,
    no_amp: bool,
    robot_params: Path | None,
    allow_failed_twin: bool,
    wandb: bool,
    coordinator: str | None,
    process_id: int | None,
    num_processes: int | None,
    **changes: int | float | str | None,
) -> None:
    """Train a policy; --resume goes on where a run stopped, --verify is a smoke test.

    \b
    Examples:
      trainer train --config trainer/configs/standing.yaml --run runs/standing
      trainer train --resume runs/standing

    Exit codes: 0 trained, 1 the run diverged or its disk is full, 2 refused, 130 interrupted.
    """
    processes = _processes(coordinator, process_id, num_processes)

    from ..checkpoint import latest_checkpoint, load_meta
    from ..dump import RunStoppedError
    from ..metrics import METRICS_FILE, Progress
    from ..train import train as run_training

    checkpoint = latest_checkpoint(resume) if resume else None
    config = _config(config_path, checkpoint, (VERIFY if verify else {}) | _given(changes), no_amp, robot_params)
    if not allow_failed_twin and checkpoint is None:
        from ..feasibility.checks import refuse_failed_twin

        refuse_failed_twin(config)
    name = f"{config.task}-verify" if verify else f"{config.task}-{config.seed}"
    folder = run or (_run_of(checkpoint) if checkpoint else Path("runs") / name)
    if checkpoint is None and (folder / METRICS_FILE).exists():
        if not verify:
            raise ContractError(f"{folder}: holds a run already, expected a new folder; use --run or --resume {folder}")
        (folder / METRICS_FILE).unlink()
    try:
        last = run_training(config, folder, checkpoint, Progress(config.iterations), click.echo, wandb, processes)
    except RunStoppedError as problem:
        click.echo(f"trainer: {problem}", err=True)
        sys.exit(FAILED)
    if processes is None or processes.first:
        click.echo(f"checkpoint: {last}\nweights: {load_meta(last).get('weights_hash', 'unknown')}")


def _processes(coordinator: str | None, process_id: int | None, num_processes: int | None) -> Processes | None:
    if coordinator is None and process_id is None and num_processes is None:
        return None
    if coordinator is None or process_id is None or num_processes is None:
        raise ConfigError("--coordinator, --process-id and --num-processes belong together, expected all three or none")
    from ..distributed import join_processes

    return join_processes(coordinator, process_id, num_processes)


def _given(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}


def _run_of(checkpoint: Path) -> Path:
    """The run folder that a checkpoint RUN/checkpoints/<steps> is of."""
    return checkpoint.resolve().parents[1]


def _config(
    path: Path | None, checkpoint: Path | None, changes: Mapping[str, Any], no_amp: bool, robot_params: Path | None
) -> TrainConfig:
    from ..config import load_train_config, train_config_from

    if path is None and checkpoint is None:
        raise ConfigError("--config: missing, expected a training YAML, e.g. trainer/configs/standing.yaml; name one")
    data = load_train_config(path or _run_of(checkpoint) / "config.yaml").model_dump()  # type: ignore[arg-type]
    for option, value in changes.items():
        section, key = CHANGES[option]
        (data if section is None else data[section])[key] = value
    if no_amp:
        data["amp"]["enable_amp"] = False
    config = train_config_from(data, "options")
    if robot_params is None:
        return config
    from ..robot_params import narrowed

    config, notes = narrowed(config, robot_params)
    for note in notes:
        click.echo(note)
    return config
