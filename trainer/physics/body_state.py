"""What physics gives to the env after each control step, what it may vary from robot to robot, and its one face."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

Array = Any


class BodyState(NamedTuple):
    """State of B robots, float32, joints in policy order.

    base_pos (B, 3) m world; base_quat (B, 4) wxyz; base_linvel (B, 3) m/s world; base_angvel (B, 3) rad/s body;
    joint_pos, joint_vel (B, J) rad, rad/s; joint_torque (B, J) Nm at the joint; imu_quat (B, 4) wxyz of the IMU's
    body; imu_gyro (B, 3) rad/s, IMU frame; foot_force (B, 4) N in the order of contract.FOOT_SWITCHES;
    foot_pos (B, 2, 3) m world, middle of the left and the right sole.
    """

    base_pos: Array
    base_quat: Array
    base_linvel: Array
    base_angvel: Array
    joint_pos: Array
    joint_vel: Array
    joint_torque: Array
    imu_quat: Array
    imu_gyro: Array
    foot_force: Array
    foot_pos: Array


class PhysicsParams(NamedTuple):
    """How N robots and their floors differ from the MJCF; ones and a level floor change nothing.

    friction (N,) sliding friction of the floor and the soles, absolute; mass_scale (N, nbody) on mass and inertia;
    motor_strength (N, J) on the servo's gain and torque limit; joint_damping, joint_friction (N, J) on damping and
    frictionloss; floor_quat (N, 4) wxyz, attitude of the floor's plane.
    """

    friction: Array
    mass_scale: Array
    motor_strength: Array
    joint_damping: Array
    joint_friction: Array
    floor_quat: Array


class Physics(Protocol):
    """The one face of all physics backends: B robots, control steps of `decimation` physics steps.

    Forces and touch are those of the last physics step, all else is current.
    """

    num_envs: int

    def step(self, targets: Array, push_force: Array) -> BodyState:
        """One control step.

        Args:
            targets: (B, decimation, J) rad, the servos' set-points for each physics step.
            push_force: (B, 3) N, world frame, on the base body's centre of mass.
        """
        ...

    def reset(self, ids: np.ndarray, qpos: Array, qvel: Array, params: PhysicsParams | None = None) -> BodyState:
        """Put robots `ids` (N,) into states qpos (N, nq), qvel (N, nv), holding their pose; returns all B.

        params: how these N robots differ from now on; None leaves them as they are.
        """
        ...
