"""The reference motion at the robot's side: a see-through robot in the pose that the gait clock asks for."""

from __future__ import annotations

import copy

import jax
import mujoco
import numpy as np

from ..env import Env
from ..episode import multiply
from ..motion.reference import ReferenceMotion, nearest_clip, sample
from ..physics.robot_model import RobotModel
from ..tally import Moment

COLOUR = np.array([0.10, 0.75, 0.45, 0.5], np.float32)
ASIDE_M = 0.42  # to the robot's left


@jax.jit
def _asked(motion: ReferenceMotion, command: np.ndarray, phase_rad: np.ndarray) -> ReferenceMotion:
    return sample(motion, nearest_clip(motion, command), phase_rad)


def ghost_pose(env: Env, moment: Moment, i: int) -> np.ndarray | None:
    """qpos (nq,) of the reference nearest to robot i's command at its phase, None for a task without a reference.

    It stands ASIDE_M to the left of the robot and faces where it faces; height, lean and joints are the reference's.
    """
    if env.motion is None:
        return None
    states, body, robot = moment.states, moment.body, env.robot
    pose = _asked(env.motion, np.asarray(states.command)[i], np.asarray(states.policy.phase_rad)[i])
    w, x, y, z = np.asarray(body.base_quat[i], float)
    heading = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    turn = np.array([np.cos(heading / 2), 0, 0, np.sin(heading / 2)])
    qpos, p = robot.home_qpos, robot.base_qpos
    left = np.array([-np.sin(heading), np.cos(heading)])
    qpos[p : p + 2], qpos[p + 2] = body.base_pos[i][:2] + ASIDE_M * left, pose.base_pos[2]
    qpos[p + 3 : p + 7] = multiply(turn, np.asarray(pose.base_quat, float))
    qpos[robot.qpos] = pose.joint_pos
    return qpos


class Ghost:
    """A see-through copy of the robot that can be added to a MuJoCo scene."""

    def __init__(self, robot: RobotModel) -> None:
        self.model = copy.copy(robot.model)
        self.model.geom_matid[:] = -1
        self.model.geom_rgba[:] = COLOUR
        self.data = mujoco.MjData(self.model)
        self._options, self._perturbation = mujoco.MjvOption(), mujoco.MjvPerturb()

    def place(self, qpos: np.ndarray) -> None:
        """Take a pose (nq,)."""
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)

    def draw(self, scene: mujoco.MjvScene, qpos: np.ndarray | None) -> None:
        """Add it in this pose to a scene; nothing without a pose."""
        if qpos is None:
            return
        self.place(qpos)
        moving = int(mujoco.mjtCatBit.mjCAT_DYNAMIC)
        mujoco.mjv_addGeoms(self.model, self.data, self._options, self._perturbation, moving, scene)
