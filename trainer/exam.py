"""What a policy is asked beside the plain trials: a ladder of pushes, a long run, other floors, a grid of commands."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .config import CommandConfig, TrainConfig
from .evaluate import Kick, Policy, evaluate, evaluation_env, roll, slope_of, tally_of
from .tally import Evaluation

Command3 = tuple[float, float, float]  # vx, vy m/s, yaw rate rad/s

LADDER_N = (5.0, 8.0, 10.0, 15.0, 20.0)
LADDER_DIRECTIONS_DEG = (0, 45, 90, 135, 180, 225, 270, 315)
KICK_AT_S, KICK_S, WATCHED_S = 2.0, 0.2, 4.0
LADDER_EACH = 6
LONG_RUN_S, LONG_RUN_TRIALS = 120.0, 64
FLOOR_STEPS = 500
ENVELOPE_TRIALS, ENVELOPE_S = 4, 8.0


class Ladder(NamedTuple):
    """Survival of one push of 0.2 s, 2 s after the start, watched for 4 s: survived (S, D) of `each` robots.

    Directions are the world's, and robots begin facing 0 deg: 0 pushes forward, 90 to the left.
    """

    sizes_n: tuple[float, ...]
    directions_deg: tuple[int, ...]
    survived: np.ndarray
    each: int

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        share = self.survived / self.each
        return {
            "directions_deg": list(self.directions_deg),
            "trials_each": self.each,
            "survival": {f"{size:g}": row.round(4).tolist() for size, row in zip(self.sizes_n, share, strict=True)},
            "mean": {f"{size:g}": float(row.mean()) for size, row in zip(self.sizes_n, share, strict=True)},
        }

    def table(self) -> str:
        """For people: a row for each size, a column for each direction."""
        share = 100 * self.survived / self.each
        rows = ["push ladder, % survived" + "".join(f"{d:6d}°" for d in self.directions_deg) + "    all"]
        for size, row in zip(self.sizes_n, share, strict=True):
            rows.append(f"{size:16.0f} N x 0.2 s" + "".join(f"{x:7.0f}" for x in row)[2:] + f"{row.mean():7.0f}")
        return "\n".join(rows)


class Envelope(NamedTuple):
    """Commands (N, 3) and what was achieved: velocity (N, 3) mean over the robots that settled, nan where none did;
    survival (N,). groups names the slices of N: vx, vx_yaw, vx_vy."""

    commands: np.ndarray
    velocity: np.ndarray
    survival: np.ndarray
    groups: dict[str, slice]


def push_ladder(config: TrainConfig, policy: Policy, command: Command3, seed: int = 0) -> Ladder:
    """Every size in every direction, LADDER_EACH times with other robots, in one batch."""
    angles = np.radians(LADDER_DIRECTIONS_DEG)
    directions = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(len(angles))])
    forces = np.array(LADDER_N)[:, None, None] * directions
    kick = Kick(np.repeat(forces.reshape(-1, 3), LADDER_EACH, axis=0), KICK_AT_S, KICK_S)
    steps = _watched_steps(config.env.ctrl_dt)
    env = evaluation_env(config, len(kick.force), steps, 0.0, command)
    up = tally_of(env, roll(env, policy, seed, kick=kick)).up.reshape(len(LADDER_N), len(angles), LADDER_EACH)
    return Ladder(LADDER_N, LADDER_DIRECTIONS_DEG, up.sum(2), LADDER_EACH)


def long_run(config: TrainConfig, policy: Policy, command: Command3, seed: int = 0) -> Evaluation:
    """Many robots for two minutes, without pushes."""
    steps = round(LONG_RUN_S / config.env.ctrl_dt)
    return evaluate(evaluation_env(config, LONG_RUN_TRIALS, steps, 0.0, command), policy, seed)


def on_floor(config: TrainConfig, policy: Policy, command: Command3, floor: str, trials: int, seed: int) -> Evaluation:
    """Plain trials on a floor by name, without pushes."""
    env = evaluation_env(config, trials, FLOOR_STEPS, 0.0, command, floor=floor)
    return evaluate(env, policy, seed, slope_rad=slope_of(floor))


def command_grid(config: CommandConfig) -> tuple[np.ndarray, dict[str, slice]]:
    """Commands (N, 3) that cover what was trained and half as much again on each side, and the slices of N by name."""
    vx, vy, yaw = (_wider(getattr(config, name)) for name in ("vx_m_s", "vy_m_s", "yaw_rad_s"))
    zero = np.zeros(1)
    line = _product(np.linspace(*vx, 17), zero, zero)
    turning = _product(np.linspace(*vx, 7), zero, np.linspace(*yaw, 7))
    sideways = _product(np.linspace(*vx, 7), np.linspace(*vy, 7), zero)
    ends = np.cumsum([len(line), len(turning), len(sideways)])
    groups = {"vx": slice(0, ends[0]), "vx_yaw": slice(ends[0], ends[1]), "vx_vy": slice(ends[1], ends[2])}
    return np.concatenate([line, turning, sideways]).astype(np.float32), groups


def envelope(config: TrainConfig, policy: Policy, seed: int = 0) -> Envelope:
    """Every command of the grid, ENVELOPE_TRIALS times with other robots, in one batch without pushes."""
    commands, groups = command_grid(config.env.command)
    everyone = np.repeat(commands, ENVELOPE_TRIALS, axis=0)
    steps = round(ENVELOPE_S / config.env.ctrl_dt)
    env = evaluation_env(config, len(everyone), steps)
    trials = tally_of(env, roll(env, policy, seed, commands=everyone)).trials()
    velocity = trials.velocity.reshape(len(commands), ENVELOPE_TRIALS, 3)
    known = np.isfinite(velocity).all(2)
    sums = np.where(known[..., None], velocity, 0.0).sum(1)
    with np.errstate(invalid="ignore"):
        mean = sums / known.sum(1)[:, None]
    return Envelope(commands, mean, trials.up.reshape(-1, ENVELOPE_TRIALS).mean(1), groups)


def ladder_steps(ctrl_dt: float) -> int:
    """Control steps of all robots on the push ladder, where none falls."""
    return len(LADDER_N) * len(LADDER_DIRECTIONS_DEG) * LADDER_EACH * _watched_steps(ctrl_dt)


def long_run_steps(ctrl_dt: float) -> int:
    """Control steps of all robots of `long_run`, where none falls."""
    return LONG_RUN_TRIALS * round(LONG_RUN_S / ctrl_dt)


def envelope_steps(config: TrainConfig) -> int:
    """Control steps of all robots of `envelope`, where none falls."""
    return len(command_grid(config.env.command)[0]) * ENVELOPE_TRIALS * round(ENVELOPE_S / config.env.ctrl_dt)


def _watched_steps(ctrl_dt: float) -> int:
    return round((KICK_AT_S + KICK_S + WATCHED_S) / ctrl_dt)


def _wider(limits: tuple[float, float]) -> tuple[float, float]:
    """Half as much again on each side, at least 0.1."""
    half = max((limits[1] - limits[0]) / 2, 0.1)
    middle = (limits[0] + limits[1]) / 2
    return middle - 1.5 * half, middle + 1.5 * half


def _product(*axes: np.ndarray) -> np.ndarray:
    """All combinations (math.prod of the sizes, number of axes)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(math.prod(map(len, axes)), len(axes))
