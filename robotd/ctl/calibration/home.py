"""Step home: the robot takes its home pose, joint by joint, stands on the ground, and what leans is trimmed."""

from __future__ import annotations

import math

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.imu_mounting import MountingRefusal, still_attitude
from robotd.ctl.calibration.lean import MOST_LEAN_RAD, Lean, gravity_in_body, lean_of, trim_for
from robotd.ctl.refusal import CheckFailed
from robotd.hal.servo_frame import to_units

YES, NO = "yes", "no"
LOOK_S = 2.0
LEAN = "home.lean"


def run(bench: Bench) -> None:
    """Stand, read the lean, propose a trim, keep it if the person agrees."""
    known = bench.draft.content.notes.get(LEAN)
    lean = Lean(*known) if known else lean_at_home(bench, "home")
    bench.draft.note(LEAN, list(lean))
    if lean.angle_rad > MOST_LEAN_RAD:
        bench.draft.note(LEAN, None)
        raise CheckFailed(
            f"at home the robot leans {lean}, expected at most {math.degrees(MOST_LEAN_RAD):g} deg; an offset is "
            "wrong, or the ground is not level: robotctl calibrate --undo offsets"
        )
    trim = trim_for(lean)
    bench.say(f"at home the robot leans {lean}")
    if trim:
        proposed = ", ".join(f"{joint} {math.degrees(angle):+.1f} deg" for joint, angle in trim.items())
        if bench.ask("home.trim", f"Trim {proposed}?", YES, NO) == NO:
            trim = {}
    bench.draft.change(home_trim_rad=trim)
    bench.draft.keep_residual("home", "lean_forward_rad", lean.forward_rad)
    bench.draft.keep_residual("home", "lean_right_rad", lean.right_rad)


def lean_at_home(bench: Bench, step: str) -> Lean:
    """Take the home pose in the air, stand on the ground, look, hang again, let go.

    Raises CheckFailed: the IMU's mounting is not known, a joint does not follow, or the robot did not stand still.
    """
    imu = bench.draft.content.imu
    if imu is None:
        raise CheckFailed("the IMU's mounting is not known yet; run the step imu first")
    bench.ask(f"{step}.hang", "Hang the robot in its stand, feet in the air. It takes its home pose, joint by joint.")
    for joint in bench.joints:
        home_rad = bench.config.home_pose_rad[joint]
        bench.robot.move(bench.servo(joint), int(to_units(bench.frame(joint), [home_rad])[0]))
    bench.ask(
        f"{step}.stand",
        "Set the robot down on level ground, soles flat, and let it stand; a hand near it, not on it.",
    )
    samples = bench.robot.imu_samples(LOOK_S)
    bench.ask(f"{step}.lift", "Hang the robot in its stand again. Its torque goes off now.")
    bench.robot.limp_all()
    try:
        mean = still_attitude("standing at home", [sample.quat_wxyz for sample in samples])
    except MountingRefusal as problem:
        raise CheckFailed(str(problem)) from None
    return lean_of(gravity_in_body(mean, imu.mounting_wxyz))
