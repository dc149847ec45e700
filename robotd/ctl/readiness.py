"""The readiness checklist, filled in from what a dry run showed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from contract import PoseCheck, check_pose
from robotd.arming import ArmingCheck
from robotd.ctl.conductor import GROUND, OFF_GROUND, Stage
from robotd.ctl.drill import Stopped
from robotd.ctl.dry_run_figures import Figures, JointFigures
from robotd.tick import Setup

TILT_DEG = 20.0
NORM = 0.1
MISMATCH_DEG, MISMATCH_SHARE = 3.0, 0.1
POSE_RAD, FILTER = 1e-4, 1e-5
VIOLENT_TICKS, VIOLENT_SHARE = 3, 0.02
"""In which the speed limit may be needed: when a policy takes over it may jump, and later seldom."""
FOLLOWS = (0.5, 1.5)
LEAD_RAD, RANGE_RAD, SPEED_RAD_S = 1e-4, 1e-5, 1e-3  # rounding of float32 on the way
FORCED_RAD = 0.05
"""That a joint which swings may leave a target behind that is not allowed to come after it faster."""
DRIFT_DEG, HEADING_DEG = 5.0, 10.0
SIGNALS, SAFETY, CALIBRATION, ARMING, SMOKE = "signals", "safety", "calibration", "arming", "smoke test"


class Line(NamedTuple):
    """One line of the checklist. passed: None where this run does not show it; fix: empty where nothing is wrong."""

    group: str
    name: str
    passed: bool | None
    found: str
    fix: str = ""


class Showing(NamedTuple):
    """What a run has to show. trouble: why it ended early; missed: deadlines; lateness_p99_us, tick_p99_us."""

    setup: Setup
    stage: Stage
    figures: Figures
    checks: tuple[ArmingCheck, ...]
    stopped: tuple[Stopped, ...]
    trouble: str
    moves_sent: int
    ticks: int
    missed: int
    overrun: bool
    lateness_p99_us: float
    tick_p99_us: float


def checklist(show: Showing) -> tuple[Line, ...]:
    """All lines, in order."""
    arming = (_of_check(show, ARMING, check.name) for check in show.checks if check.name not in _PLACED)
    return (*_signals(show), *_safety(show), *_calibration(show), *arming, *_smoke(show))


def failed(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Those that did not pass; what a run does not show is none of them."""
    return tuple(line for line in lines if line.passed is False)


def _signals(show: Showing) -> Iterator[Line]:
    imu, bounds = show.figures.imu, show.setup.config.safety
    x, y, z = (round(value, 2) + 0.0 for value in imu.gravity)
    found = f"[{x:.2f} {y:.2f} {z:.2f}], {imu.tilt_deg:.1f} deg from straight down, wobble {imu.wobble_deg:.1f} deg"
    upright = imu.tilt_deg <= TILT_DEG and imu.norm_error <= NORM
    yield Line(SIGNALS, "IMU, gravity", upright, found, _else(upright, "hold it upright; else robotctl calibrate imu"))
    agrees = imu.mismatch_deg <= MISMATCH_DEG + MISMATCH_SHARE * imu.turned_deg
    found = f"turned by {imu.turned_deg:.1f} deg, the gyro's sum is {imu.mismatch_deg:.1f} deg from that"
    if agrees and imu.turned_deg < MISMATCH_DEG:
        found += "; tilt it by hand meanwhile to see more"
    yield Line(SIGNALS, "IMU, gyro", agrees, found, _else(agrees, "axes or signs of the IMU: robotctl imu test"))
    fresh = imu.age_max_s <= bounds.imu_stale_s
    found = f"at most {imu.age_max_s * 1e3:.0f} ms old, the bound is {bounds.imu_stale_s * 1e3:.0f}"
    yield Line(SIGNALS, "IMU, age", fresh, found, _else(fresh, "robotctl imu test"))
    yield _of_check(show, SIGNALS, "foot switches", _switches_found(show))
    yield _of_check(show, SIGNALS, "contract", name="joint order")
    yield _joints(
        show, "joint range", _out_of_range, "no joint outside its range", "move it inside by hand; else calibrate"
    )
    ages = f"p95 {_worst_ms(show, 'age_p95_s')}, at most {_worst_ms(show, 'age_max_s')} ms"
    stale = bounds.joint_stale_s
    yield _joints(show, "joint age", lambda s, j: j.age_max_s > stale, ages, "robotctl bus test")


def _safety(show: Showing) -> Iterator[Line]:
    figures, policy = show.figures, show.figures.policy
    if figures.range_excess_rad is None:
        yield Line(SAFETY, "targets clamped", None, _unseen(show))
    else:
        inside = figures.range_excess_rad <= RANGE_RAD
        found = f"nearest to an end {-figures.range_excess_rad + 0.0:.3f} rad inside the clamp, {_held_back(show)}"
        yield Line(SAFETY, "targets clamped", inside, found, _else(inside, "a fault of robotd: report it"))
    for stopped in show.stopped:
        by = ", ".join(stopped.by) or "nothing"
        how = "torque off" if stopped.limp else "crouch"
        found = f"{how} after {stopped.took_s * 1e3:.0f} ms by {by}, promised {stopped.promised_s * 1e3:.0f}"
        yield Line(SAFETY, f"stop on {stopped.what}", stopped.passed, found, _else(stopped.passed, "robotctl selftest"))
    alpha = show.setup.spec.action.alpha
    if policy is None:
        yield Line(SAFETY, "low-pass", None, _unseen(show))
    else:
        same = policy.filter_error <= FILTER
        found = f"alpha {alpha:g} as exported, off by at most {policy.filter_error:.0e} in {policy.ticks} ticks"
        yield Line(SAFETY, "low-pass", same, found, _else(same, "export the bundle again"))
    yield _of_check(show, SAFETY, "bundle")


def _calibration(show: Showing) -> Iterator[Line]:
    yield _of_check(show, CALIBRATION, "calibration")
    yield _of_check(show, CALIBRATION, "pose", name="home in reach")
    result: PoseCheck = check_pose(show.setup.spec)
    worst = max(result.error_rad.values())
    flipped = [
        name
        for name, sign in zip(show.setup.spec.robot.actuator_names, show.setup.spec.robot.action_sign, strict=True)
        if sign < 0
    ]
    found = f"round trip {worst:.0e} rad, mirrored: {', '.join(flipped) or 'none'}"
    yield Line(CALIBRATION, "signs of actions", worst <= POSE_RAD, found, _else(worst <= POSE_RAD, "export it again"))


def _smoke(show: Showing) -> Iterator[Line]:
    policy, moves = show.figures.policy, show.stage.moves
    calm = show.missed == 0 or not show.overrun
    found = f"{show.missed} of {show.ticks} deadlines missed, p99 of lateness {show.lateness_p99_us:.0f} us, "
    found += f"of the tick {show.tick_p99_us:.0f} us"
    yield Line(SMOKE, "timing", calm, found, _else(calm, "robotctl doctor"))
    if policy is None:
        yield Line(SMOKE, "no violent output", None, _unseen(show))
    else:
        gentle = policy.finite and policy.violent * policy.ticks <= max(VIOLENT_TICKS, VIOLENT_SHARE * policy.ticks)
        found = f"asks for {policy.mean_rad_s:.2f} rad/s in the mean, {policy.peak_rad_s:.1f} at most; faster than a "
        found += f"joint can in {policy.violent:.1%} of {policy.ticks} ticks; {policy.saturated:.1%} of actions clipped"
        yield Line(SMOKE, "no violent output", gentle, found, _else(gentle, "look at the policy: robotctl demo"))
    if not moves:
        yield Line(SMOKE, "nothing sent", show.moves_sent == 0, f"{show.moves_sent} targets sent")
    yield _follows(show) if moves else Line(SMOKE, "joints follow", None, "not moved: --off-ground")
    yield from _bounds(show)
    yield _off_ground(show)
    yield _ground(show)
    if show.trouble:
        yield Line(SMOKE, "to the end", False, show.trouble, "mend that, then again")


def _follows(show: Showing) -> Line:
    low, high = FOLLOWS
    seen = [joint for joint in show.figures.joints if joint.follows is not None]
    wrong = [f"{j.name} ({j.follows:+.2f})" for j in seen if j.follows is not None and not low <= j.follows <= high]
    slopes = [joint.follows for joint in seen if joint.follows is not None]
    if wrong:
        fix = "its servo does not move, or moves the other way: robotctl servo show, then calibrate"
        return Line(SMOKE, "joints follow", False, f"does not go where it is sent: {', '.join(wrong)}", fix)
    if not slopes:
        return Line(SMOKE, "joints follow", None, "no joint was sent far enough to say")
    found = f"{len(seen)} of {len(show.figures.joints)} went where they were sent, {min(slopes):.2f} to "
    return Line(SMOKE, "joints follow", True, f"{found}{max(slopes):.2f} of the way")


def _bounds(show: Showing) -> Iterator[Line]:
    """What this stage promises of every target that it sent."""
    figures, stage = show.figures, show.stage
    if stage.moves and figures.speed_excess_rad_s is not None:
        stated = float(np.max(show.setup.limits.max_velocity_rad_s)) * stage.slow
        ok = figures.speed_excess_rad_s <= SPEED_RAD_S
        found = f"no target moved faster than {stated:.2f} rad/s" if ok else f"over {stated:.2f} rad/s by "
        found += "" if ok else f"{figures.speed_excess_rad_s:.3f}"
        yield Line(SMOKE, "speed", ok, found, _else(ok, "a fault of robotd: report it"))
    if stage.moves and figures.lead_excess_rad is not None:
        behind = max(joint.behind_rad or 0.0 for joint in figures.joints)
        ok = figures.lead_excess_rad <= LEAD_RAD and behind <= stage.lead_rad + FORCED_RAD
        found = f"targets at most {behind:.3f} rad from their joints, the bound is {stage.lead_rad:.2f}"
        found += ", which the speed limit comes before" if ok and behind > stage.lead_rad + LEAD_RAD else ""
        yield Line(SMOKE, "torque", ok, found, _else(ok, "a joint was moved by force; leave the robot alone"))


def _off_ground(show: Showing) -> Line:
    name, ran = "off the ground", show.stage.name == OFF_GROUND and not show.trouble
    if show.stage.name != OFF_GROUND:
        return Line(SMOKE, name, None, "robotctl dry-run --off-ground")
    touched = [switch for switch, (changes, first, last) in show.figures.switches.items() if changes or first or last]
    ok = ran and not touched
    found = f"{', '.join(touched)} touched something" if touched else "no foot switch closed"
    return Line(SMOKE, name, ok, found, _else(ok, "hang it higher"))


def _ground(show: Showing) -> Line:
    name, drift = "low torque on the ground", show.figures.drift
    if show.stage.name != GROUND:
        return Line(SMOKE, name, None, "robotctl dry-run --ground --low-torque")
    if drift is None or show.trouble:
        return Line(SMOKE, name, False, "did not stand long enough", "see the line above")
    ok = drift.lean_deg <= DRIFT_DEG and drift.heading_deg <= HEADING_DEG
    found = f"lean drifted by {drift.lean_deg:.2f} deg in {drift.seconds:.1f} s, heading by {drift.heading_deg:.2f}; "
    found += f"the bounds are {DRIFT_DEG:g} and {HEADING_DEG:g}"
    return Line(SMOKE, name, ok, found, _else(ok, "robotctl calibrate home, then again"))


def _of_check(show: Showing, group: str, check: str, found: str = "", name: str = "") -> Line:
    """An arming check, as the daemon makes it."""
    answer = next(one for one in show.checks if one.name == check)
    return Line(group, name or check, answer.ok, found if found and answer.ok else answer.found, answer.fix)


def _joints(show: Showing, name: str, wrong: Callable[[Setup, JointFigures], bool], found: str, fix: str) -> Line:
    names = [joint.name for joint in show.figures.joints if wrong(show.setup, joint)]
    return Line(
        SIGNALS, name, not names, f"wrong at {', '.join(names)}; {found}" if names else found, fix if names else ""
    )


def _out_of_range(setup: Setup, joint: JointFigures) -> bool:
    margin = setup.config.safety.joint_limit_margin_rad
    return not joint.low_rad - margin <= joint.found_rad <= joint.high_rad + margin


def _switches_found(show: Showing) -> str:
    pressed = [name for name, (_, first, _) in show.figures.switches.items() if first]
    changed = [f"{name} {changes}x" for name, (changes, _, _) in show.figures.switches.items() if changes]
    found = f"pressed at first: {', '.join(pressed) or 'none'}; changed: {', '.join(changed) or 'none'}"
    return found if changed or show.stage.moves else f"{found}; press each meanwhile to see it"


def _held_back(show: Showing) -> str:
    joints = [f"{joint.name} {joint.at_limit:.0%}" for joint in show.figures.joints if joint.at_limit]
    return f"clipped in a share of ticks: {', '.join(joints)}" if joints else "none clipped"


def _worst_ms(show: Showing, field: str) -> str:
    return f"{max(getattr(joint, field) for joint in show.figures.joints) * 1e3:.0f}"


def _unseen(show: Showing) -> str:
    return f"not seen: {show.trouble or 'the policy did not run'}"


def _else(ok: bool, fix: str) -> str:
    return "" if ok else fix


_PLACED = {"foot switches", "contract", "bundle", "calibration", "pose"}
"""Arming checks that have a place of their own in the checklist; the others come after them."""
