"""What a policy does, for the eye: a few robots under pushes, all joints' torques and speeds, one robot's feet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..evaluate import Policy, checkpoint_policy, evaluation_env, roll
from ..gate import default_command
from ..physics.robot_model import RobotModel
from ..view.frames import Frame, frame
from .runs import Run

ROBOTS, STEPS, PUSH_N = 16, 500, 10.0


class Trial(NamedTuple):
    """One run's policy, watched.

    frames: of the robot that is shown, every control step; torque_nm, speed_rad_s (N, J) absolute values of all
    robots until they fall, joints in policy order; survived of robots never fell; command vx, vy m/s, yaw rate rad/s.
    """

    run: Run
    robot: RobotModel
    frames: list[Frame]
    torque_nm: np.ndarray
    speed_rad_s: np.ndarray
    survived: int
    robots: int
    command: tuple[float, float, float]


def watch(
    run: Run, robots: int = ROBOTS, steps: int = STEPS, seed: int = 0, on_step: Callable[[], None] = lambda: None
) -> Trial:
    """Let a run's last checkpoint walk as `trainer eval` would, pushed by 10 N, and keep what it did.

    The robot that is shown is the first that did not fall, or the one that came farthest.

    Raises:
        ConfigError: the checkpoint cannot be loaded.
    """
    assert run.checkpoint is not None
    policy = checkpoint_policy(run.config, run.checkpoint)[0]
    return watch_policy(run, policy, robots, steps, seed, on_step)


def watch_policy(
    run: Run, policy: Policy, robots: int, steps: int, seed: int, on_step: Callable[[], None] = lambda: None
) -> Trial:
    """As `watch`, with a policy of the caller's."""
    command = default_command(run.config.task)
    env = evaluation_env(run.config, robots, steps, PUSH_N, command)
    up, lengths = np.ones(robots, bool), np.zeros(robots, int)
    frames: list[list[Frame]] = [[] for _ in range(robots)]
    torques, speeds = [], []
    for number, moment in enumerate(roll(env, policy, seed), 1):
        up &= ~np.asarray(moment.outcome.terminated)
        lengths += up
        torques.append(np.abs(np.asarray(moment.body.joint_torque))[up])
        speeds.append(np.abs(np.asarray(moment.body.joint_vel))[up])
        for i in range(robots):
            frames[i].append(frame(env, moment, i, number, not up[i]))
        on_step()
        if not up.any():
            break
    shown = int(lengths.argmax())
    return Trial(
        run, env.robot, frames[shown], np.concatenate(torques), np.concatenate(speeds), int(up.sum()), robots, command
    )
