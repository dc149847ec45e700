"""Runs the iteration of a dump again."""

from __future__ import annotations

from pathlib import Path

from contract import ConfigError

from .checkpoint import load_checkpoint, load_meta
from .config import load_train_config
from .dump import CONFIG_FILE, FOLDER, LOSSES, BadValue, first_bad
from .train import Trainer


def replay_dump(folder: Path) -> tuple[BadValue | None, BadValue]:
    """The first bad value of the iteration as it is run again, and the one that ended the run.

    Raises:
        ConfigError: `folder` holds no dump.
    """
    wanted = f"expected a run's dump/, e.g. runs/walking/{FOLDER}; a run writes one when a value is not finite"
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder, {wanted}")
    meta = load_meta(folder)
    if "bad" not in meta:
        raise ConfigError(f"{folder}: a checkpoint, {wanted}")
    trainer = Trainer(load_train_config(folder / CONFIG_FILE))
    state, _ = load_checkpoint(folder, trainer.begin())
    trainer.thaw(state)
    _, metrics, rollout = trainer.iterate(state, int(meta["iteration"]) + 1)
    return first_bad(rollout, {name: metrics[name] for name in LOSSES}), BadValue(**meta["bad"])
