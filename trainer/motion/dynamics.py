"""What a clip asks of the ground and of the servos, by MuJoCo's inverse dynamics of the whole robot."""

from __future__ import annotations

import copy
from typing import NamedTuple

import mujoco
import numpy as np

from ..physics.robot_model import RobotModel


class Clip(NamedTuple):
    """One periodic cycle as MuJoCo sees it: qpos (N, nq), qvel (N, nv), qacc (N, nv)."""

    qpos: np.ndarray
    qvel: np.ndarray
    qacc: np.ndarray


class Demand(NamedTuple):
    """What moves a clip if nothing but the servos and one wrench on the base acts.

    joint (N, J) Nm at the joints, before the ground's share is taken off; force (N, 3) N and moment (N, 3) Nm about
    the base's origin, world frame.
    """

    joint: np.ndarray
    force: np.ndarray
    moment: np.ndarray


def periodic_rate(values: np.ndarray, period_s: float) -> np.ndarray:
    """Time derivative along axis 0 of N frames that repeat every period_s, by the Fourier series."""
    count = len(values)
    order = np.fft.rfftfreq(count, 1 / count)
    order[-1] = 0.0 if count % 2 == 0 else order[-1]
    spectrum = np.fft.rfft(values, axis=0) * (2j * np.pi / period_s * order).reshape(-1, *[1] * (values.ndim - 1))
    rate: np.ndarray = np.fft.irfft(spectrum, count, axis=0)
    return rate


def make_clip(
    robot: RobotModel,
    joint_pos: np.ndarray,
    joint_vel: np.ndarray,
    base_pos: np.ndarray,
    base_quat: np.ndarray,
    base_linvel: np.ndarray,
    base_angvel: np.ndarray,
    period_s: float,
) -> Clip:
    """A cycle of a ReferenceMotion, (N, ...) each, as MuJoCo's coordinates with accelerations."""
    count = len(joint_pos)
    qpos = np.tile(robot.model.qpos0, (count, 1))
    qvel, qacc = np.zeros((count, robot.model.nv)), np.zeros((count, robot.model.nv))
    p, v = robot.base_qpos, robot.base_qvel
    qpos[:, p : p + 3], qpos[:, p + 3 : p + 7], qpos[:, robot.qpos] = base_pos, base_quat, joint_pos
    qvel[:, v : v + 3], qvel[:, v + 3 : v + 6], qvel[:, robot.qvel] = base_linvel, base_angvel, joint_vel
    for columns in (slice(v, v + 3), slice(v + 3, v + 6), robot.qvel):
        qacc[:, columns] = periodic_rate(qvel[:, columns], period_s)
    return Clip(qpos, qvel, qacc)


def free_model(robot: RobotModel) -> mujoco.MjModel:
    """The robot's model without contacts, limits and dry friction: its motion alone says which forces act."""
    model = copy.copy(robot.model)
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONSTRAINT)
    return model


def inverse(robot: RobotModel, model: mujoco.MjModel, clip: Clip) -> Demand:
    """Inverse dynamics of each frame on a `free_model`, damping and armature included."""
    data = mujoco.MjData(model)
    v = robot.base_qvel
    joint, force, moment = [], [], []
    for qpos, qvel, qacc in zip(*clip, strict=True):
        data.qpos[:], data.qvel[:], data.qacc[:] = qpos, qvel, qacc
        mujoco.mj_inverse(model, data)
        joint.append(data.qfrc_inverse[robot.qvel].copy())
        force.append(data.qfrc_inverse[v : v + 3].copy())
        moment.append(data.xmat[robot.base_body].reshape(3, 3) @ data.qfrc_inverse[v + 3 : v + 6])
    return Demand(np.array(joint), np.array(force), np.array(moment))


def zero_moment_point(demand: Demand, base_height: np.ndarray) -> np.ndarray:
    """(N, 2) m from the base's origin to the point of the floor where the ground's force passes, x and y."""
    fx, fy, fz = demand.force.T
    mx, my, _ = demand.moment.T
    return np.stack([(-base_height * fx - my) / fz, (mx - base_height * fy) / fz], axis=1)
