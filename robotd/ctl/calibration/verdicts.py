"""What a calibrated robot says when a person does something known to it, judged line by line, with the culprit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from robotd.ctl.calibration.imu_mounting import MountingRefusal, tilt_direction
from robotd.ctl.calibration.lean import Lean, lean_of

ZERO_RAD = 0.05
"""How far from zero a joint may read that a person has put there by hand: 12 units."""
TURNED_RAD = 0.06
"""Less is a joint that did not turn."""
UPRIGHT_DEG = 5.0
TILT_AXIS_DEG = 15.0
UPSIDE_DOWN_DEG = 150.0
STANDING_DEG = 2.0


class Verdict(NamedTuple):
    """name: what was looked at; found: with figures and, where it is not ok, the culprit; fix: what to do, or empty."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def judge_zero(joint: str, angle_rad: float, zero_rad: float = 0.0) -> Verdict:
    """Of a joint that a person has put to its zero."""
    off_rad = angle_rad - zero_rad
    if abs(off_rad) <= ZERO_RAD:
        return Verdict(f"{joint} zero", True, f"{off_rad:+.3f} rad off, at most {ZERO_RAD:g}")
    found = f"{joint} reads {angle_rad:+.3f} rad at its zero, expected {zero_rad:+.3f} within {ZERO_RAD:g}"
    return Verdict(f"{joint} zero", False, found, "robotctl calibrate offsets")


def judge_turn(joint: str, word: str, turned_rad: Mapping[str, float]) -> Verdict:
    """Of a joint that a person has turned the way in which its angle grows (`word`).

    Args:
        turned_rad: by how much the angle of every joint has grown meanwhile, as the calibration reads it.
    """
    mine = turned_rad[joint]
    other = max(turned_rad, key=lambda name: abs(turned_rad[name]))
    name = f"{joint} turns"
    if other != joint and abs(turned_rad[other]) > max(TURNED_RAD, 2 * abs(mine)):
        found = f"{joint} and {other} are swapped: {joint} was turned, and the servo of {other} felt it"
        return Verdict(name, False, found, "robotctl calibrate servos")
    if abs(mine) < TURNED_RAD:
        found = f"{joint} read {mine:+.3f} rad of a turn, expected at least {TURNED_RAD:g}: its servo felt nothing"
        return Verdict(name, False, found, "robotctl calibrate servos, or look at its horn")
    if mine < 0:
        found = f"{joint} has its direction flipped: {mine:+.3f} rad on its way {word}, expected a growing angle"
        return Verdict(name, False, found, "robotctl calibrate direction")
    return Verdict(name, True, f"{mine:+.3f} rad on its way {word}")


def judge_upright(gravity_body: ArrayLike) -> Verdict:
    """Of a robot that a person holds upright: gravity (3,) in the body as the mounting makes it."""
    x, y, z = (float(part) for part in np.asarray(gravity_body))
    degrees = math.degrees(math.atan2(math.hypot(x, y), -z))
    if degrees <= UPRIGHT_DEG:
        return Verdict("imu upright", True, f"{degrees:.1f} deg off, at most {UPRIGHT_DEG:g}")
    how = "the IMU's mounting is upside down" if degrees >= UPSIDE_DOWN_DEG else "the IMU's mounting is wrong"
    found = f"{how}: a lean of {degrees:.0f} deg ({lean_of(gravity_body)}) of an upright robot"
    return Verdict("imu upright", False, f"{found}, expected at most {UPRIGHT_DEG:g}", "robotctl calibrate imu")


def judge_tilt(upright: ArrayLike, tilted: ArrayLike) -> Verdict:
    """Of a robot that a person has tilted nose down: gravity (3,) in the body before and after."""
    try:
        axis = tilt_direction(upright, tilted).sensor
    except MountingRefusal as problem:
        return Verdict("imu tilt", False, f"the IMU's mounting cannot be judged: {problem}", "verify again")
    degrees = math.degrees(math.acos(min(max(float(axis[1]), -1.0), 1.0)))
    if degrees <= TILT_AXIS_DEG:
        return Verdict("imu tilt", True, f"about an axis {degrees:.1f} deg off, at most {TILT_AXIS_DEG:g}")
    found = f"the IMU's mounting is wrong: a tilt nose down is felt about an axis {degrees:.0f} deg off body y"
    return Verdict("imu tilt", False, f"{found}, expected at most {TILT_AXIS_DEG:g}", "robotctl calibrate imu")


def judge_press(switch: str, before: Iterable[str], held: Iterable[str]) -> Verdict:
    """Of a switch that a person holds: names of the switches that read pressed before and while it is held."""
    stuck, pressed = sorted(before), sorted(set(held) - set(before))
    fix = "check its wire and that it clicks, then robotctl calibrate feet"
    if pressed == [switch]:
        return Verdict(switch, True, "it alone")
    if switch in stuck:
        return Verdict(switch, False, f"{switch} is stuck: it reads pressed though nobody presses it", fix)
    if not pressed:
        return Verdict(switch, False, f"{switch} is dead: nothing changes while it is held", fix)
    found = f"{switch} was pressed, and {', '.join(pressed)} answered, expected {switch} alone"
    return Verdict(switch, False, found, "robotctl calibrate feet")


def judge_lean(lean: Lean) -> Verdict:
    """Of a robot that stands at home on level ground."""
    degrees = math.degrees(lean.angle_rad)
    if degrees <= STANDING_DEG:
        return Verdict("home", True, f"leans {lean}, at most {STANDING_DEG:g} in all")
    found = f"home leans {lean}, expected at most {STANDING_DEG:g} in all"
    return Verdict("home", False, found, "robotctl calibrate home")


def blamed(verdicts: Iterable[Verdict]) -> list[str]:
    """A sentence for each culprit. Where a joint's turn is wrong its zero says nothing more, and is left out."""
    wrong = [verdict for verdict in verdicts if not verdict.ok]
    turns = {verdict.name.removesuffix(" turns") for verdict in wrong if verdict.name.endswith(" turns")}
    return [f"{v.found}; {v.fix}" for v in wrong if not (v.name.endswith(" zero") and v.name.split()[0] in turns)]
