"""Step imu: how the IMU is mounted, from poses in which a person holds the robot, and one tilt."""

from __future__ import annotations

import numpy as np

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.imu_mounting import (
    GRAVITY_IN_BODY,
    TILT,
    Direction,
    MountingRefusal,
    gravity_in_sensor,
    solve_mounting,
    still_attitude,
    tilt_direction,
)
from robotd.ctl.refusal import CheckFailed

LOOK_S = 1.0
POSES = {
    "upright": "Hold the robot upright, its chest as when it stands, and keep it still.",
    "face_down": "Lay the robot on its face: chest down, back up. Hold it still.",
    "on_its_back": "Lay the robot on its back: chest up. Hold it still.",
    "on_its_left": "Lay the robot on its left side. Hold it still.",
    "on_its_right": "Lay the robot on its right side. Hold it still.",
    TILT: "Hold the robot upright again, then tilt it nose down by about 45 degrees. Keep it still.",
}


def run(bench: Bench) -> None:
    """Ask for each pose, solve, keep the mounting."""
    for pose, text in POSES.items():
        if bench.draft.content.notes.get(_note(pose)) is None:
            bench.ask(_note(pose), text)
            bench.draft.note(_note(pose), look(bench, pose).tolist())
    gravity = {pose: np.array(bench.draft.content.notes[_note(pose)]) for pose in POSES}
    try:
        directions = [Direction(pose, body, gravity[pose]) for pose, body in GRAVITY_IN_BODY.items()]
        solution = solve_mounting([*directions, tilt_direction(gravity["upright"], gravity[TILT])])
    except MountingRefusal as problem:
        for pose in (problem.pose,) if problem.pose in POSES else POSES:
            bench.draft.note(_note(pose), None)
        raise CheckFailed(str(problem)) from None
    bench.draft.change(imu={"mounting_wxyz": list(solution.quat_wxyz)})
    for pose, misfit_deg in solution.misfit_deg.items():
        bench.draft.keep_residual("imu", f"{pose}_deg", misfit_deg)
    bench.draft.keep_residual("imu", "rms_deg", solution.residual_deg)
    w, x, y, z = solution.quat_wxyz
    worst = max(solution.misfit_deg, key=solution.misfit_deg.__getitem__)
    bench.say(f"IMU: body<-sensor {w:.4f} {x:.4f} {y:.4f} {z:.4f} (wxyz)")
    bench.say(f"     residual {solution.residual_deg:.1f} deg, at most {solution.misfit_deg[worst]:.1f} ({worst})")


def look(bench: Bench, pose: str) -> np.ndarray:
    """Where gravity points in the sensor's frame, unit (3,), while the robot is held still. Raises CheckFailed."""
    try:
        return gravity_in_sensor(still_attitude(pose, [s.quat_wxyz for s in bench.robot.imu_samples(LOOK_S)]))
    except MountingRefusal as problem:
        raise CheckFailed(str(problem)) from None


def _note(pose: str) -> str:
    return f"imu.{pose}"
