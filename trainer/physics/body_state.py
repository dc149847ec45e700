"""What physics gives to the env after each control step."""

from __future__ import annotations

from typing import Any, NamedTuple

Array = Any


class BodyState(NamedTuple):
    """State of B robots, float32, joints in policy order.

    base_pos (B, 3) m world; base_quat (B, 4) wxyz; base_linvel (B, 3) m/s world; base_angvel (B, 3) rad/s body;
    joint_pos, joint_vel (B, J) rad, rad/s; joint_torque (B, J) Nm at the joint; imu_quat (B, 4) wxyz of the IMU's
    body; imu_gyro (B, 3) rad/s, IMU frame; foot_force (B, 4) N in the order of contract.FOOT_SWITCHES.
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
