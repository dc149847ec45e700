"""Stride, squat, one leg and the reference motion inside the joint ranges, with the weight over the soles."""

from __future__ import annotations

import numpy as np

from ..motion.leg import SIDES
from ..motion.reference import ReferenceMotion
from ..physics.robot_model import RobotModel
from .poses import Goal, Kinematics, Pose, crouch, home, single_stance, solve, squat
from .torque import MISSED_M
from .twin import Twin
from .verdict import Finding, Verdict

SQUAT_SHARE = 0.18  # of the standing height: 79 mm for this project's robot, as deep as its crouch
STRIDE_SHARE = 0.35  # of the standing height, foot to foot, where no reference motion says more
WALKS_LOWER = 0.03  # of the standing height: a walker's pelvis is below that of one who stands
GOOD_MARGIN_RAD = 0.02  # robotd keeps targets this far inside
FITS_M, MISFIT_M = 0.003, 0.01
FRAMES = 8  # of each clip that are looked at


def stride_m(twin: Twin) -> float:
    """m from foot to foot in the longest step of the reference motion."""
    if twin.motion is None:
        return STRIDE_SHARE * twin.robot.config.base.standing_height_m
    return float(np.abs(np.asarray(twin.motion.command)[:, 0]).max() * twin.motion.period_s / 2)


def goals(twin: Twin) -> list[Goal]:
    """What the legs must reach: a squat, and a stride to either side forward."""
    robot = twin.robot
    seen = Kinematics(robot)
    standing = home(robot).qpos
    seen.place(standing)
    feet = seen.soles().mean(1)
    feet[:, 2] = 0.0
    middle, height = feet.mean(0)[:2], float(standing[robot.base_qpos + 2])
    found = [Goal("squat", feet, com=middle, base_height=(1 - SQUAT_SHARE) * height)]
    step = stride_m(twin)
    for index, side in enumerate(SIDES):
        apart = feet.copy()
        apart[index, 0] += step / 2
        apart[1 - index, 0] -= step / 2
        found.append(Goal(f"stride {side}", apart, com=middle, base_height=(1 - WALKS_LOWER) * height))
    return found


def reach_poses(twin: Twin) -> list[Pose]:
    """The poses that come nearest to the goals."""
    return [solve(twin.robot, goal) for goal in goals(twin)]


def reach_test(twin: Twin, poses: list[Pose] | None = None) -> Verdict:
    """What is out of reach, by how much and because of which joint; poses: of `reach_poses`, if it was asked."""
    robot = twin.robot
    findings = []
    for goal, pose in zip(goals(twin), poses or reach_poses(twin), strict=True):
        findings.append(_reached(robot, pose, goal))
    for side in SIDES:
        findings.append(_reached(robot, single_stance(robot, side), None))
    findings += [_balanced(robot, pose) for pose in (home(robot), squat(robot), crouch(robot))]
    if twin.left_out or twin.motion is not None:
        findings.append(_walks(twin))
    if twin.motion is not None:
        findings.append(_motion_range(robot, twin.motion))
    if twin.own is not None:
        findings.append(_motion_fits(robot, twin.own))
    return Verdict("reach", tuple(findings))


def _reached(robot: RobotModel, pose: Pose, goal: Goal | None) -> Finding:
    joint, advice = (pose.joint, "") if pose.missed_m <= MISSED_M else _why(robot, pose, goal)
    return Finding(pose.name, joint, pose.missed_m, MISSED_M, 2 * MISSED_M, "m", advice)


def _why(robot: RobotModel, pose: Pose, goal: Goal | None) -> tuple[str | None, str]:
    """The joint that lacks most range, and how much: by the same goal without ranges."""
    if goal is None:
        return pose.joint, f"{pose.joint or 'a leg'} stops it: widen its range or the sole"
    free, config = solve(robot, goal, bounded=False), robot.config
    if free.missed_m > MISSED_M:
        lacks = f"no range helps, the legs are {1000 * free.missed_m:.0f} mm too short: lower the pelvis or the step"
        return None, lacks
    joints = free.qpos[robot.qpos]
    beyond = np.maximum(config.range_min - joints, joints - config.range_max)
    worst = int(beyond.argmax())
    name = config.actuator_names[worst]
    end = config.range_max[worst] if joints[worst] > config.range_max[worst] else config.range_min[worst]
    return name, f"{name} would have to go to {joints[worst]:.2f} rad, its range ends at {end:.2f}: widen it"


def _balanced(robot: RobotModel, pose: Pose) -> Finding:
    """How far the centre of mass is from the nearer end of the soles, forward or back; negative inside them."""
    seen = Kinematics(robot)
    seen.place(pose.qpos)
    soles, com = seen.soles()[..., 0], float(seen.com()[0])
    outside = max(soles.min() - com, com - soles.max())
    advice = f"the centre of mass is {1000 * outside:+.0f} mm beyond the soles: change that pose in robot_config"
    return Finding(f"{pose.name}: balance", None, float(outside), -0.015, 0.0, "m", advice)


def _walks(twin: Twin) -> Finding:
    """How many of the gaits no joint angles inside the ranges make."""
    reasons = "; ".join(f"{vx:g} ahead {vy:g} left: {why}" for (vx, vy, _), why in twin.left_out.items())
    made = 0 if twin.motion is None else len(twin.motion.command)
    return Finding("gaits left out", None, len(twin.left_out), 0, made + len(twin.left_out) - 1, "", reasons)


def _motion_range(robot: RobotModel, motion: ReferenceMotion) -> Finding:
    """The joint that comes nearest to an end of its range anywhere in the gaits."""
    config, joints = robot.config, np.asarray(motion.joint_pos, float)
    beyond = np.maximum(config.range_min - joints, joints - config.range_max).max((0, 1))
    worst = int(beyond.argmax())
    name = config.actuator_names[worst]
    advice = (
        f"{name} passes {-beyond[worst]:.3f} rad from the end of its range: build the motion anew, or widen the range"
    )
    return Finding("gait: range", name, float(beyond[worst]), -GOOD_MARGIN_RAD, 0.0, "rad", advice)


def _motion_fits(robot: RobotModel, motion: ReferenceMotion) -> Finding:
    """How far the soles that stand are from the floor in the training's reference: made for other legs, it misses it.

    The joint is the one that would have to move most to put them there.
    """
    seen = Kinematics(robot)
    worst, pose, feet = 0.0, robot.home_qpos, np.zeros((2, 3))
    for clip in range(len(motion.command)):
        for frame in range(0, motion.joint_pos.shape[1], max(motion.joint_pos.shape[1] // FRAMES, 1)):
            qpos = _frame(robot, motion, clip, frame)
            seen.place(qpos)
            stands = np.asarray(motion.contact[clip, frame]).reshape(2, 2).all(1)
            off = np.abs(seen.soles()[..., 2].mean(1)) * stands
            if off.max() > worst:
                worst, pose, feet = float(off.max()), qpos, seen.soles().mean(1)
                feet[stands, 2] = 0.0
    if worst <= FITS_M:
        return Finding("reference: fits legs", None, worst, FITS_M, MISFIT_M, "m")
    height = float(pose[robot.base_qpos + 2])
    mended = solve(robot, Goal("gait", feet, base_height=height), bounded=False)
    moved = mended.qpos[robot.qpos] - pose[robot.qpos]
    joint = int(np.abs(moved).argmax())
    name = robot.config.actuator_names[joint]
    advice = (
        f"the soles miss the floor by {1000 * worst:.0f} mm, {name} would have to move by {moved[joint]:+.2f} rad: the "
        "motion was made for other legs; trainer motion build"
    )
    return Finding("reference: fits legs", name, worst, FITS_M, MISFIT_M, "m", advice)


def _frame(robot: RobotModel, motion: ReferenceMotion, clip: int, frame: int) -> np.ndarray:
    qpos = robot.home_qpos
    p = robot.base_qpos
    for place, name in ((slice(p, p + 3), "base_pos"), (slice(p + 3, p + 7), "base_quat"), (robot.qpos, "joint_pos")):
        qpos[place] = getattr(motion, name)[clip, frame]
    return qpos
