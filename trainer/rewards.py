"""The reward terms, one screen. Each gives one number per robot and control step; YAML weights give the sign.

Kernels are in [0, 1]; penalties are >= 0 and get a negative weight. Law and scale stand beside each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from contract import PolicySpec, gravity_local, rotate

from .physics.body_state import Array, BodyState

SWITCH_CLOSES_N = 2.0
FOOT_LIFT_M = 0.03
HALF_SOLE_M = 0.045
OUTSIDE_M, AHEAD_M = 0.04, -0.15
"""Where a foot must at least land beside the capture point, in `foothold`: so far outside of and ahead of it."""
GRAVITY = 9.81


class RewardInputs(NamedTuple):
    """One robot: state after the step, action (J,), the one before, command (3,), base height above the floor and at
    home in m, heading_error () rad, mean_velocity (3,) m/s forward and left and rad/s, over
    about the last gait cycle; swing (2,) 0 to 1 as the gait clock wants it, 0 where a foot should stand;
    foot_velocity (2, 3) m/s; foot_height (2,) m above the floor."""

    body: BodyState
    action: Array
    last_action: Array
    command: Array
    height: Array
    standing_height: Array
    heading_error: Array
    mean_velocity: Array
    swing: Array
    foot_velocity: Array
    foot_height: Array


def tracking_lin_vel(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-20 (v_x - command_x)^2), forward velocity in the frame of the base's heading, m/s."""
    return jnp.exp(-20.0 * (heading_velocity(x.body)[0] - x.command[0]) ** 2)


def tracking_lateral_vel(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-20 (v_y - command_y)^2), m/s: wide enough for the sway of a step."""
    return jnp.exp(-20.0 * (heading_velocity(x.body)[1] - x.command[1]) ** 2)


def tracking_ang_vel(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-4 (w_z - command_yaw)^2), world yaw rate, rad/s."""
    return jnp.exp(-4.0 * (rotate(x.body.base_quat, x.body.base_angvel)[2] - x.command[2]) ** 2)


def heading(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-8 e^2), e the heading's error against the integral of the commanded yaw rate, rad."""
    return jnp.exp(-8.0 * x.heading_error**2)


def steady_sideways(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-100 (mean v_y - command_y)^2), m/s over a gait cycle: the sway of a step costs nothing, a drift does."""
    return jnp.exp(-100.0 * (x.mean_velocity[1] - x.command[1]) ** 2)


def steady_turn(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-25 (mean w_z - command_yaw)^2), rad/s over a gait cycle: a slow turn that a gyro can see."""
    return jnp.exp(-25.0 * (x.mean_velocity[2] - x.command[2]) ** 2)


def base_height(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-400 (h - h_home)^2), m above the floor."""
    return jnp.exp(-400.0 * (x.height - x.standing_height) ** 2)


def upright(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-20 |g_xy|^2) of the IMU's body: 1 upright."""
    return jnp.exp(-20.0 * jnp.sum(gravity_local(x.body.imu_quat)[:2] ** 2))


def pose(spec: PolicySpec, x: RewardInputs) -> Array:
    """exp(-2 |q - q_home|^2), rad."""
    return jnp.exp(-2.0 * jnp.sum((x.body.joint_pos - spec.robot.home) ** 2))


def still_pose(spec: PolicySpec, x: RewardInputs) -> Array:
    """As `pose`, while the command is to stand; 1 while it is to walk."""
    return jnp.where(jnp.any(x.command != 0.0), 1.0, pose(spec, x))


def alive(spec: PolicySpec, x: RewardInputs) -> Array:
    """1 for every step not fallen."""
    return jnp.ones(())


def feet_on_floor(spec: PolicySpec, x: RewardInputs) -> Array:
    """Share of the four foot switches that are pressed."""
    return jnp.mean(x.body.foot_force > SWITCH_CLOSES_N)


def gait_contact(spec: PolicySpec, x: RewardInputs) -> Array:
    """Share of feet that touch the floor when the gait clock wants them to, and do not when it wants them to swing."""
    return jnp.mean(foot_contact(x.body) == (x.swing <= 0.0))


def foot_clearance(spec: PolicySpec, x: RewardInputs) -> Array:
    """sum swing |min(h - lift, 0)| / lift: how far a swinging foot stays below its lift of 30 mm."""
    low = jnp.maximum(FOOT_LIFT_M * x.swing - x.foot_height, 0.0) / FOOT_LIFT_M
    return jnp.sum(low)


def foot_slip(spec: PolicySpec, x: RewardInputs) -> Array:
    """sum over feet that touch the floor of |v_xy|^2, m^2/s^2: no skating."""
    return jnp.sum(foot_contact(x.body) * jnp.sum(x.foot_velocity[:, :2] ** 2, -1))


def feet_apart(spec: PolicySpec, x: RewardInputs) -> Array:
    """max(0, .14 m - d), d the sideways distance of the soles' middles: they are .09 m wide. In units of .1 m."""
    across = to_heading(x.body, x.body.foot_pos[0, :2] - x.body.foot_pos[1, :2])[1]
    return jnp.maximum(0.14 - across, 0.0) / 0.1


def capture_point(spec: PolicySpec, x: RewardInputs) -> Array:
    """How far the capture point lies sideways beyond the outer edges of the soles, in units of .1 m: step there.

    In the heading's frame; 0 in a walk that needs no saving."""
    aside = jax.vmap(lambda foot: to_heading(x.body, captured_at(x) - foot[:2])[1])(x.body.foot_pos)
    return jnp.maximum(jnp.min(jnp.abs(aside)) * (aside[0] * aside[1] > 0) - HALF_SOLE_M, 0.0) / 0.1


def foothold(spec: PolicySpec, x: RewardInputs) -> Array:
    """How far a swinging foot is from where the robot falls, in units of .1 m: step there.

    sum swing (max(.04 m - d, 0) + max(-.15 m - a, 0)), d and a: how far outside of and ahead of the capture point the
    foot is, heading's frame. A walk that needs no saving lands at d = .06 and a = -.09 m and pays next to nothing."""
    ahead, left = jax.vmap(lambda foot: to_heading(x.body, foot[:2] - captured_at(x)))(x.body.foot_pos).T
    outside = left * jnp.array([1.0, -1.0])
    return jnp.sum(x.swing * (jnp.maximum(OUTSIDE_M - outside, 0.0) + jnp.maximum(AHEAD_M - ahead, 0.0))) / 0.1


def torque_excess(spec: PolicySpec, x: RewardInputs) -> Array:
    """sum max(|tau| - 2.5 Nm, 0)^2, Nm^2: what the servos do not like to hold."""
    return jnp.sum(jnp.maximum(jnp.abs(x.body.joint_torque) - 2.5, 0.0) ** 2)


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


def action_limits(spec: PolicySpec, x: RewardInputs) -> Array:
    """sum of what the network asks beyond the actions' bounds of +-1, squared: it would be clipped."""
    return jnp.sum(jnp.maximum(jnp.abs(x.action) - 1.0, 0.0) ** 2)


Term = Callable[[PolicySpec, RewardInputs], Array]
_BONUSES: tuple[Term, ...] = (
    tracking_lin_vel, tracking_lateral_vel, tracking_ang_vel, heading, steady_sideways, steady_turn, base_height,
    upright, pose, still_pose, alive, feet_on_floor, gait_contact,
)  # fmt: skip
_PENALTIES: tuple[Term, ...] = (
    torque_penalty, action_rate, joint_velocity, dof_pos_limits, action_limits, foot_clearance, foot_slip, feet_apart,
    capture_point, foothold, torque_excess,
)  # fmt: skip
BONUSES: dict[str, Term] = {term.__name__: term for term in _BONUSES}
PENALTIES: dict[str, Term] = {term.__name__: term for term in _PENALTIES}
REWARDS = BONUSES | PENALTIES


def captured_at(x: RewardInputs) -> Array:
    """Capture point (2,) m of the base, world's frame: p + v sqrt(h / g), where a foot would bring it to rest."""
    return x.body.base_pos[:2] + x.body.base_linvel[:2] * jnp.sqrt(jnp.maximum(x.height, 0.0) / GRAVITY)


def foot_contact(body: BodyState) -> Array:
    """(2,) bool: left and right foot press a switch."""
    return jnp.any(body.foot_force.reshape(2, 2) > SWITCH_CLOSES_N, axis=1)


def heading_velocity(body: BodyState) -> Array:
    """Base velocity (2,) m/s forward and left in the frame of the base's heading."""
    return to_heading(body, body.base_linvel[:2])


def to_heading(body: BodyState, vector: Array) -> Array:
    """A horizontal world vector (2,) in the frame of the base's heading."""
    yaw = heading_angle(body.base_quat)
    return jnp.stack(
        [
            jnp.cos(yaw) * vector[0] + jnp.sin(yaw) * vector[1],
            -jnp.sin(yaw) * vector[0] + jnp.cos(yaw) * vector[1],
        ]
    )


def heading_angle(quat_wxyz: Array) -> Array:
    """Heading () rad of a unit quaternion (4,)."""
    w, x, y, z = quat_wxyz
    return jnp.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
