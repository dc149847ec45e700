"""Writes robot_config.yaml from wildrobot.xml: run `python post_process.py` in this folder after editing the MJCF.

What the MJCF says is read from the compiled model; what it cannot say stands in FACTS below. The same input gives the
same bytes. Exit codes: 0 written or already up to date, 2 the MJCF breaks a rule; the message names element and rule.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import yaml

from contract.errors import ContractError
from contract.mjcf import actuated_joint_names
from contract.robot_config import robot_config_from_dict

HERE = Path(__file__).resolve().parent
MODEL = "wildrobot.xml"
CONFIG = "robot_config.yaml"
HEADER = f"# Generated from {MODEL} by post_process.py: edit the MJCF or the facts in that script, then run it again.\n"
FOOT_SWITCHES = ("left_toe", "left_heel", "right_toe", "right_heel")
IMU_SITE = "imu"

# Facts about the robot that no MJCF holds. `assumed` names the keys that nobody has measured yet.
FACTS: dict[str, Any] = {
    "max_velocity_rad_s": 5.0,  # the servo's no-load speed
    "policy_action_sign": 1,  # the MJCF's signs are the policy's signs
    "assumed": ["max_velocity_rad_s"],
}


class RuleError(Exception):
    """An element of the MJCF breaks a rule of this robot."""


def main() -> int:
    """Generate the config beside the MJCF and print what changed."""
    try:
        text = generate(HERE / MODEL)
    except (RuleError, ContractError) as error:
        print(f"post_process: {error}", file=sys.stderr)
        return 2
    target = HERE / CONFIG
    old = target.read_text(encoding="utf-8") if target.exists() else ""
    data = yaml.safe_load(text)
    print(
        f"{MODEL}: {len(data['joints'])} joints, {data['total_mass_kg']} kg, {len(data['foot_switches'])} foot switches"
    )
    if text == old:
        print(f"{CONFIG}: already up to date")
        return 0
    target.write_text(text, encoding="utf-8")
    print(f"{CONFIG}: written, {len(text.splitlines())} lines")
    if old:
        diff = difflib.unified_diff(old.splitlines(), text.splitlines(), "before", "after", lineterm="", n=0)
        print("\n".join(f"  {line}" for line in diff))
    return 0


def generate(path: Path) -> str:
    """The text of robot_config.yaml for the MJCF at `path`.

    Raises:
        RuleError: the MJCF does not load, or an element breaks a rule.
        ContractError: the facts and the MJCF together are not a valid config.
    """
    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise RuleError(f"{path.name}: MuJoCo cannot load it: {' '.join(str(error).split())}") from None
    names = _joints_in_order(model, path)
    data = {
        "robot_name": "wildrobot",
        "model": path.name,
        "actuator_names": names,
        "joints": {name: _joint(model, name) for name in names},
        "home_pose_rad": _pose(model, "home", names),
        "crouch_pose_rad": _pose(model, "crouch", names),
        "foot_switches": _foot_switches(model),
        "imu": _imu(model),
        "base": {"body": _base(model), "standing_height_m": _number(model.key("home").qpos[2])},
        "total_mass_kg": _number(model.body_mass.sum()),
        "assumed": FACTS["assumed"],
    }
    robot_config_from_dict(data, CONFIG)
    return HEADER + yaml.safe_dump(data, sort_keys=False, width=120)


def _joints_in_order(model: mujoco.MjModel, path: Path) -> list[str]:
    """The hinges in policy order; declared joints, actuators and qpos must agree on it."""
    names = [model.joint(i).name for i in range(model.njnt) if model.jnt_type[i] == mujoco.mjtJoint.mjJNT_HINGE]
    driven = list(actuated_joint_names(path))
    if driven != names:
        raise RuleError(f"actuator: drives {driven}, the rule is joint order {names}")
    actuators = [model.actuator(i).name for i in range(model.nu)]
    if actuators != names:
        raise RuleError(f"actuator: named {actuators}, the rule is each one named as its joint: {names}")
    return names


def _joint(model: mujoco.MjModel, name: str) -> dict[str, Any]:
    joint, actuator = model.joint(name), model.actuator(name)
    if not joint.limited[0]:
        raise RuleError(f"joint {name}: has no range, the rule is a range for every joint")
    if not np.allclose(actuator.ctrlrange, joint.range, rtol=0, atol=1e-9):
        found, expected = actuator.ctrlrange.tolist(), joint.range.tolist()
        raise RuleError(f"actuator {name}: ctrlrange is {found}, the rule is the range of its joint {expected}")
    low, high = actuator.forcerange
    if not actuator.forcelimited[0] or low != -high:
        raise RuleError(f"actuator {name}: forcerange is {[low, high]}, the rule is a symmetric torque limit")
    mirror, sign = _symmetry(model, name)
    return {
        "range_min_rad": _number(joint.range[0]),
        "range_max_rad": _number(joint.range[1]),
        "max_velocity_rad_s": FACTS["max_velocity_rad_s"],
        "max_torque_nm": _number(high),
        "policy_action_sign": FACTS["policy_action_sign"],
        "symmetric_joint": mirror,
        "symmetry_sign": sign,
    }


def _symmetry(model: mujoco.MjModel, name: str) -> tuple[str, int]:
    """The mirror joint and its sign. Mirroring y turns a rotation about (x, y, z) into one about (-x, y, -z)."""
    side, _, rest = name.partition("_")
    mirror = {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)
    if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, mirror) < 0:
        raise RuleError(f"joint {name}: there is no joint {mirror}, the rule is that left and right mirror each other")
    expected = model.joint(name).axis * np.array([-1.0, 1.0, -1.0])
    for sign in (1, -1):
        if np.allclose(model.joint(mirror).axis, sign * expected, atol=1e-9):
            return mirror, sign
    found = model.joint(mirror).axis.tolist()
    raise RuleError(f"joint {mirror}: axis is {found}, the rule is the mirror of {name}: +-{expected.tolist()}")


def _pose(model: mujoco.MjModel, key: str, names: list[str]) -> dict[str, float]:
    """The joint angles of a keyframe, which must also be what it commands."""
    if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, key) < 0:
        raise RuleError(f"key {key}: is missing, the rule is that the MJCF has the poses home and crouch")
    frame = model.key(key)
    angles = [float(frame.qpos[model.joint(name).qposadr[0]]) for name in names]
    if not np.array_equal(angles, frame.ctrl):
        raise RuleError(f"key {key}: ctrl is {frame.ctrl.tolist()}, the rule is the joint angles of qpos: {angles}")
    return {name: _number(angle) for name, angle in zip(names, angles, strict=True)}


def _foot_switches(model: mujoco.MjModel) -> list[str]:
    """Each switch is a contact geom, a touch sensor and its site, all of one name."""
    for name in FOOT_SWITCHES:
        for kind, label in ((mujoco.mjtObj.mjOBJ_GEOM, "geom"), (mujoco.mjtObj.mjOBJ_SITE, "site")):
            if mujoco.mj_name2id(model, kind, name) < 0:
                raise RuleError(f"{label} {name}: is missing, the rule is geom, site and touch sensor per foot switch")
        sensor = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SENSOR, name)
        if sensor < 0 or model.sensor_type[sensor] != mujoco.mjtSensor.mjSENS_TOUCH:
            raise RuleError(f"touch {name}: is missing, the rule is geom, site and touch sensor per foot switch")
    return list(FOOT_SWITCHES)


def _imu(model: mujoco.MjModel) -> dict[str, str]:
    if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, IMU_SITE) < 0:
        raise RuleError(f"site {IMU_SITE}: is missing, the rule is one site where the IMU sits")
    return {"body": model.body(model.site(IMU_SITE).bodyid[0]).name, "site": IMU_SITE}


def _base(model: mujoco.MjModel) -> str:
    """The body that floats; its free joint comes first, so that qpos[2] is its height."""
    if model.njnt == 0 or model.jnt_type[0] != mujoco.mjtJoint.mjJNT_FREE:
        raise RuleError("joint 0: is not free, the rule is a base with a freejoint before all other joints")
    return str(model.body(model.jnt_bodyid[0]).name)


def _number(value: float) -> float:
    """Six decimals: what the MJCF's author wrote, without the noise of binary fractions."""
    return round(float(value), 6) + 0.0


if __name__ == "__main__":
    sys.exit(main())
