"""Step offsets: where each servo stands while its joint is at zero, in a jig or by hand. Nothing moves by itself."""

from __future__ import annotations

import numpy as np

from firmware_bridge.hiwonder import UNITS
from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.robot import Steady
from robotd.ctl.refusal import CheckFailed
from robotd.wiring import MIDDLE_UNITS, UNITS_PER_RAD, JointCalibration

JIG, HAND = "jig", "hand"
WAY = "offsets.way"
MOST_SPREAD = 3
"""Units between the largest and the smallest reading of a joint that is held still."""
TRIES = 3
MOST_UNITS = 125
TOOTH_UNITS = round(UNITS / 240 * 360 / 25)
"""A horn moved by one of the 25 teeth of its spline."""


def run(bench: Bench) -> None:
    """Read every joint at its zero."""
    way = bench.draft.content.notes.get(WAY)
    if way is None:
        way = bench.ask(
            WAY, "Do you have a jig that holds all joints at zero at once, or do you set each by hand?", JIG, HAND
        )
        bench.draft.note(WAY, way)
    left = [joint for joint in bench.joints if bench.draft.joint(joint).offset_units is None]
    bench.robot.limp_all([bench.servo(joint) for joint in bench.joints])
    if way == JIG and left:
        bench.ask("offsets.jig", "All joints are limp. Put the robot into its jig, legs straight, feet flat.")
    for joint in left:
        steady = at_rest(bench, joint, None if way == JIG else f"offsets.{joint}", _text(joint, zero_rad(bench, joint)))
        _keep(bench, joint, steady)


def zero_rad(bench: Bench, joint: str) -> float:
    """The angle at which a joint is read: 0, or the end of its range that is nearest to it."""
    row = bench.config.joints[joint]
    return min(max(0.0, row.range_min_rad), row.range_max_rad)


def at_rest(bench: Bench, joint: str, prompt: str | None, text: str) -> Steady:
    """Have the person put a limp joint somewhere (without a prompt: it is there), and read it until it is held still.

    Raises CheckFailed: it is not.
    """
    servo = bench.servo(joint)
    if prompt is not None:
        bench.robot.limp(servo)
    for _ in range(TRIES):
        if prompt is not None:
            bench.ask(prompt, text)
        steady = bench.robot.steady(servo)
        if steady.spread <= MOST_SPREAD:
            return steady
        bench.say(f"{joint} moved by {steady.spread} units while it was read; hold it still")
    raise CheckFailed(
        f"{joint}: moved by {steady.spread} units while it was read, expected at most {MOST_SPREAD}; hold it still"
    )


def _text(joint: str, angle_rad: float) -> str:
    where = "zero, as in the straight, symmetric stance" if angle_rad == 0 else f"{angle_rad:+.3f} rad"
    return f"{joint} is limp. Move it by hand to {where}, and hold it there."


def _keep(bench: Bench, joint: str, steady: Steady) -> None:
    known, row = bench.draft.joint(joint), bench.config.joints[joint]
    direction = known.direction or 1
    q_at_zero_rad = bench.wiring.calibration.get(joint, JointCalibration()).q_at_zero_rad
    middle = steady.units - direction * (zero_rad(bench, joint) - q_at_zero_rad) * UNITS_PER_RAD
    offset = round(middle - MIDDLE_UNITS)
    ends = middle + direction * (np.array([row.range_min_rad, row.range_max_rad]) - q_at_zero_rad) * UNITS_PER_RAD
    if abs(offset) > MOST_UNITS or ends.min() < 0 or ends.max() > UNITS:
        teeth = max(1, round(abs(offset) / TOOTH_UNITS))
        raise CheckFailed(
            f"{joint}: an offset of {offset} units, so that its range needs the units {ends.min():.0f} to "
            f"{ends.max():.0f}, expected at most {MOST_UNITS} and 0 to {UNITS}; put its horn on {teeth} teeth "
            "further, or --undo direction if it turns the other way"
        )
    bench.draft.keep_joint(joint, offset_units=offset, q_at_zero_rad=q_at_zero_rad)
    bench.draft.keep_residual("offsets", joint, steady.spread)
    bench.say(f"{joint}: offset {offset:+d} units")
