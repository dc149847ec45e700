"""Domain randomisation: what differs from one episode to the next. All laws are uniform; each stands beside its key.

The first seven keys are the roadmap's. `--robot-params FILE` narrows them to what was measured on a builder's robot.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field

from .physics.body_state import Array, PhysicsParams
from .physics.robot_model import RobotModel
from .section import NotNegative, Positive, Section

Scale = tuple[Positive, Positive]
Range = tuple[NotNegative, NotNegative]


class DomainRandomization(Section):
    """[low, high] of a uniform law, or the half-width of one about zero. Units stand in the names or here."""

    friction: Scale = (1.0, 1.0)  # sliding friction of soles and floor, one draw for an episode
    mass_scale: Scale = (1.0, 1.0)  # on the whole robot's mass and inertia, one draw
    link_mass_scale: Scale = (1.0, 1.0)  # on each link's mass and inertia, a draw for each
    push_force: Range = (0.0, 0.0)  # N on the base, horizontal, direction uniform in [0, 2 pi), a draw for each push
    motor_strength: Scale = (1.0, 1.0)  # on each servo's gain, damping and torque limit, a draw for each
    joint_damping: Scale = (1.0, 1.0)  # on each joint's viscous damping, a draw for each
    control_latency: Range = (0.0, 0.0)  # s from tick to servo, in whole physics steps, one draw
    push_duration_s: Positive = 0.2
    push_every_s: tuple[Positive, Positive] = (2.0, 4.0)  # pause before each push
    push_sideways_share: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the pushes, within 30 deg of left or right
    joint_friction: Scale = (1.0, 1.0)  # on each joint's dry friction, a draw for each
    move_time_s: Range = (0.0, 0.0)  # the servos' ramp from one set-point to the next, one draw
    backlash_rad: Range = (0.0, 0.0)  # half of each gear's play, a draw for each
    joint_offset_rad: NotNegative = 0.0  # error of each joint's zero, half-width
    feedback_period_s: Range = (0.0, 0.0)  # between two readings of one joint, one draw; each joint at its own phase
    feedback_delay_s: Range = (0.0, 0.0)  # from a reading to the policy, one draw
    position_unit_rad: NotNegative = 0.0  # step of the servos' position reading; no law, a fact
    imu_delay_s: tuple[NotNegative, Annotated[float, Field(ge=0, le=0.02)]] = (0.0, 0.0)  # one draw
    gyro_bias_rad_s: NotNegative = 0.0  # each axis, half-width
    imu_tilt_rad: NotNegative = 0.0  # error of the IMU's mounting: rotation vector, half-width of each axis
    floor_tilt_rad: NotNegative = 0.0  # slope of the floor in [0, this], direction uniform

    @property
    def ordered(self) -> dict[str, tuple[float, float]]:
        """All keys that are [low, high]."""
        return {name: value for name, value in self if isinstance(value, tuple)}


class Quirks(NamedTuple):
    """How one robot's servos and sensors differ from ideal ones, for an episode.

    latency, ramp () physics steps; backlash, joint_offset (J,) rad; feedback_period, feedback_delay () s;
    feedback_phase (J,) share of the period; imu_delay () s; gyro_bias (3,) rad/s; imu_mount (4,) wxyz.
    """

    latency: Array
    ramp: Array
    backlash: Array
    joint_offset: Array
    feedback_period: Array
    feedback_delay: Array
    feedback_phase: Array
    imu_delay: Array
    gyro_bias: Array
    imu_mount: Array


def draw_physics(config: DomainRandomization, robot: RobotModel, key: Array) -> PhysicsParams:
    """One robot's body and floor, fields without the leading N."""
    k = jax.random.split(key, 7)
    joints, bodies = len(robot.qpos), robot.model.nbody
    total = _uniform(k[0], config.mass_scale)
    tilt_axis = jax.random.uniform(k[1], maxval=2 * math.pi)
    slope = jax.random.uniform(jax.random.fold_in(k[1], 1)) * config.floor_tilt_rad
    return PhysicsParams(
        friction=_uniform(k[2], config.friction),
        mass_scale=total * _uniform(k[3], config.link_mass_scale, bodies),
        motor_strength=_uniform(k[4], config.motor_strength, joints),
        joint_damping=_uniform(k[5], config.joint_damping, joints),
        joint_friction=_uniform(k[6], config.joint_friction, joints),
        floor_quat=_turn(slope * jnp.stack([jnp.cos(tilt_axis), jnp.sin(tilt_axis), jnp.zeros(())])),
    )


def draw_quirks(config: DomainRandomization, joints: int, sim_dt: float, key: Array) -> Quirks:
    """One robot's servos and sensors."""
    k = jax.random.split(key, 10)
    low, high = (s / sim_dt for s in config.control_latency)
    return Quirks(
        latency=jnp.round(jax.random.uniform(k[0], minval=low, maxval=high)).astype(jnp.int32),
        ramp=jnp.maximum(jnp.round(_uniform(k[1], config.move_time_s) / sim_dt), 1.0),
        backlash=_uniform(k[2], config.backlash_rad, joints),
        joint_offset=_about_zero(k[3], config.joint_offset_rad, joints),
        feedback_period=_uniform(k[4], config.feedback_period_s),
        feedback_delay=_uniform(k[5], config.feedback_delay_s),
        feedback_phase=jax.random.uniform(k[6], (joints,)),
        imu_delay=_uniform(k[7], config.imu_delay_s),
        gyro_bias=_about_zero(k[8], config.gyro_bias_rad_s, 3),
        imu_mount=_turn(_about_zero(k[9], config.imu_tilt_rad, 3)),
    )


def _uniform(key: Array, limits: tuple[float, float], count: int | None = None) -> Array:
    return jax.random.uniform(key, () if count is None else (count,), minval=limits[0], maxval=limits[1])


def _about_zero(key: Array, half_width: float, count: int) -> Array:
    return jax.random.uniform(key, (count,), minval=-1.0, maxval=1.0) * np.float32(half_width)


def _turn(vector: Array) -> Array:
    """The quaternion (4,) wxyz of a rotation vector (3,) rad; small angles are safe."""
    angle = jnp.sqrt(jnp.sum(vector**2) + 1e-12)
    return jnp.concatenate([jnp.cos(angle / 2)[None], jnp.sin(angle / 2) / angle * vector])
