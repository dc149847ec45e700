"""From the network's output to joint targets, and back. numpy or jax, by the argument."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .frames import Array, clip, float32, namespace
from .signals import PolicyState
from .spec import Float32, PolicySpec


def advance(spec: PolicySpec, state: PolicyState, raw_action: Array) -> tuple[PolicyState, Array]:
    """One control step: low-pass, delay, gait clock, mapping.

    Args:
        raw_action: (J,) the network's output; the caller has made sure that it is finite.

    Returns:
        The next state, whose applied_action (J,) is what the policy sees as prev_action; the joint target (J,) rad.
    """
    raw = float32(raw_action)
    xp = namespace(raw)
    alpha = np.float32(spec.action.alpha)
    filtered = alpha * float32(state.filtered_action) + (np.float32(1) - alpha) * raw
    applied, waiting = filtered, state.delayed_actions
    if waiting.shape[0]:
        queue = xp.concat([xp.asarray(waiting), filtered[None, :]])
        applied, waiting = queue[0], queue[1:]
    phase = float32(state.phase_rad)
    if spec.runtime.gait_period_s is not None:
        step = np.float32(2 * math.pi * spec.runtime.ctrl_dt / spec.runtime.gait_period_s)
        phase = xp.remainder(phase + step, np.float32(2 * math.pi))
    return PolicyState(filtered, waiting, applied, phase), action_to_target(spec, applied)


def action_to_target(spec: PolicySpec, action: Array) -> Array:
    """Joint targets (J,) rad for actions (J,): sign, scale about range middle or home, clip to the joint range."""
    signed = clip(float32(action), -1.0, 1.0) * spec.robot.action_sign
    return clip(spec.middle_rad + signed * spec.scale_rad, spec.robot.range_min, spec.robot.range_max)


def target_to_action(spec: PolicySpec, target_rad: Array) -> Array:
    """The action (J,) in [-1, 1] whose target is nearest to `target_rad` (J,) rad: inverse where it is reachable."""
    return clip((float32(target_rad) - spec.middle_rad) / spec.scale_rad, -1.0, 1.0) * spec.robot.action_sign


def reachable_range(spec: PolicySpec) -> tuple[Float32, Float32]:
    """Lowest and highest target (J,) rad that actions in [-1, 1] can ask for: joint range and the mapping's image."""
    low = np.maximum(spec.robot.range_min, spec.middle_rad - spec.scale_rad)
    high = np.minimum(spec.robot.range_max, spec.middle_rad + spec.scale_rad)
    return low, high


class PoseCheck(NamedTuple):
    """Round trip target -> action -> target: largest error in rad for each set of poses, and limits out of reach."""

    error_rad: dict[str, float]
    unreachable: tuple[str, ...]


def check_pose(spec: PolicySpec, trials: int = 1000, seed: int = 0) -> PoseCheck:
    """Prove that targets survive the way through actions and back: at home, at random, at the reachable limits."""
    low, high = reachable_range(spec)
    random = np.random.default_rng(seed).uniform(low, high, (trials, spec.num_joints)).astype(np.float32)
    poses = {"home": [np.clip(spec.robot.home, low, high)], "random": list(random), "limits": [low, high]}

    def error(pose: Float32) -> float:
        return float(np.max(np.abs(action_to_target(spec, target_to_action(spec, pose)) - pose)))

    unreachable = []
    for i, name in enumerate(spec.robot.actuator_names):
        for limit, reach, word in (
            (spec.robot.range_min[i], low[i], "lower"),
            (spec.robot.range_max[i], high[i], "upper"),
        ):
            if abs(limit - reach) > 1e-4:
                unreachable.append(f"{name} {word} limit {limit:.3f} rad, reaches {reach:.3f}")
    return PoseCheck({name: max(map(error, batch)) for name, batch in poses.items()}, tuple(unreachable))
