"""The reward terms, one screen. Each gives one number per robot and control step; YAML weights give the sign.

Kernels are in [0, 1]; penalties are >= 0 and get a negative weight. Law and scale stand beside each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from contract import PolicySpec, gravity_local, rotate
from contract.frames import normalize_quat

from .physics.body_state import Array, BodyState


class RewardInputs(NamedTuple):
    """One robot: state after the step, action (J,), the one before, command (3,), base height at home in m."""

    body: BodyState
    action: Array
    last_action: Array
    command: Array
    standing_height: Array


def tracking_lin_vel(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-20 |v_xy - command_xy|^2), body's velocity in the frame of its heading, m/s."""
    return jnp.exp(-20.0 * jnp.sum((heading_velocity(x.body) - x.command[:2]) ** 2))


def tracking_ang_vel(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-4 (w_z - command_yaw)^2), world yaw rate, rad/s."""
    return jnp.exp(-4.0 * (rotate(x.body.base_quat, x.body.base_angvel)[2] - x.command[2]) ** 2)


def base_height(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-400 (h - h_home)^2), m."""
    return jnp.exp(-400.0 * (x.body.base_pos[2] - x.standing_height) ** 2)


def upright(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-20 |g_xy|^2) of the IMU's body: 1 upright."""
    return jnp.exp(-20.0 * jnp.sum(gravity_local(x.body.imu_quat)[:2] ** 2))


def pose(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-2 |q - q_home|^2), rad."""
    return jnp.exp(-2.0 * jnp.sum((x.body.joint_pos - spec.robot.home) ** 2))


def alive(spec: PolicySpec, x: RewardInputs) -> Array:
    """1 for every step not fallen."""
    return jnp.ones(())


def feet_on_floor(spec: PolicySpec, x: RewardInputs) -> Array:
    """Share of the four foot switches that are pressed."""
    return jnp.mean(x.body.foot_force > 2.0)


def torque_penalty(spec: PolicySpec, x: RewardInputs) -> Array:
    """sum tau^2, Nm^2."""
    return jnp.sum(x.body.joint_torque**2)


def action_rate(spec: PolicySpec, x: RewardInputs) -> Array:
    """sum (a_t - a_t-1)^2 of the network's own output."""
    return jnp.sum((x.action - x.last_action) ** 2)


def joint_velocity(spec: PolicySpec, x: RewardInputs) -> Array:
    """sum qd^2, rad^2/s^2: quiet joints."""
    return jnp.sum(x.body.joint_vel**2)


def dof_pos_limits(spec: PolicySpec, x: RewardInputs) -> Array:
    """How far joints are beyond 95 % of their range, summed, rad."""
    beyond = jnp.abs(x.body.joint_pos - spec.robot.center) - 0.95 * spec.robot.span
    return jnp.sum(jnp.maximum(beyond, 0.0))


REWARDS: dict[str, Callable[[PolicySpec, RewardInputs], Array]] = {
    term.__name__: term
    for term in (
        tracking_lin_vel,
        tracking_ang_vel,
        base_height,
        upright,
        pose,
        alive,
        feet_on_floor,
        torque_penalty,
        action_rate,
        joint_velocity,
        dof_pos_limits,
    )
}


def heading_velocity(body: BodyState) -> Array:
    """Base velocity (2,) m/s forward and left in the frame of the base's heading."""
    w, x, y, z = normalize_quat(body.base_quat)
    yaw = jnp.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    vx, vy = body.base_linvel[0], body.base_linvel[1]
    return jnp.stack([jnp.cos(yaw) * vx + jnp.sin(yaw) * vy, -jnp.sin(yaw) * vx + jnp.cos(yaw) * vy])
