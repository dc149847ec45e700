"""Writes robot_config.yaml: what the other rooms need to know of the robot, checked by the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml

from contract import FOOT_SWITCHES
from contract.robot_config import robot_config_from_dict

from .audit import Audit, symmetry_sign
from .export import Export, Hinge, RuleError
from .facts import Facts
from .mjcf_text import IMU, Pose

CONFIG = "robot_config.yaml"


def config_text(export: Export, facts: Facts, poses: list[Pose], audited: Audit, source: str) -> str:
    """The text of robot_config.yaml for an aligned export. Raises ContractError: the contract refuses it."""
    joints = {joint.name: joint for _, joint in export.joints()}
    by_name = {pose.name: pose for pose in poses}
    data = {
        "robot_name": facts.robot_name,
        "model": facts.model,
        "actuator_names": list(joints),
        "joints": {name: _joint(joint, joints, facts) for name, joint in joints.items()},
        "home_pose_rad": _angles(joints, by_name["home"]),
        "crouch_pose_rad": _angles(joints, by_name["crouch"]),
        "foot_switches": list(FOOT_SWITCHES),
        "imu": {"body": find_frame(export, facts.imu, "imu"), "site": IMU},
        "base": {"body": facts.base, "standing_height_m": by_name["home"].height_m},
        "total_mass_kg": _number(audited.total_kg),
        "assumed": list(facts.assumed),
    }
    robot_config_from_dict(data, CONFIG)
    head = f"# Generated from {source} by post_process.py: edit those, then run it again.\n"
    return head + yaml.safe_dump(data, sort_keys=False, width=120)


def check_frames(export: Export, facts: Facts) -> None:
    """The IMU's frame and those of the foot switches are on links. Raises RuleError."""
    find_frame(export, facts.imu, "imu")
    for switch, name in facts.foot_switches.frames.items():
        find_frame(export, name, f"foot switch {switch}")


def find_frame(export: Export, name: str, label: str) -> str:
    """The link that carries a frame. Raises RuleError: none does, or several."""
    links = [link.name for link in export.links for frame in link.frames if frame.name == name]
    if len(links) != 1:
        raise RuleError(
            f"frame {name}: is on {links or 'no body'}, the rule is one for {label}; name its mate frame_{name}"
        )
    return links[0]


def _joint(joint: Hinge, joints: Mapping[str, Hinge], facts: Facts) -> dict[str, Any]:
    servo, mirror = facts.servos[facts.servo_of(joint.name)], facts.mirror_of(joint.name)
    if mirror not in joints:
        raise RuleError(
            f"joint {joint.name}: there is no joint {mirror}, the rule is that left and right mirror each other"
        )
    sign = symmetry_sign(joint.axis, joints[mirror].axis)
    if sign == 0:
        raise RuleError(
            f"joint {joint.name}: axis {np.round(joint.axis, 3).tolist()} is not its own mirror image, the "
            "rule is one along or across the robot's middle plane; name it by its side or correct axis"
        )
    assert joint.limits is not None
    return {
        "range_min_rad": _number(joint.limits[0]),
        "range_max_rad": _number(joint.limits[1]),
        "max_velocity_rad_s": servo.max_velocity_rad_s,
        "max_torque_nm": servo.max_torque_nm,
        "policy_action_sign": facts.joints[joint.name].policy_action_sign,
        "symmetric_joint": mirror,
        "symmetry_sign": sign,
    }


def _angles(joints: Mapping[str, Hinge], pose: Pose) -> dict[str, float]:
    return {name: _number(angle) for name, angle in zip(joints, pose.angles_rad, strict=True)}


def _number(value: float) -> float:
    """Six decimals: what was written in CAD, without the noise of binary fractions."""
    return round(float(value), 6) + 0.0
