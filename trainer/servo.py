"""Servos and their bus between the policy and physics, as pure functions of one robot: what the robot adds to a target.

The order is the robot's: robotd limits a target, the bus brings it late, the servo's set-point runs to it, the gear's
play swallows a part. Joint angles are read in turn, so they are old, each by its own age, and come in whole units.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from contract import PolicySpec

from .physics.body_state import Array
from .randomization import Quirks

TARGET_MARGIN_RAD = 0.02
"""robotd keeps targets this far inside a joint's range."""
SPEED_WINDOW_S = 0.03
"""Joint speed on the robot is a difference of positions over about this time."""


class ServoState(NamedTuple):
    """One robot's servos: targets (D, J) rad as robotd sent them, newest first; set_point, speed (J,) rad and rad per
    physics step of the ramp under way; shaft (J,) rad, the set-point behind the gear's play."""

    targets: Array
    set_point: Array
    speed: Array
    shaft: Array


def initial_servos(target: Array, latency_max_s: float, ctrl_dt: float) -> ServoState:
    """Servos at rest at `target` (J,) rad; remembers as many targets as the longest latency needs."""
    depth = int(np.ceil(latency_max_s / ctrl_dt - 1e-9)) + 1
    return ServoState(jnp.tile(target, (depth, 1)), target, jnp.zeros_like(target), target)


def limit(spec: PolicySpec, target: Array, previous: Array) -> Array:
    """The last stage of robotd: inside the range less a margin, no faster than the joint may move."""
    robot, step = spec.robot, spec.robot.max_velocity * np.float32(spec.runtime.ctrl_dt)
    low, high = robot.range_min + TARGET_MARGIN_RAD, robot.range_max - TARGET_MARGIN_RAD
    return jnp.clip(jnp.clip(target, low, high), previous - step, previous + step)


def drive(
    spec: PolicySpec, quirks: Quirks, state: ServoState, target: Array, decimation: int
) -> tuple[ServoState, Array]:
    """One control step of the servos.

    Args:
        target: (J,) rad, from the policy.

    Returns:
        The next state, and what each physics step's actuators aim at, (decimation, J) rad.
    """
    targets = jnp.concatenate([limit(spec, target, state.targets[0])[None], state.targets[:-1]])
    age, arrival = quirks.latency // decimation, quirks.latency % decimation
    now = targets[jnp.minimum(age, len(targets) - 1)]
    fastest = spec.robot.max_velocity * np.float32(spec.runtime.ctrl_dt / decimation)
    goal = targets[jnp.minimum(age + 1, len(targets) - 1)]
    set_point, speed, shaft, aims = state.set_point, state.speed, state.shaft, []
    for substep in range(decimation):
        arrives = arrival == substep
        goal = jnp.where(arrives, now, goal)
        speed = jnp.where(arrives, jnp.minimum(jnp.abs(goal - set_point) / quirks.ramp, fastest), speed)
        set_point = set_point + jnp.clip(goal - set_point, -speed, speed)
        shaft = jnp.clip(shaft, set_point - quirks.backlash, set_point + quirks.backlash)
        aims.append(shaft + quirks.joint_offset)
    return ServoState(targets, set_point, speed, shaft), jnp.stack(aims)


def history_length(period_max_s: float, delay_max_s: float, ctrl_dt: float) -> int:
    """How many control steps of joint angles `read` may look back on."""
    return int(np.ceil((period_max_s + delay_max_s + SPEED_WINDOW_S) / ctrl_dt - 1e-9)) + 1


def read(quirks: Quirks, history: Array, time_s: Array, ctrl_dt: float, unit_rad: float) -> tuple[Array, Array]:
    """Joint angles and speeds as the bus last brought them: sample and hold.

    Args:
        history: (K, J) rad, true angles of the last control steps, newest first.
        time_s: () of the episode.

    Returns:
        (J,) rad and (J,) rad/s.
    """
    period = jnp.maximum(quirks.feedback_period, 1e-6)
    age = jnp.remainder(time_s / period + quirks.feedback_phase, 1.0) * quirks.feedback_period + quirks.feedback_delay
    now = _at(history, age / ctrl_dt) - quirks.joint_offset
    before = _at(history, (age + SPEED_WINDOW_S) / ctrl_dt) - quirks.joint_offset
    if unit_rad:
        now, before = (jnp.round(q / unit_rad) * np.float32(unit_rad) for q in (now, before))
    return now, (now - before) / np.float32(SPEED_WINDOW_S)


def _at(history: Array, steps: Array) -> Array:
    """Angles (J,) `steps` (J,) control steps ago, linear between two entries."""
    entries = jnp.arange(history.shape[0])[:, None]
    return jnp.sum(jnp.maximum(0.0, 1.0 - jnp.abs(steps - entries)) * history, 0)
