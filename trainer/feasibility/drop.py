"""The robot dropped on its feet with its servos at home: does physics stay sane, and does it come to stand there?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np

from ..physics.robot_model import RobotModel
from .poses import Kinematics, Pose, home, with_joints
from .torque import hold
from .twin import Twin
from .verdict import Finding, Verdict

DROP_M, FALL_S, WATCH_S = 0.5, 4.0, 1.0
LEANS_RAD, LIMP_SHARE = 0.2, 0.98
_SETTLE_ROUNDS = 12


@dataclass(frozen=True)
class Drop:
    """What was seen. finite: every value was; highest_m: of the base above where it was let go (positive: energy
    from nowhere); height_m, expected_m: of the base at rest, mean; tilt_rad: of the base; sole_m: the corner of a sole
    that is farthest from the floor; jitter_m, jitter_rad_s: of the base's height, peak to peak, and the fastest joint,
    in the last second; off_rad (J,): of the joints from where statics say; torque_nm (J,): highest;
    limp_s (J,): how long each servo was at its torque limit; qpos: at the end."""

    finite: bool
    highest_m: float
    height_m: float
    expected_m: float
    tilt_rad: float
    sole_m: float
    jitter_m: float
    jitter_rad_s: float
    off_rad: np.ndarray
    torque_nm: np.ndarray
    limp_s: np.ndarray
    qpos: np.ndarray


def at_rest(robot: RobotModel) -> Pose:
    """Home as the servos hold it: each gives way by its torque over its stiffness, by statics and kinematics alone."""
    stiffness = -robot.model.actuator_biasprm[robot.actuator, 1]
    target = robot.config.home.astype(float)
    pose = home(robot)
    for _ in range(_SETTLE_ROUNDS):
        torque = hold(robot, pose).torque[0]
        pose = replace(pose, qpos=with_joints(robot, target - torque / stiffness))
    return pose


def drop(robot: RobotModel, height_m: float = DROP_M) -> Drop:
    """Let it fall from `height_m` below its soles and watch it for some seconds."""
    model, data = robot.model, mujoco.MjData(robot.model)
    expected = at_rest(robot)
    data.qpos[:] = home(robot).qpos
    data.qpos[robot.base_qpos + 2] += height_m
    data.ctrl[robot.actuator] = robot.config.home
    start = float(data.qpos[robot.base_qpos + 2])
    steps, watched = round(FALL_S / model.opt.timestep), round(WATCH_S / model.opt.timestep)
    highest, torque, limp_s = -np.inf, np.zeros(len(robot.qpos)), np.zeros(len(robot.qpos))
    most = LIMP_SHARE * robot.model.actuator_forcerange[robot.actuator, 1]
    heights, speeds = np.zeros(watched), np.zeros(watched)
    for step in range(steps):
        mujoco.mj_step(model, data)
        here = float(data.qpos[robot.base_qpos + 2])
        highest = max(highest, here - start)
        given = np.abs(data.qfrc_actuator[robot.qvel])
        torque, limp_s = np.maximum(torque, given), limp_s + (given > most) * model.opt.timestep
        if (late := step - steps + watched) >= 0:
            heights[late], speeds[late] = here, np.abs(data.qvel[robot.qvel]).max()
    blown = bool(data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number or not np.isfinite(data.qpos).all())
    seen = Kinematics(robot)
    seen.place(data.qpos)
    return Drop(
        finite=not blown,
        highest_m=highest,
        height_m=float(heights.mean()),
        expected_m=float(expected.qpos[robot.base_qpos + 2]),
        tilt_rad=float(np.arccos(np.clip(seen.base_up()[2], -1.0, 1.0))),
        sole_m=float(np.abs(seen.soles()[..., 2]).max()),
        jitter_m=float(np.ptp(heights)),
        jitter_rad_s=float(speeds.max()),
        off_rad=data.qpos[robot.qpos] - expected.qpos[robot.qpos],
        torque_nm=torque,
        limp_s=limp_s,
        qpos=data.qpos.copy(),
    )


def drop_test(twin: Twin, seen: Drop | None = None) -> Verdict:
    """All that must hold after a fall; `seen` if it has been dropped already."""
    robot = twin.robot
    seen = seen or drop(robot)
    names = robot.config.actuator_names
    worst = int((seen.limp_s if seen.limp_s.any() and seen.tilt_rad > LEANS_RAD else np.abs(seen.off_rad)).argmax())
    joint, limp_s = names[worst], seen.limp_s[worst]
    stated = abs(robot.config.base.standing_height_m - float(home(robot).qpos[robot.base_qpos + 2]))
    stays = f"{joint} stays {seen.off_rad[worst]:+.2f} rad from where statics put it"
    if limp_s:
        stays += f"; its servo was at its torque limit for {limp_s:.2f} s: a stronger one, or less mass above it"
    anew = "robot_config is of another robot: run post_process.py"
    findings = (
        Finding("explosion", None, float(not seen.finite), 0.0, 0.5, "", "lower the timestep or the gains"),
        Finding("rise above start", None, max(seen.highest_m, 0.0), 0.01, 0.05, "m", "lower the timestep"),
        Finding("joints off", joint, float(np.abs(seen.off_rad).max()), 0.03, 0.1, "rad", stays),
        Finding("rest height off", joint, abs(seen.height_m - seen.expected_m), 0.003, 0.02, "m", stays),
        Finding("tilt", joint, seen.tilt_rad, 0.05, LEANS_RAD, "rad", stays),
        Finding("soles off floor", joint, seen.sole_m, 0.003, 0.01, "m", stays),
        Finding("jitter of base", None, seen.jitter_m, 0.001, 0.005, "m", "raise joint damping or lower the gains"),
        Finding("jitter of joints", None, seen.jitter_rad_s, 0.02, 0.2, "rad/s", "raise joint damping"),
        Finding("stated height off", None, stated, 0.002, 0.01, "m", anew),
    )  # fmt: skip
    notes = (f"base rests at {seen.height_m:.4f} m, statics and kinematics say {seen.expected_m:.4f} m",)
    return Verdict("drop", findings, notes)
