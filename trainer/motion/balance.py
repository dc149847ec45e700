"""The pelvis's sway for given feet, such that the soles can carry the motion: the zero moment point as planned.

The linear inverted pendulum gives the first sway, and the full model's inverse dynamics correct it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import mujoco
import numpy as np

from ..physics.robot_model import RobotModel
from .dynamics import free_model, inverse, make_clip, periodic_rate, zero_moment_point
from .leg import LEG_JOINTS, SIDES, make_leg

Arrays = tuple[np.ndarray, ...]
_CORRECTIONS = 4


def balance(
    robot: RobotModel,
    zmp: np.ndarray,
    height: np.ndarray,
    command: tuple[float, float, float],
    period_s: float,
    solve: Callable[[np.ndarray], np.ndarray | str],
) -> Arrays | str:
    """One cycle of a level pelvis whose sway balances it.

    Args:
        zmp: (M, 2) m, where the zero moment point shall be, in the frame that moves at the mean velocity.
        height: (M,) m of the pelvis.
        solve: the pelvis's way (M, 3) m to the joints (M, J) rad, or why there are none.

    Returns:
        joint_pos, joint_vel, base_pos, base_quat, base_linvel, base_angvel of a clip, (M, ...), or solve's reason.
    """
    mean, highest = float(height.mean()), len(zmp) // 8
    sway = pendulum(zmp, period_s, mean, highest)
    model = free_model(robot)
    level, still = np.tile([1.0, 0.0, 0.0, 0.0], (len(sway), 1)), np.zeros((len(sway), 3))
    arrays: Arrays = ()
    for _ in range(_CORRECTIONS):
        base = np.column_stack([sway, height])
        joints = solve(base)
        if isinstance(joints, str):
            return joints
        velocity = periodic_rate(base, period_s) + np.array([*command[:2], 0.0])
        arrays = (joints, periodic_rate(joints, period_s), base, level, velocity, still)
        reached = zero_moment_point(inverse(robot, model, make_clip(robot, *arrays, period_s=period_s)), height)
        sway = sway + pendulum(zmp - sway - reached, period_s, mean, highest)
    return arrays


def pendulum(zmp: np.ndarray, period_s: float, height: float, highest: int) -> np.ndarray:
    """The periodic way of a pendulum's mass whose ZMP is given: y'' = w^2 (y - zmp), w^2 = g / height, harmonic by
    harmonic; those above `highest` are left out."""
    count = len(zmp)
    order = np.fft.rfftfreq(count, 1 / count)
    natural = 9.81 / height
    gain = natural / (natural + (2 * math.pi / period_s * order) ** 2)
    gain[order > highest] = 0.0
    way: np.ndarray = np.fft.irfft(np.fft.rfft(zmp, axis=0) * gain[:, None], count, axis=0)
    return way


def load_on_left(double_support: float, phase: np.ndarray) -> np.ndarray:
    """(M,) share of the load on the left foot: 0 while it swings, 1 while the right one does, linear between."""
    half = double_support * math.pi / 2
    from_start = np.mod(phase + math.pi / 2, 2 * math.pi) - math.pi / 2
    onto_right = np.clip((half - from_start) / (2 * half), 0.0, 1.0)
    onto_left = np.clip((from_start - math.pi + half) / (2 * half), 0.0, 1.0)
    return np.where(from_start < math.pi / 2, onto_right, onto_left)


def home_feet(robot: RobotModel) -> tuple[dict[str, np.ndarray], float]:
    """Each foot's origin (3,) m at home, standing on the floor, and how far before it the centre of mass is."""
    data = mujoco.MjData(robot.model)
    data.qpos[:] = robot.home_qpos
    mujoco.mj_kinematics(robot.model, data)
    mujoco.mj_comPos(robot.model, data)
    feet = {}
    for side in SIDES:
        foot = data.xpos[int(robot.model.joint(f"{side}_{LEG_JOINTS[-1]}").bodyid[0])].copy()
        foot[2] = make_leg(robot, side).sole_m
        feet[side] = foot
    return feet, float(data.subtree_com[robot.base_body, 0] - feet["left"][0])
