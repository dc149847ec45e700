"""How an episode begins and what it asks for: commands, poses, reference state initialisation, pushes."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from contract import PolicySpec

from .config import CommandConfig, ResetConfig
from .motion.reference import ReferenceMotion, nearest_clip, sample
from .physics.body_state import Array
from .physics.robot_model import RobotModel
from .randomization import DomainRandomization

SIDEWAYS_RAD = math.radians(30)


class StartPose(NamedTuple):
    """qpos (nq,), qvel (nv,) on a level floor; phase_rad () of the gait clock."""

    qpos: Array
    qvel: Array
    phase_rad: Array


class Push(NamedTuple):
    """force (3,) N world frame, now; steps_left (), next_step () in control steps."""

    force: Array
    steps_left: Array
    next_step: Array


def draw_command(config: CommandConfig, key: Array) -> Array:
    """(3,): vx, vy m/s, yaw rate rad/s; zero for stand_share of the draws, straight ahead for straight_share."""
    k = jax.random.split(key, 4)
    ranges = (config.vx_m_s, config.vy_m_s, config.yaw_rad_s)
    drawn = jnp.stack([jax.random.uniform(k[i], minval=low, maxval=high) for i, (low, high) in enumerate(ranges)])
    kind = jax.random.uniform(k[3])
    straight = kind < config.stand_share + config.straight_share
    drawn = jnp.where(straight, drawn * jnp.array([1.0, 0.0, 0.0]), drawn)
    return jnp.where(kind < config.stand_share, 0.0, drawn)


def draw_pause(limits_s: tuple[float, float], ctrl_dt: float, key: Array, step: Array) -> Array:
    """The control step at which something happens next."""
    seconds = jax.random.uniform(key, minval=limits_s[0], maxval=limits_s[1])
    return step + jnp.round(seconds / ctrl_dt).astype(jnp.int32)


def advance_push(
    config: DomainRandomization, ctrl_dt: float, push: Push, step: Array, heading_rad: Array, key: Array
) -> Push:
    """The push of this control step."""
    k = jax.random.split(key, 3)
    starts = step >= push.next_step
    angle = _push_angle(config, heading_rad, k[0])
    size = jax.random.uniform(k[1], minval=config.push_force[0], maxval=config.push_force[1])
    fresh = size * jnp.stack([jnp.cos(angle), jnp.sin(angle), jnp.zeros(())])
    left = jnp.where(starts, round(config.push_duration_s / ctrl_dt), jnp.maximum(push.steps_left - 1, 0))
    force = jnp.where(starts, fresh, jnp.where(left > 0, push.force, 0.0))
    later = draw_pause(config.push_every_s, ctrl_dt, k[2], step)
    return Push(force, left, jnp.where(starts, later, push.next_step))


def _push_angle(config: DomainRandomization, heading_rad: Array, key: Array) -> Array:
    """Anywhere, or for push_sideways_share of the pushes within SIDEWAYS_RAD of the robot's left or right."""
    k = jax.random.split(key, 3)
    anywhere = jax.random.uniform(k[0], maxval=2 * math.pi)
    side = jnp.where(jax.random.bernoulli(k[1]), math.pi / 2, -math.pi / 2)
    aside = heading_rad + side + SIDEWAYS_RAD * (anywhere / math.pi - 1.0)
    return jnp.where(jax.random.uniform(k[2]) < config.push_sideways_share, aside, anywhere)


def draw_start(
    config: ResetConfig, robot: RobotModel, spec: PolicySpec, motion: ReferenceMotion | None, command: Array, key: Array
) -> StartPose:
    """At home, or in the middle of the reference motion nearest to the command; noise on either."""
    k = jax.random.split(key, 6)
    phase = jax.random.uniform(k[0], maxval=2 * math.pi)
    pose = _home(robot, phase)
    if motion is not None and config.reference_share > 0:
        within = _in_motion(config, robot, motion, command, phase, k[1])
        chosen = jax.random.uniform(k[2]) < config.reference_share
        pose = jax.tree.map(lambda a, b: jnp.where(chosen, a, b), within, pose)
    noise = jax.random.uniform(k[3], (robot.model.nv,), minval=-1, maxval=1)
    joints = pose.qpos[robot.qpos] + noise[robot.qvel] * config.joint_pos_rad
    joints = jnp.clip(joints, spec.robot.range_min, spec.robot.range_max)
    angle = jax.random.uniform(k[4], maxval=2 * math.pi)
    tilt = jax.random.uniform(k[5]) * config.tilt_rad
    lean = jnp.stack([jnp.cos(tilt / 2), jnp.sin(tilt / 2) * jnp.cos(angle), jnp.sin(tilt / 2) * jnp.sin(angle), 0.0])
    speeds = jax.random.uniform(jax.random.fold_in(key, 7), (robot.model.nv,), minval=-1, maxval=1)
    base = slice(robot.base_qvel, robot.base_qvel + 2)
    qvel = pose.qvel.at[robot.qvel].add(speeds[robot.qvel] * config.joint_vel_rad_s)
    qvel = qvel.at[base].add(speeds[base] * config.base_vel_m_s)
    attitude = slice(robot.base_qpos + 3, robot.base_qpos + 7)
    qpos = pose.qpos.at[robot.qpos].set(joints)
    return StartPose(qpos.at[attitude].set(multiply(lean, pose.qpos[attitude])), qvel, pose.phase_rad)


def multiply(a: Array, b: Array) -> Array:
    """Product of two quaternions (4,) wxyz: first b, then a."""
    w, x, y, z = a
    matrix = jnp.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return matrix @ b


def _home(robot: RobotModel, phase: Array) -> StartPose:
    return StartPose(jnp.asarray(robot.home_qpos, jnp.float32), jnp.zeros(robot.model.nv), phase)


def _in_motion(
    config: ResetConfig, robot: RobotModel, motion: ReferenceMotion, command: Array, phase: Array, key: Array
) -> StartPose:
    frame = sample(motion, nearest_clip(motion, command), phase)
    low, high = config.reference_base_vel
    speed = jax.random.uniform(key, minval=low, maxval=high)
    p, v = robot.base_qpos, robot.base_qvel
    qpos = jnp.asarray(robot.home_qpos, jnp.float32).at[robot.qpos].set(frame.joint_pos)
    qpos = qpos.at[p : p + 3].set(frame.base_pos).at[p + 3 : p + 7].set(frame.base_quat)
    qvel = jnp.zeros(robot.model.nv).at[robot.qvel].set(np.float32(config.reference_speed) * frame.joint_vel)
    return StartPose(qpos, qvel.at[v : v + 3].set(speed * frame.base_linvel), phase)
