"""A small turn of one joint that a person can see, and back."""

from __future__ import annotations

from firmware_bridge.hiwonder import UNITS
from robotd.ctl.calibration.robot import BenchRobot, Blocked, Servo

SWING_UNITS = 25
"""6 degrees."""


def swing_out(robot: BenchRobot, servo: Servo) -> tuple[int, int]:
    """Turn a joint a little, to the side with more room, or to the other one where something is in the way.

    Returns:
        Where it was, and where it is now: the torque is on. Raises Blocked: it is stuck on both sides.
    """
    start = min(max(robot.units(servo), 0), UNITS)
    away = SWING_UNITS if start <= UNITS // 2 else -SWING_UNITS
    try:
        robot.move(servo, start + away)
    except Blocked:
        away = -away
        robot.move(servo, start + away)
    return start, start + away


def swing_back(robot: BenchRobot, servo: Servo, start: int) -> None:
    """Return, and let go."""
    robot.move(servo, start)
    robot.limp(servo)
