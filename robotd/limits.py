"""The limits that every joint target passes before the bus, whoever asked for it. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from contract import PolicySpec
from contract.frames import Array, clip, namespace


class Limits(NamedTuple):
    """What every target obeys: low_rad, high_rad (J,) the range less a margin; max_velocity_rad_s (J,)."""

    low_rad: Array
    high_rad: Array
    max_velocity_rad_s: Array


def limits_of(spec: PolicySpec, margin_rad: float) -> Limits:
    """The limits of a robot; a joint whose range is narrower than two margins keeps the middle of it."""
    robot = spec.robot
    margin = np.minimum(np.float32(margin_rad), robot.span)
    return Limits(robot.range_min + margin, robot.range_max - margin, robot.max_velocity)


def clip_to_range(limits: Limits, pose_rad: Array) -> Array:
    """A pose (J,) rad as the first `previous_rad`: inside the range, its middle where it is not finite."""
    xp = pose_rad.__array_namespace__()
    pose = xp.where(xp.isfinite(pose_rad), pose_rad, (limits.low_rad + limits.high_rad) / 2)
    return xp.clip(pose, limits.low_rad, limits.high_rad)


def limit(limits: Limits, target_rad: Array, previous_rad: Array, dt_s: float, slow_motion: float) -> Array:
    """The last stage before the bus, for every source of targets.

    Args:
        target_rad: (J,) what is wanted; an element that is not finite keeps its previous target.
        previous_rad: (J,) the last target that went out, or `clip_to_range` of the pose before the first.
        dt_s: time since `previous_rad`; slow_motion: factor in (0, 1] on the velocity limits.

    Returns:
        (J,) rad, finite, inside the range, and no joint further from `previous_rad` than it may move in dt_s.
    """
    xp = namespace(target_rad)
    step = limits.max_velocity_rad_s * np.float32(dt_s * slow_motion)
    wanted = xp.where(xp.isfinite(target_rad), target_rad, previous_rad)
    return clip(clip(wanted, previous_rad - step, previous_rad + step), limits.low_rad, limits.high_rad)


def all_finite(*values: Array) -> bool:
    """Whether no element of any of them is NaN or inf."""
    xp = namespace(values[0])
    joined = values[0] if len(values) == 1 else xp.concat([value.reshape(-1) for value in values])
    return bool(xp.isfinite(joined).all())
