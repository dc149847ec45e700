"""What the robot senses, what it is asked to do, and what a policy remembers. NamedTuples: pytrees without jax."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .frames import Array
from .spec import PolicySpec

FOOT_SWITCHES = ("left_toe", "left_heel", "right_toe", "right_heel")


class Signals(NamedTuple):
    """One reading of all sensors; J joints in policy order.

    quat_wxyz (4,) world<-body of the IMU's body; gyro_rad_s (3,) body frame; joint_pos_rad, joint_vel_rad_s (J,);
    foot_switches (4,) 0 or 1 in the order of FOOT_SWITCHES; stamp_s () monotonic time of the reading;
    joint_age_s (J,) and imu_age_s () how old the feedback was at stamp_s.
    """

    quat_wxyz: Array
    gyro_rad_s: Array
    joint_pos_rad: Array
    joint_vel_rad_s: Array
    foot_switches: Array
    stamp_s: Array
    joint_age_s: Array
    imu_age_s: Array


class Command(NamedTuple):
    """velocity (3,): vx m/s forward, vy m/s left, yaw rate rad/s."""

    velocity: Array


class PolicyState(NamedTuple):
    """What one control step leaves to the next.

    filtered_action (J,) the low-pass; delayed_actions (N, J) filtered but not yet applied, oldest first;
    applied_action (J,) the action last applied; phase_rad () the gait clock, [0, 2 pi).
    """

    filtered_action: Array
    delayed_actions: Array
    applied_action: Array
    phase_rad: Array


def initial_state(spec: PolicySpec, phase_rad: float = 0.0) -> PolicyState:
    """The state before the first step, in numpy (jax takes it as it is): zeros, and the gait clock at `phase_rad`."""
    zeros = np.zeros(spec.num_joints, np.float32)
    delayed = np.zeros((spec.runtime.action_delay_steps, spec.num_joints), np.float32)
    return PolicyState(zeros, delayed, zeros.copy(), np.asarray(phase_rad % (2 * math.pi), np.float32))
