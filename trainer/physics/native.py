"""MuJoCo's own C physics for a whole batch on all cores (mujoco.batch)."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch

from .body_state import BodyState
from .robot_model import RobotModel

VELOCITY_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)


class NativePhysics:
    """B robots. Forces and touch are those of the last substep, all else is current."""

    def __init__(self, robot: RobotModel, num_envs: int, decimation: int, num_threads: int = 0) -> None:
        """`decimation` physics steps make one control step; 0 threads means one for each core."""
        self.robot = robot
        self.num_envs = num_envs
        self.decimation = decimation
        self._batch = Batch(robot.model, num_envs, num_threads, persistent=True)
        names = ("qpos", "qvel", "ctrl", "xfrc_applied", "sensordata", "qfrc_actuator")
        self._qpos, self._qvel, self._ctrl, self._xfrc, self._sensors, self._torque = map(self._batch.bind, names)

    def step(self, targets: np.ndarray, push_force: np.ndarray) -> BodyState:
        """One control step.

        Args:
            targets: (B, decimation, J) rad, a joint target for each physics step: latency is in here.
            push_force: (B, 3) N, world frame, on the base body.
        """
        self._xfrc[:, self.robot.base_body, :3] = push_force
        for substep in range(self.decimation):
            self._ctrl[:, self.robot.actuator] = targets[:, substep]
            last = substep == self.decimation - 1
            self._batch.step(nstep=1, stage=VELOCITY_STAGE if last else 0)
        return self._read()

    def reset(self, ids: np.ndarray, qpos: np.ndarray, qvel: np.ndarray) -> BodyState:
        """Put robots `ids` (N,) into states qpos (N, nq), qvel (N, nv), holding their pose; returns all B."""
        if len(ids):
            ids = np.asarray(ids, np.int32)
            self._batch.reset(ids, stage=0)
            self._qpos[ids], self._qvel[ids] = qpos, qvel
            self._ctrl[ids] = qpos[:, self.robot.qpos]
            self._xfrc[ids] = 0.0
            self._batch.forward(ids)
        return self._read()

    def _read(self) -> BodyState:
        r = self.robot
        p, v = r.base_qpos, r.base_qvel
        fields = (
            self._qpos[:, p : p + 3],
            self._qpos[:, p + 3 : p + 7],
            self._qvel[:, v : v + 3],
            self._qvel[:, v + 3 : v + 6],
            self._qpos[:, r.qpos],
            self._qvel[:, r.qvel],
            self._torque[:, r.qvel],
            self._sensors[:, r.imu_quat],
            self._sensors[:, r.imu_gyro],
            self._sensors[:, r.foot_force],
        )
        return BodyState(*(np.asarray(field, np.float32) for field in fields))
