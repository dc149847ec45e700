"""Poses on the floor: joint angles by name, and the height at which the soles touch, from the compiled model."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from contract import FOOT_SWITCHES

from .export import Array, Export, RuleError
from .facts import Facts
from .mjcf_text import Pose

_DECIMALS = 4  # of heights: 0.1 mm
_FLAT_M = 0.001


def find_poses(model: Any, export: Export, facts: Facts) -> list[Pose]:
    """home, crouch and the robot's other poses, each with all four pads on the floor.

    Raises:
        RuleError: an unknown joint, an angle out of range, or a pad that hangs in the air.
    """
    poses = []
    for name, angles in facts.poses.items():
        values = _angles(name, angles, facts)
        for (_, joint), value in zip(export.joints(), values, strict=True):
            low, high = joint.limits or (-np.inf, np.inf)
            if not low <= value <= high:
                raise RuleError(
                    f"pose {name}: {joint.name} is {value:g} rad, the rule is its range {low:g} to "
                    f"{high:g}; move the pose into it"
                )
        pads = _pads(model, values)
        height = -min(pads.values())
        for pad, lowest in pads.items():
            if lowest + height > _FLAT_M:
                raise RuleError(
                    f"pose {name}: {pad} is {1e3 * (lowest + height):.1f} mm above the floor, the rule is "
                    "that all pads stand on it; correct the angles"
                )
        poses.append(Pose(name, round(height, _DECIMALS), tuple(values)))
    return poses


def compile_model(text: str, name: str) -> Any:
    """The mujoco.MjModel of an MJCF. Raises RuleError with MuJoCo's words."""
    try:
        return mujoco.MjModel.from_xml_string(text)
    except ValueError as error:
        raise RuleError(f"{name}: MuJoCo cannot load it: {' '.join(str(error).split())}") from None


def _angles(pose: str, angles: dict[str, float], facts: Facts) -> list[float]:
    """(J,) rad: a name without its side stands for both; what is not named is 0."""
    left = facts.sides[0]
    known = {*facts.joints, *(name.removeprefix(left) for name in facts.joints if name.startswith(left))}
    for name in angles:
        if name not in known:
            raise RuleError(f"pose {pose}: names {name}, the rule is a joint, or one without its side; correct it")
    values = []
    for name in facts.joints:
        side = facts.side_of(name)
        plain = name if side is None else name.removeprefix(facts.sides[side])
        values.append(float(angles.get(name, angles.get(plain, 0.0) * _sign(name, facts))))
    return values


def _sign(name: str, facts: Facts) -> int:
    """-1 for a right joint that turns against its left twin when both sides do the same."""
    from .audit import symmetry_sign

    if facts.side_of(name) != 1:
        return 1
    return symmetry_sign(np.array(facts.joints[facts.mirror_of(name)].axis), np.array(facts.joints[name].axis))


def _pads(model: Any, angles: list[float]) -> dict[str, float]:
    """How high the lowest point of each foot switch's pad is, m, with the base's origin at 0."""
    data = mujoco.MjData(model)
    data.qpos[:7] = [0, 0, 0, 1, 0, 0, 0]
    data.qpos[7:] = angles
    mujoco.mj_kinematics(model, data)
    return {name: _lowest(model, data, model.geom(name).id) for name in FOOT_SWITCHES}


def _lowest(model: Any, data: Any, geom: int) -> float:
    """Height of a primitive's lowest point, m."""
    kind, size = model.geom_type[geom], model.geom_size[geom]
    down = data.geom_xmat[geom].reshape(3, 3)[2]  # the geom's axes, as the world's z sees them
    return float(data.geom_xpos[geom][2]) - _reach(int(kind), size, down)


def _reach(kind: int, size: Array, down: Array) -> float:
    shapes = mujoco.mjtGeom
    if kind == shapes.mjGEOM_BOX:
        return float(np.abs(down) @ size)
    if kind == shapes.mjGEOM_ELLIPSOID:
        return float(np.linalg.norm(down * size))
    if kind == shapes.mjGEOM_CAPSULE:
        return float(abs(down[2]) * size[1] + size[0])
    if kind == shapes.mjGEOM_CYLINDER:
        return float(abs(down[2]) * size[1] + np.hypot(down[0], down[1]) * size[0])
    return float(size[0])
