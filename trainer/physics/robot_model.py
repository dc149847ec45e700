"""The MJCF and where each joint, actuator and sensor lies in MuJoCo's arrays, by name, in policy order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from contract import FOOT_SWITCHES, BundleError, RobotConfig
from contract.bundle import same_names


@dataclass(frozen=True)
class RobotModel:
    """A compiled model with the addresses of the robot's parts; (J,) index arrays are in policy order.

    foot_sites (2, 2): toe and heel of the left foot, then of the right; floor: the plane's geom.
    """

    model: mujoco.MjModel
    config: RobotConfig
    qpos: np.ndarray
    qvel: np.ndarray
    actuator: np.ndarray
    base_qpos: int
    base_qvel: int
    base_body: int
    imu_quat: slice
    imu_gyro: slice
    foot_force: np.ndarray
    foot_sites: np.ndarray
    floor: int

    @property
    def home_qpos(self) -> np.ndarray:
        """(nq,) qpos standing at home: base at its standing height, level, joints at home."""
        qpos: np.ndarray = self.model.qpos0.copy()
        qpos[self.base_qpos : self.base_qpos + 3] = 0.0, 0.0, self.config.base.standing_height_m
        qpos[self.base_qpos + 3 : self.base_qpos + 7] = 1.0, 0.0, 0.0, 0.0
        qpos[self.qpos] = self.config.home
        return qpos


def load_robot_model(path: Path, config: RobotConfig, sim_dt: float) -> RobotModel:
    """Compile an MJCF that has a floor, at physics period `sim_dt` s.

    Raises:
        BundleError: the MJCF's actuators are not the config's joints, in the same order, or a sensor is missing.
    """
    model = mujoco.MjModel.from_xml_path(str(path))
    model.opt.timestep = sim_dt
    return index_robot(model, config, path)


def index_robot(model: mujoco.MjModel, config: RobotConfig, path: Path) -> RobotModel:
    """Find a robot's parts in a compiled model; `path` is the MJCF that it is of, for messages. Raises BundleError."""
    joints = tuple(model.joint(int(j)).name for j in model.actuator_trnid[:, 0])
    same_names(joints, str(path), config.actuator_names)
    base = model.body(config.base.body)
    base_joint = model.joint(int(base.jntadr[0]))
    return RobotModel(
        model=model,
        config=config,
        qpos=np.array([model.joint(n).qposadr[0] for n in joints]),
        qvel=np.array([model.joint(n).dofadr[0] for n in joints]),
        actuator=np.arange(model.nu),
        base_qpos=int(base_joint.qposadr[0]),
        base_qvel=int(base_joint.dofadr[0]),
        base_body=int(base.id),
        imu_quat=_sensor(model, "imu_quat", path),
        imu_gyro=_sensor(model, "imu_gyro", path),
        foot_force=np.array([_sensor(model, name, path).start for name in FOOT_SWITCHES]),
        foot_sites=np.array([model.site(name).id for name in FOOT_SWITCHES]).reshape(2, 2),
        floor=_floor(model, path),
    )


def _floor(model: mujoco.MjModel, path: Path) -> int:
    planes = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)
    if len(planes) != 1:
        raise BundleError(f"{path}: found {len(planes)} planes, expected one floor to stand on; mend the scene")
    return int(planes[0])


def _sensor(model: mujoco.MjModel, name: str, path: Path) -> slice:
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SENSOR, name)
    if index < 0:
        raise BundleError(
            f"{path}: sensor {name!r} is missing, expected it for the policy's signals; add it to the MJCF"
        )
    start = int(model.sensor_adr[index])
    return slice(start, start + int(model.sensor_dim[index]))
