"""Runs as they lie on disk, finished or not, and which of them differ only in their seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from contract import ConfigError

from ..checkpoint import FOLDER, checkpoints
from ..config import TrainConfig, load_train_config
from ..metrics import METRICS_FILE
from ..training_log import read_log

# What may differ between the runs of one group: it changes the draw or the length, not what is learned.
_FREE = {"seed": 0, "iterations": 1, "checkpoint_every": 1}
_MAY_BE_NAN = {"episode_reward", "episode_length"}  # until the first episode ends


class Run(NamedTuple):
    """A run folder: its name; config; rows, the iterations in metrics.jsonl; checkpoint, the last one or None."""

    name: str
    folder: Path
    config: TrainConfig
    rows: list[dict[str, Any]]
    checkpoint: Path | None

    @property
    def iteration(self) -> int:
        """The last one written, 0 before the first."""
        return int(self.rows[-1]["iteration"]) if self.rows else 0

    @property
    def complete(self) -> bool:
        """Whether the config's last iteration is there."""
        return self.iteration >= self.config.iterations


class Group(NamedTuple):
    """Runs that differ in their seed alone, under one name."""

    label: str
    runs: tuple[Run, ...]


def load_runs(folders: Sequence[Path], unstarted: bool = False) -> list[Run]:
    """Read runs, each folder once.

    Args:
        unstarted: also take runs that have written no iteration yet.

    Raises:
        ConfigError: a folder is no run, or is given twice, or has no iterations.
    """
    runs: list[Run] = []
    names = _names(folders)
    for folder, name in zip(folders, names, strict=True):
        if any(folder.resolve() == run.folder.resolve() for run in runs):
            raise ConfigError(f"{folder}: found twice, expected each run once; leave one out")
        if not (folder / "config.yaml").is_file():
            raise ConfigError(f"{folder}: no config.yaml in it, expected a run's folder, e.g. runs/walking-0")
        runs.append(_load(folder, name, unstarted))
    return runs


def groups(runs: Sequence[Run]) -> list[Group]:
    """Runs by their configs, in the order in which they were given."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.config.model_copy(update=_FREE).model_dump_json(), []).append(run)
    return [Group(_label(members), tuple(members)) for members in found.values()]


def not_finite(run: Run) -> list[str]:
    """Metrics that are no number in some iteration, one sentence each."""
    first: dict[str, int] = {}
    for row in run.rows:
        for name, value in row.items():
            if name not in _MAY_BE_NAN and isinstance(value, float) and not math.isfinite(value):
                first.setdefault(name, int(row["iteration"]))
    return [f"{run.name}: {name} is not finite, first in iteration {number}" for name, number in first.items()]


def _load(folder: Path, name: str, unstarted: bool) -> Run:
    config = load_train_config(folder / "config.yaml")
    metrics = folder / METRICS_FILE
    empty = not metrics.exists() or not metrics.stat().st_size
    rows = [] if unstarted and empty else read_log(metrics)
    for row in rows:
        if not isinstance(row.get("iteration"), int) or not isinstance(row.get("env_steps"), int):
            raise ConfigError(f"{metrics}: a line has no iteration or env_steps, expected a run's metrics.jsonl")
    known = checkpoints(folder / FOLDER)
    return Run(name, folder, config, rows, known[-1] if known else None)


def _names(folders: Sequence[Path]) -> list[str]:
    """Last parts of the paths; whole paths where these are not unique."""
    short = [folder.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _label(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return runs[0].name
    columns = zip(*(run.name for run in runs), strict=False)
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, columns)
    common = "".join(letters[0] for letters in same).rstrip("-_./ ")
    return f"{common or runs[0].name} ({len(runs)} seeds)"
