"""The model behind a twin: a bundle's MJCF with a floor where it has none, and a stand that can hold the robot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract import FOOT_SWITCHES, ContractError, PolicySpec, RobotConfig
from contract.bundle import same_names

from .hardware import HardwareError
from .physics import Physics, alter

STAND = "robotd_stand"
NO_GL = "disable"  # MUJOCO_GL's word for it


class Parts(NamedTuple):
    """Where things are in a mujoco.MjModel. joint_qpos, joint_qvel (J,) in policy order; base_qpos: the first of the
    free joint's seven; imu: its site; touch (F,) the switches' places in sensordata, empty where nobody asks for them.
    """

    joint_qpos: NDArray[np.intp]
    joint_qvel: NDArray[np.intp]
    base_qpos: int
    base_body: int
    imu: int
    touch: NDArray[np.intp]


def import_mujoco() -> Any:
    """The module, for a process that draws nothing itself: a MUJOCO_GL that does not work here would end it.

    Raises HardwareError: it is not installed.
    """
    wish = os.environ.pop("MUJOCO_GL", None)
    os.environ["MUJOCO_GL"] = NO_GL
    try:
        import mujoco
    except ImportError:
        raise HardwareError(
            "the physics twin needs MuJoCo, which is not installed; pip install 'wildrobot[sim]'"
        ) from None
    finally:
        del os.environ["MUJOCO_GL"]
        if wish is not None:
            os.environ["MUJOCO_GL"] = wish
    return mujoco


def compile_model(mujoco: Any, path: Path, physics: Physics) -> Any:
    """The model of the MJCF at `path`, with a floor, a stand welded to its base, and `physics`.

    Every actuator is in a group of its own, so that each can go limp alone. Raises HardwareError.
    """
    try:
        spec = mujoco.MjSpec.from_file(str(path))
        plane = mujoco.mjtGeom.mjGEOM_PLANE
        if not any(geom.type == plane for geom in spec.worldbody.geoms):
            spec.worldbody.add_geom(name="robotd_floor", type=plane, size=[0, 0, 0.05], contype=1, conaffinity=1)
        alter(mujoco, spec, physics)
        base = next((joint.parent for joint in spec.joints if joint.type == mujoco.mjtJoint.mjJNT_FREE), None)
        if base is None:
            raise HardwareError(f"{path}: no free joint, expected one at the base of a robot that can fall")
        base.name = base.name or "robotd_base"
        spec.worldbody.add_body(name=STAND, mocap=True)
        spec.add_equality(
            name=STAND,
            type=mujoco.mjtEq.mjEQ_WELD,
            objtype=mujoco.mjtObj.mjOBJ_BODY,
            name1=STAND,
            name2=base.name,
            data=[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1],  # as by default, but base and stand coincide
            solref=[2 * physics.sim_dt_s, 1],
        )
        for number, actuator in enumerate(spec.actuators):
            actuator.group = number
        return spec.compile()
    except ValueError as problem:
        detail = " ".join(str(problem).split())
        raise HardwareError(
            f"{path}: MuJoCo cannot load it ({detail}), expected an MJCF; export the bundle again"
        ) from None


def find_parts(mujoco: Any, model: Any, path: Path, spec: PolicySpec, robot_config: RobotConfig | None) -> Parts:
    """Find joints, base, IMU and foot switches by name. Raises HardwareError: the MJCF at `path` is not the spec's."""
    joints = model.actuator_trnid[:, 0]
    try:
        same_names(tuple(model.joint(int(joint)).name for joint in joints), str(path), spec.robot.actuator_names)
    except ContractError as problem:
        raise HardwareError(str(problem)) from None

    def find(kind: Any, name: str, word: str) -> int:
        index = int(mujoco.mj_name2id(model, kind, name))
        if index < 0:
            raise HardwareError(f"{path}: no {word} named {name!r}, expected one; add it to the MJCF")
        return index

    free = next(joint for joint in range(model.njnt) if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE)
    site = "imu" if robot_config is None else robot_config.imu.site
    imu = find(mujoco.mjtObj.mjOBJ_SITE, site, "site of the IMU")
    wanted = FOOT_SWITCHES if "foot_switches" in spec.observation.names or robot_config is not None else ()
    sensors = [find(mujoco.mjtObj.mjOBJ_SENSOR, name, "touch sensor") for name in wanted]
    return Parts(
        joint_qpos=model.jnt_qposadr[joints],
        joint_qvel=model.jnt_dofadr[joints],
        base_qpos=int(model.jnt_qposadr[free]),
        base_body=int(model.jnt_bodyid[free]),
        imu=imu,
        touch=model.sensor_adr[np.array(sensors, np.intp)],
    )
