"""How a hidden robot is held or stands: attitudes world<-body, as hands and the ground give them."""

from __future__ import annotations

import math
import random

from firmware_bridge.mounting import Quat, product
from robotd.ctl.calibration.hidden_robot import HiddenRobot
from robotd.ctl.calibration.imu_mounting import TILT

HOLD_RAD = math.radians(0.5)
"""How far off a held pose is about each axis, one sigma: a robot that lies on a table, or a careful hand."""
TILTS_DEG = (30.0, 60.0)
_TURNS: dict[str, tuple[int, float]] = {
    "upright": (1, 0.0),
    "face_down": (1, 90.0),
    "on_its_back": (1, -90.0),
    "on_its_left": (0, -90.0),
    "on_its_right": (0, 90.0),
}
"""By pose: the body's axis (0 x, 1 y) about which it is turned from upright, and by how many degrees."""


def hold(robot: HiddenRobot, pose: str, dice: random.Random) -> None:
    """Hold the robot in a pose of the step imu, with any heading, about as exactly as hands can."""
    axis, degrees = (1, dice.uniform(*TILTS_DEG)) if pose == TILT else _TURNS[pose]
    heading = _turn(2, dice.uniform(-math.pi, math.pi))
    attitude = product(heading, _turn(axis, math.radians(degrees)))
    for each in range(3):
        attitude = product(attitude, _turn(each, dice.gauss(0, HOLD_RAD)))
    robot.attitude_wxyz = attitude


def stand(robot: HiddenRobot) -> None:
    """Stand on flat soles: the body leans as its frame is bent and as its joints are off from standing straight.

    With a sole flat, the body's pitch is hip_pitch - knee_pitch + ankle_pitch of that leg, and its roll to the right
    is what the right leg's rolls have more than the left one's; both legs have the same say.
    """
    forward, right = robot.truth.bend_rad
    for side, sign in (("left", -1), ("right", 1)):
        hip, knee, ankle, spread, roll = (
            robot.angle(f"{side}_{joint}")
            for joint in ("hip_pitch", "knee_pitch", "ankle_pitch", "hip_roll", "foot_roll")
        )
        forward += (hip - knee + ankle) / 2
        right += sign * (spread + roll) / 2
    robot.attitude_wxyz = product(_turn(1, forward), _turn(0, right))


def _turn(axis: int, angle_rad: float) -> Quat:
    """A turn about one of the axes 0 x, 1 y, 2 z."""
    parts = [math.cos(angle_rad / 2), 0.0, 0.0, 0.0]
    parts[1 + axis] = math.sin(angle_rad / 2)
    w, x, y, z = parts
    return w, x, y, z
