"""A motion in MuJoCo's own window, at its own pace, until the window is closed."""

from __future__ import annotations

import math
import time

import mujoco
import mujoco.viewer
import numpy as np

from ..physics.robot_model import RobotModel
from ..view.window import check_display
from .reference import ReferenceMotion, sample


def play(robot: RobotModel, motion: ReferenceMotion, clip: int) -> None:
    """Show one clip walking ahead. Raises ConfigError where there is no display."""
    check_display("--headless for a picture")
    data = mujoco.MjData(robot.model)
    with mujoco.viewer.launch_passive(robot.model, data) as viewer:
        start = time.monotonic()
        while viewer.is_running():
            data.qpos[:] = pose_at(robot, motion, clip, time.monotonic() - start)
            mujoco.mj_forward(robot.model, data)
            viewer.sync()
            time.sleep(0.01)


def pose_at(robot: RobotModel, motion: ReferenceMotion, clip: int, time_s: float) -> np.ndarray:
    """(nq,) the robot's pose after time_s s of walking at the clip's velocity."""
    frame = sample(motion, clip, 2 * math.pi * time_s / float(motion.period_s))
    pose = robot.home_qpos
    p = robot.base_qpos
    pose[p : p + 3] = np.asarray(frame.base_pos) + np.append(np.asarray(frame.command)[:2] * time_s, 0.0)
    pose[p + 3 : p + 7] = np.asarray(frame.base_quat)
    pose[robot.qpos] = np.asarray(frame.joint_pos)
    return pose
