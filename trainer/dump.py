"""What is kept of an iteration that went wrong: the whole state before it, so that it can be run again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .checkpoint import save_checkpoint
from .ppo import Transition

FOLDER, ACTIONS_FILE, CONFIG_FILE = "dump", "actions.npy", "config.yaml"
LOSSES = ("policy_loss", "value_loss", "approx_kl")
ORDER = ("obs", "critic_obs", "action", "log_prob", "reward", "next_critic_obs", "amp_pair")


class RunStoppedError(RuntimeError):
    """A run cannot go on; its message says what is left and how to go on from there."""


class DivergedError(RunStoppedError):
    """Physics or a loss is not finite any more: the last step is lost, the last checkpoint is not."""


class StorageError(RunStoppedError):
    """The run's folder takes no more: what was written before is whole."""


class BadValue(NamedTuple):
    """The first number of an iteration that is not finite; step and robot are None for a figure of the update."""

    name: str
    value: str
    step: int | None
    robot: int | None

    def sentence(self) -> str:
        """For people."""
        where = "" if self.step is None else f" of robot {self.robot} at step {self.step}"
        return f"{self.name}{where} is {self.value}"


def first_bad(rollout: Transition, losses: Mapping[str, float]) -> BadValue | None:
    """The first value that is not finite: by step, then in the order of ORDER, then by robot; then the losses."""
    firsts = []
    for rank, name in enumerate(ORDER):
        values = np.asarray(getattr(rollout, name))
        if np.isfinite(np.sum(values, dtype=np.float64)):
            continue
        bad = ~np.isfinite(values.reshape(*values.shape[:2], -1))
        if bad.any():
            step, robot, entry = (int(i) for i in np.argwhere(bad)[0])
            value = values.reshape(*values.shape[:2], -1)[step, robot, entry]
            firsts.append((step, rank, BadValue(name, str(value), step, robot)))
    if firsts:
        return min(firsts)[2]
    for name, value in losses.items():
        if not np.isfinite(value):
            return BadValue(name, str(value), None, None)
    return None


def save_dump(folder: Path, before: Any, iteration: int, bad: BadValue, rollout: Transition, config: str) -> None:
    """A checkpoint of the state before the iteration, with the bad value, the actions [T, B, J] and the run's config.

    Raises:
        OSError: it could not be written.
    """
    actions = io.BytesIO()
    np.save(actions, np.asarray(rollout.action), allow_pickle=False)
    meta = {"iteration": iteration - 1, "bad": bad._asdict()}
    save_checkpoint(folder, before, meta, files={ACTIONS_FILE: actions.getvalue(), CONFIG_FILE: config.encode()})
