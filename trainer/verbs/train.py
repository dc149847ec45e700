"""`trainer train`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract import ConfigError, ContractError

from ..cli import FAILED
from .finite import FINITE

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
@click.option("--amp-weight", type=FINITE, help="weight of the style reward")
@click.option("--disc-updates", type=click.IntRange(1), help="steps of the discriminator in each iteration")
@click.option("--disc-lr", type=FINITE, help="learning rate of the discriminator")
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
    """Train a policy; --resume goes on from the last checkpoint of a run, --verify is a smoke test.

    \b
    Examples:
      trainer train --config trainer/configs/standing.yaml --run runs/standing
      trainer train --resume runs/standing

    Exit codes: 0 trained, 1 the run diverged or its disk is full, 2 refused, 130 interrupted.
    """
    processes = _processes(coordinator, process_id, num_processes)

    with _telling_what_is_kept(processes is None or processes.first) as kept:
        from ..checkpoint import FOLDER, checkpoints, latest_checkpoint

        checkpoint = latest_checkpoint(resume) if resume else None
        config = _config(config_path, checkpoint, (VERIFY if verify else {}) | _given(changes), no_amp, robot_params)
        if not allow_failed_twin and checkpoint is None:
            from ..feasibility.checks import refuse_failed_twin

            refuse_failed_twin(config)
        name = f"{config.task}-verify" if verify else f"{config.task}-{config.seed}"
        folder = run or (_run_of(checkpoint) if checkpoint else Path("runs") / name)
        if checkpoint is None and checkpoints(folder / FOLDER) and (run is not None or not verify):
            raise ContractError(f"{folder}: holds a run already, expected a new folder; use --run or --resume {folder}")
        if checkpoint is not None and _run_of(checkpoint) == folder.resolve():
            kept.append(checkpoint)
        elif checkpoint is not None and checkpoints(folder / FOLDER):
            raise ContractError(f"{folder}: holds another run, expected a new folder; name one by --run")
        _train(config, folder, checkpoint, wandb, processes, kept)


@contextmanager
def _telling_what_is_kept(aloud: bool) -> Iterator[list[Path]]:
    """A list for the checkpoints of the run; Ctrl-C then says from which one it can go on."""
    kept: list[Path] = []
    try:
        yield kept
    except KeyboardInterrupt:
        if aloud:
            click.echo(f"trainer: interrupted; {_what_is_kept(kept)}", err=True)
        raise


def _what_is_kept(kept: list[Path]) -> str:
    if not kept:
        return "nothing new is kept yet, begin again with the same command"
    from ..checkpoint import load_meta

    iteration = load_meta(kept[-1])["iteration"]
    return f"kept up to iteration {iteration}: trainer train --resume {kept[-1].parents[1]}"


def _train(
    config: TrainConfig,
    folder: Path,
    checkpoint: Path | None,
    wandb: bool,
    processes: Processes | None,
    kept: list[Path],
) -> None:
    """Train, and say what came of it; each checkpoint goes into `kept`."""
    from ..checkpoint import load_meta
    from ..dump import RunStoppedError
    from ..metrics import Progress
    from ..train import train

    progress = Progress(config.iterations)
    try:
        last = train(config, folder, checkpoint, progress, click.echo, wandb, processes, saved=kept.append)
    except RunStoppedError as problem:
        progress.end()
        click.echo(f"trainer: {problem}", err=True)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        progress.end()
        raise
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
