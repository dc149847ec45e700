"""Random inputs, and the contract run over a batch of them in numpy and in jax under jit(vmap)."""

from __future__ import annotations

import functools
import json
from typing import Any, NamedTuple

import bundle_builder
import jax
import numpy as np

from contract.action import advance
from contract.observation import observe
from contract.signals import Command, PolicyState, Signals
from contract.spec import PolicySpec


class Inputs(NamedTuple):
    """N rows of what one control step gets."""

    state: PolicyState
    signals: Signals
    command: Command
    raw_action: np.ndarray


def random_quat(rng: np.random.Generator, rows: int, max_tilt_rad: float) -> np.ndarray:
    """(rows, 4): any yaw, then a tilt of at most `max_tilt_rad` about a level axis, either sign of q."""
    yaw, axis = rng.uniform(-np.pi, np.pi, (2, rows))
    tilt = rng.uniform(0, max_tilt_rad, rows)
    c, s = np.cos(tilt / 2), np.sin(tilt / 2)
    cy, sy = np.cos(yaw / 2), np.sin(yaw / 2)
    x, y = s * np.cos(axis), s * np.sin(axis)
    quat = np.stack([cy * c, cy * x - sy * y, cy * y + sy * x, sy * c], axis=1)
    return (quat * rng.choice([-1.0, 1.0], (rows, 1))).astype(np.float32)


def random_inputs(
    spec: PolicySpec, seed: int, rows: int, gyro_rad_s: float = 10.0, max_tilt_deg: float = 80.0
) -> Inputs:
    """Signals over the joint ranges and a little beyond, any gyro, any state that a filter can be in."""
    rng = np.random.default_rng(seed)
    joints = spec.num_joints

    def uniform(low: Any, high: Any, *shape: int) -> np.ndarray:
        return rng.uniform(low, high, (rows, *shape)).astype(np.float32)

    signals = Signals(
        random_quat(rng, rows, np.radians(max_tilt_deg)),
        uniform(-gyro_rad_s, gyro_rad_s, 3),
        uniform(spec.robot.range_min - 0.1, spec.robot.range_max + 0.1, joints),
        uniform(-8, 8, joints),
        rng.integers(0, 2, (rows, 4)).astype(np.float32),
        uniform(0, 100),
        uniform(0, 0.02, joints),
        uniform(0, 0.02),
    )
    delayed = uniform(-1, 1, spec.runtime.action_delay_steps, joints)
    state = PolicyState(uniform(-1, 1, joints), delayed, uniform(-1, 1, joints), uniform(0, 2 * np.pi))
    return Inputs(state, signals, Command(uniform(-1, 1, 3)), uniform(-1.5, 1.5, joints))


def step(spec: PolicySpec, inputs: Inputs) -> tuple[Any, PolicyState, Any]:
    """What every control loop does: observation (O,), then next state and target (J,)."""
    observation = observe(spec, inputs.state, inputs.signals, inputs.command)
    return observation, *advance(spec, inputs.state, inputs.raw_action)


def row(inputs: Any, i: int) -> Any:
    """Row `i` of a batch: every array loses its first axis."""
    return jax.tree.map(lambda array: array[i], inputs)


def numpy_steps(spec: PolicySpec, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Observations and targets of a batch, one row after the other, as the robot does it."""
    rows = [step(spec, row(inputs, i)) for i in range(len(inputs.raw_action))]
    return np.stack([r[0] for r in rows]), np.stack([r[2] for r in rows])


def jax_steps(spec_json: str, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Observations and targets of a batch, all rows at once, as the trainer does it."""
    observation, _, target = jax_step(spec_json)(inputs)
    return np.asarray(observation), np.asarray(target)


@functools.cache
def jax_step(spec_json: str) -> Any:
    """jit(vmap(step)) of a spec, compiled once for each."""
    spec = bundle_builder.parse_spec(json.loads(spec_json))[0]
    return jax.jit(jax.vmap(functools.partial(step, spec)))


def worst_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest |a - b| / (1 + |b|); infinite where either is not finite."""
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return float("inf")
    return float(np.max(np.abs(a.astype(np.float64) - b) / (1 + np.abs(b))))
