"""MuJoCo's own C physics for a whole batch on all cores (mujoco.batch)."""

from __future__ import annotations

import os
from collections.abc import Mapping

import mujoco
import numpy as np
from mujoco.batch import Batch

from .body_state import BodyState, PhysicsParams
from .robot_model import RobotModel

VELOCITY_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)
STATE_FIELDS = ("qpos", "qvel", "ctrl", "xfrc_applied", "sensordata", "qfrc_actuator", "site_xpos")
SAVED_FIELDS = ("time", "qpos", "qvel", "ctrl", "xfrc_applied", "qacc_warmstart")
MODEL_FIELDS = (
    "geom_friction", "body_mass", "body_inertia", "actuator_gainprm", "actuator_biasprm", "actuator_forcerange",
    "dof_damping", "dof_frictionloss", "geom_quat",
)  # fmt: skip


def usable_cpus() -> int:
    """CPUs that this process may use: fewer than the machine has where it is pinned."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class NativePhysics:
    """B robots, each with its own model fields: trainer.physics.body_state.Physics."""

    def __init__(self, robot: RobotModel, num_envs: int, decimation: int, num_threads: int = 0) -> None:
        """`decimation` physics steps make one control step; 0 threads means one for each CPU this process may use."""
        self.robot = robot
        self.num_envs = num_envs
        self.decimation = decimation
        self._batch = Batch(robot.model, num_envs, num_threads or usable_cpus(), persistent=True)
        fields = map(self._batch.bind, STATE_FIELDS)
        self._qpos, self._qvel, self._ctrl, self._xfrc, self._sensors, self._torque, self._sites = fields
        self._time = self._batch.bind("time")
        self._fields: dict[str, np.ndarray] = {}

    def step(self, targets: np.ndarray, push_force: np.ndarray) -> BodyState:
        """One control step; see the protocol."""
        targets = np.asarray(targets)
        self._xfrc[:, self.robot.base_body, :3] = push_force
        due = self._time + self.decimation * self.robot.model.opt.timestep
        for substep in range(self.decimation):
            self._ctrl[:, self.robot.actuator] = targets[:, substep]
            last = substep == self.decimation - 1
            self._batch.step(nstep=1, stage=VELOCITY_STAGE if last else 0)
        body = self._read()
        # MuJoCo puts a robot whose state is not finite back to its first pose, and its clock to 0: nobody may learn so
        body.base_pos[np.abs(self._time - due) > 0.5 * self.robot.model.opt.timestep] = np.nan
        return body

    def reset(
        self, ids: np.ndarray, qpos: np.ndarray, qvel: np.ndarray, params: PhysicsParams | None = None
    ) -> BodyState:
        """Put robots into states; see the protocol."""
        if len(ids):
            ids = np.asarray(ids, np.int32)
            if params is not None:
                self._vary(ids, params)
            self._batch.reset(ids, stage=0)
            self._qpos[ids], self._qvel[ids] = qpos, qvel
            self._ctrl[ids] = np.asarray(qpos)[:, self.robot.qpos]
            self._xfrc[ids] = 0.0
            self._batch.forward(ids)
        return self._read()

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that the next steps depend on, as copies of (B, ...) arrays by name."""
        saved = {name: self._batch.bind(name).copy() for name in SAVED_FIELDS}
        return saved | {f"model/{name}": values.copy() for name, values in self._fields.items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on bit by bit as the physics did that gave this snapshot."""
        fields = {name.removeprefix("model/"): values for name, values in arrays.items() if name.startswith("model/")}
        self._fields = {name: self._batch.expand(name) for name in fields}
        for name, values in fields.items():
            self._fields[name][:] = values
        if fields:
            self._batch.set_const()
        self._batch.reset(stage=0)
        for name in SAVED_FIELDS:
            self._batch.bind(name)[:] = arrays[name]
        self._batch.forward(stage=VELOCITY_STAGE)

    def _vary(self, ids: np.ndarray, params: PhysicsParams) -> None:
        """Give robots `ids` model fields of their own: the MJCF's values, scaled."""
        robot, model = self.robot, self.robot.model
        p = PhysicsParams(*(np.asarray(field, np.float64) for field in params))
        if not self._fields:
            self._fields = {name: self._batch.expand(name) for name in MODEL_FIELDS}
        f = self._fields
        f["geom_friction"][ids, :, 0] = p.friction[:, None]
        f["body_mass"][ids] = model.body_mass * p.mass_scale
        f["body_inertia"][ids] = model.body_inertia * p.mass_scale[..., None]
        strength = p.motor_strength[..., None]
        for name in ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange"):
            f[name][ids[:, None], robot.actuator] = getattr(model, name)[robot.actuator] * strength
        f["dof_damping"][ids[:, None], robot.qvel] = model.dof_damping[robot.qvel] * p.joint_damping
        f["dof_frictionloss"][ids[:, None], robot.qvel] = model.dof_frictionloss[robot.qvel] * p.joint_friction
        f["geom_quat"][ids, robot.floor] = p.floor_quat
        self._batch.set_const(ids)

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
            self._sites[:, r.foot_sites].mean(2),
        )
        return BodyState(*(np.asarray(field, np.float32) for field in fields))
