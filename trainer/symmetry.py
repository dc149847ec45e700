"""Left and right: what a reflection in the robot's x-z plane does to observations and actions.

A walk seen in a mirror is as good a walk, so networks that treat both sides alike by construction learn from each
sample about both (compare Abdolhosseini et al., "On learning symmetric locomotion", 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from contract import PolicySpec, RobotConfig

from .physics.body_state import Array

_VECTOR, _PSEUDOVECTOR = (1.0, -1.0, 1.0), (-1.0, 1.0, -1.0)  # velocities; rates of turning
_FIXED = {
    "gravity_local": _VECTOR,
    "angvel_heading_local": _PSEUDOVECTOR,
    "velocity_cmd": (1.0,),
    "velocity_cmd_lateral_yaw": (-1.0, -1.0),
    "phase_sin_cos": (-1.0, -1.0),  # the other leg is half a period away
    "padding": (1.0,),
}
_FEET = (2, 3, 0, 1)  # left_toe, left_heel, right_toe, right_heel


class Mirror(NamedTuple):
    """x -> sign * x[order] over the last axis; its own inverse."""

    order: np.ndarray
    sign: np.ndarray

    def __call__(self, x: Array) -> Array:
        return x[..., self.order] * self.sign


class Mirrors(NamedTuple):
    """The reflections of one robot and layout."""

    obs: Mirror
    critic_obs: Mirror
    action: Mirror


def make_mirrors(spec: PolicySpec, config: RobotConfig) -> Mirrors:
    """All reflections that the networks need."""
    return Mirrors(mirror_of_observation(spec, config), mirror_of_critic(spec, config), mirror_of_action(spec, config))


def mirror_of_joints(config: RobotConfig) -> Mirror:
    """For joint angles, rates and torques (J,)."""
    return Mirror(np.asarray(config.symmetric_index), config.symmetry_sign)


def mirror_of_action(spec: PolicySpec, config: RobotConfig) -> Mirror:
    """For actions (J,): the joints' mirror, seen through policy_action_sign."""
    joints = mirror_of_joints(config)
    signs = spec.robot.action_sign
    return Mirror(joints.order, joints.sign * signs * signs[joints.order])


def mirror_of_observation(spec: PolicySpec, config: RobotConfig) -> Mirror:
    """For observations (O,) of any layout."""
    feet = Mirror(np.array(_FEET), np.ones(4, np.float32))
    by_name = {
        "joint_pos_normalized": mirror_of_joints(config),
        "joint_vel_normalized": mirror_of_joints(config),
        "prev_action": mirror_of_action(spec, config),
        "foot_switches": feet,
    }
    return join([by_name.get(name) or in_place(_FIXED[name]) for name in spec.observation.names])


def mirror_of_critic(spec: PolicySpec, config: RobotConfig) -> Mirror:
    """For what the critic sees: the observation, then Env.observe's further values in their order."""
    feet = Mirror(np.array(_FEET), np.ones(4, np.float32))
    more = [
        in_place((1.0, -1.0)),  # velocity forward and left
        in_place(_PSEUDOVECTOR),  # rates of turning, world
        in_place((1.0, 1.0)),  # vertical velocity, height
        feet,
        mirror_of_joints(config),  # torques
        in_place(_VECTOR),  # gravity in the base
        in_place((1.0, -1.0)),  # push, in the heading's frame
        in_place((-1.0,)),  # heading error
        in_place((1.0, -1.0, -1.0)),  # error of the mean velocity
        Mirror(np.array([1, 0]), np.ones(2, np.float32)),  # heights of the feet
        in_place((1.0,)),  # friction
    ]
    return join([mirror_of_observation(spec, config), *more])


def in_place(signs: Sequence[float]) -> Mirror:
    """A mirror that changes signs and moves nothing."""
    return Mirror(np.arange(len(signs)), np.array(signs, np.float32))


def join(parts: Sequence[Mirror]) -> Mirror:
    """One mirror for parts laid end to end."""
    starts = np.cumsum([0, *(len(part.order) for part in parts)])
    order = np.concatenate([part.order + start for part, start in zip(parts, starts, strict=False)])
    return Mirror(order, np.concatenate([part.sign for part in parts]).astype(np.float32))
