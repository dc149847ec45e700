"""The model behind a twin: a bundle's MJCF with a floor where it has none, and a stand that can hold the robot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .hardware import HardwareError

STAND = "robotd_stand"


def compile_model(mujoco: Any, path: Path, sim_dt_s: float) -> Any:
    """The model of the MJCF at `path`, with a floor, a stand welded to its base, and our own physics step.

    Every actuator is in a group of its own, so that each can go limp alone. Raises HardwareError.
    """
    try:
        spec = mujoco.MjSpec.from_file(str(path))
        plane = mujoco.mjtGeom.mjGEOM_PLANE
        if not any(geom.type == plane for geom in spec.worldbody.geoms):
            spec.worldbody.add_geom(name="robotd_floor", type=plane, size=[0, 0, 0.05], contype=1, conaffinity=1)
        spec.option.timestep = sim_dt_s
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
            solref=[2 * sim_dt_s, 1],
        )
        for number, actuator in enumerate(spec.actuators):
            actuator.group = number
        return spec.compile()
    except ValueError as problem:
        detail = " ".join(str(problem).split())
        raise HardwareError(
            f"{path}: MuJoCo cannot load it ({detail}), expected an MJCF; export the bundle again"
        ) from None
