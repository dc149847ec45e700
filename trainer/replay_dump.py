"""Runs the iteration of a dump again."""

from __future__ import annotations

from pathlib import Path

from contract import ConfigError

from .checkpoint import load_checkpoint, load_meta
from .config import load_train_config
from .dump import CONFIG_FILE, LOSSES, BadValue, first_bad
from .physics.body_state import Physics
from .train import Trainer


def replay_dump(folder: Path, physics: Physics | None = None) -> tuple[BadValue | None, BadValue]:
    """The first bad value of the iteration as it is run again, and the one that ended the run.

    Args:
        physics: instead of the config's backend.

    Raises:
        ConfigError: `folder` holds no dump.
    """
    meta = load_meta(folder)
    if "bad" not in meta:
        raise ConfigError(
            f"{folder}: a checkpoint, expected a run's dump/; a run writes one when a value is not finite"
        )
    trainer = Trainer(load_train_config(folder / CONFIG_FILE), physics)
    state, _ = load_checkpoint(folder, trainer.begin())
    trainer.thaw(state)
    _, metrics, rollout = trainer.iterate(state, int(meta["iteration"]) + 1)
    return first_bad(rollout, {name: metrics[name] for name in LOSSES}), BadValue(**meta["bad"])
