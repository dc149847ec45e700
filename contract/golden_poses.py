"""Poses with a known physical meaning, for every source of signals: mock, twin, emulated IMU, training env.

Two sides that share a wrong convention agree with each other; these numbers come from the world instead. Signs:
body x is forward, y left, z up. Nose down by 30 deg turns the body about +y, so gravity leans to body +x: sin 30.
Rolled onto the right side by 30 deg turns it about +x, so gravity leans to body -y. Yaw does not change gravity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .frames import gravity_local
from .signals import Signals
from .spec import PolicySpec

_S, _C = math.sin(math.radians(15)), math.cos(math.radians(15))
_SIN30, _COS30 = 0.5, math.sqrt(0.75)


class GoldenPose(NamedTuple):
    """An attitude of the IMU's body and joints moved from home (rad), with what must be sensed.

    gravity (3,) is gravity_local; moved names the joints whose angle must differ from home, with the sign.
    """

    name: str
    quat_wxyz: tuple[float, float, float, float]
    gravity: tuple[float, float, float]
    joints_from_home_rad: dict[str, float]


GOLDEN_POSES = (
    GoldenPose("upright", (1, 0, 0, 0), (0, 0, -1), {}),
    GoldenPose("nose down 30 deg", (_C, 0, _S, 0), (_SIN30, 0, -_COS30), {}),
    GoldenPose("on its right side 30 deg", (_C, _S, 0, 0), (0, -_SIN30, -_COS30), {}),
    GoldenPose("turned left 90 deg", (math.sqrt(0.5), 0, 0, math.sqrt(0.5)), (0, 0, -1), {}),
    GoldenPose("upside down", (0, 1, 0, 0), (0, 0, 1), {}),
    GoldenPose("left leg forward", (1, 0, 0, 0), (0, 0, -1), {"left_hip_pitch": 0.2}),
    GoldenPose("right knee bent", (1, 0, 0, 0), (0, 0, -1), {"right_knee_pitch": 0.2}),
)


def check_golden_pose(spec: PolicySpec, pose: GoldenPose, signals: Signals, tolerance: float = 0.02) -> list[str]:
    """One sentence for each way in which `signals` do not say what `pose` is; empty where all is well.

    Args:
        tolerance: on gravity (unit vector) and on joint angles in rad.
    """
    problems = []
    gravity = np.asarray(gravity_local(np.asarray(signals.quat_wxyz)))
    if not np.max(np.abs(gravity - np.array(pose.gravity))) <= tolerance:
        problems.append(f"{pose.name}: gravity_local is {_tidy(gravity)}, expected {_tidy(pose.gravity)}")
    moved = np.asarray(signals.joint_pos_rad) - spec.robot.home
    for name, delta in zip(spec.robot.actuator_names, moved, strict=True):
        expected = pose.joints_from_home_rad.get(name, 0.0)
        if not abs(delta - expected) <= tolerance:
            problems.append(f"{pose.name}: {name} moved {delta:+.3f} rad from home, expected {expected:+.3f}")
    return problems


def _tidy(vector: Iterable[float]) -> list[float]:
    return [round(float(value), 3) + 0.0 for value in vector]  # + 0.0 turns -0.0 into 0.0
