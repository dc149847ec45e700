"""What must be in order before the joints get torque: named checks, each with what was found and what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from contract import FOOT_SWITCHES, Bundle, tilt_rad
from robotd.fault_table import failing_buses, stale_health
from robotd.leg_doubts import Pair, doubts, pairs_of, unlike_pairs
from robotd.limits import all_finite
from robotd.record import TickRecord
from robotd.tick_state import Setup
from robotd.torque_proof import not_proven, unproven_joints

UPRIGHT_DEG = 20.0
UPSIDE_DOWN_DEG = 150.0
COOLER_DEGC = 10.0  # than where OVERHEAT begins
STRONGER_V = 0.3  # than where UNDERVOLT begins
HIGHEST_V = 14.0
WATCHED_TICKS = 50  # of the deadline test
CALIBRATION_S = 180 * 86400.0


class BusLoad(NamedTuple):
    """What one servo bus is predicted to do: the p95 of the age of its feedback, and whether that fits."""

    name: str
    age_p95_s: float
    fits: bool


class ArmingFacts(NamedTuple):
    """What a tick does not know.

    backend: the hardware's name; bundle: where it lies; verified: its checksums; config_joints: ordered names of its
    robot_config, None where it has none; calibration_age_s: None where there is no calibration, and
    calibration_problem says why there is none that can be used; calibration_doubts: what its verification found wrong,
    None where it was not verified; buses: none where there are no wires; pairs: joints that mirror each other.
    """

    backend: str
    bundle: str
    verified: bool
    config_joints: tuple[str, ...] | None
    calibration_age_s: float | None = None
    buses: tuple[BusLoad, ...] = ()
    calibration_problem: str | None = None
    calibration_doubts: tuple[str, ...] | None = ()
    pairs: tuple[Pair, ...] = ()


class ArmingCheck(NamedTuple):
    """found: what is the case, with values and what was expected; fix: what to do, empty where it is ok; mandatory:
    nobody can skip it."""

    name: str
    ok: bool
    found: str
    fix: str
    mandatory: bool


class _Answer(NamedTuple):
    ok: bool
    found: str
    fix: str


def facts_of(
    bundle: Bundle,
    backend: str,
    buses: tuple[BusLoad, ...] = (),
    calibration_age_s: float | None = None,
    calibration_problem: str | None = None,
    calibration_doubts: Sequence[str] | None = (),
) -> ArmingFacts:
    """The facts about a bundle on a backend."""
    robot = bundle.robot_config
    joints = None if robot is None else robot.actuator_names
    pairs = () if robot is None else pairs_of(robot.actuator_names, robot.symmetric_index, robot.symmetry_sign)
    doubts = None if calibration_doubts is None else tuple(calibration_doubts)
    found = backend, str(bundle.path), bundle.verified, joints
    return ArmingFacts(*found, calibration_age_s, buses, calibration_problem, doubts, pairs)


def arming_checks(setup: Setup, record: TickRecord, facts: ArmingFacts) -> tuple[ArmingCheck, ...]:
    """All checks, in the order in which a person would mend things.

    Args:
        record: the last tick's; it should not be older than a period.
    """
    checks = []
    for name, (check, always) in CHECKS.items():
        answer = check(setup, record, facts)
        mandatory = always or facts.backend == "real" or (name == "calibration" and _is_calibrated(facts))
        checks.append(ArmingCheck(name, answer.ok, answer.found, "" if answer.ok else answer.fix, mandatory))
    return tuple(checks)


def _is_calibrated(facts: ArmingFacts) -> bool:
    """A robot that was calibrated must keep to it, whatever its backend."""
    return facts.calibration_age_s is not None or facts.calibration_problem is not None


def _bundle(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    if facts.verified:
        return _Answer(True, f"{facts.bundle} is verified", "")
    return _Answer(False, f"{facts.bundle}: checksums missing or stale, expected a verified bundle", "export it again")


def _contract(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    fix = "take a bundle that was exported for this robot, with its robot_config.yaml"
    if facts.config_joints is None:
        return _Answer(False, "the bundle has no robot_config.yaml, expected the robot's", fix)
    for policy, spec in setup.policies.items():
        names = spec.robot.actuator_names
        for place, (mine, theirs) in enumerate(zip(names, facts.config_joints, strict=False)):
            if mine != theirs:
                return _Answer(False, f"joint {place} of policy {policy} is {mine}, expected {theirs}", fix)
        if len(names) != len(facts.config_joints):
            found = f"policy {policy} has {len(names)} joints, expected {len(facts.config_joints)}"
            return _Answer(False, found, fix)
    return _Answer(True, f"{len(facts.config_joints)} joints in the order of robot_config.yaml", "")


def _calibration(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    age_s, days = facts.calibration_age_s, round(CALIBRATION_S / 86400)
    if facts.calibration_problem is not None:
        return _Answer(False, facts.calibration_problem, "robotctl calibrate")
    if age_s is None and facts.backend != "real":
        return _Answer(True, f"none, and --hal {facts.backend} needs none", "")
    if age_s is None:
        return _Answer(False, "no calibration, expected one", "robotctl calibrate")
    found = f"calibration of {age_s / 86400:.0f} days ago"
    if not 0 <= age_s <= CALIBRATION_S:
        return _Answer(False, f"{found}, expected at most {days}", "robotctl calibrate")
    if facts.calibration_doubts is None:
        return _Answer(False, f"{found}, not verified since it last changed", "robotctl calibrate verify")
    if facts.calibration_doubts:
        fix = "do as it says, then robotctl calibrate verify"
        return _Answer(False, f"verified, and found wrong: {' | '.join(facts.calibration_doubts)}", fix)
    return _Answer(True, f"{found}, verified", "")


def _servos(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    bound_s = setup.config.safety.joint_stale_s
    age_s = np.asarray(record.signals.joint_age_s)
    silent = _named(setup, ~(age_s <= bound_s))
    if silent:
        fix = "check power and cables of these servos; robotctl bus scan finds who answers"
        return _Answer(False, f"no answer within {bound_s * 1e3:.0f} ms from {silent}", fix)
    if not record.mode.powered and (unproven := unproven_joints(record, setup.spec.robot.actuator_names)):
        return _Answer(False, not_proven(unproven), "then check these servos; robotctl servo show asks them")
    return _Answer(True, f"all answer, the oldest {float(age_s.max()) * 1e3:.0f} ms ago", "")


def _buses(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    errors = record.health.bus_errors_in_a_row
    found = f"errors in a row on each bus: {', '.join(map(str, errors)) or 'no bus'}"
    ok = not failing_buses(record.health, setup.config.safety)
    bound = setup.config.safety.bus_errors
    return _Answer(ok, found, f"expected below {bound}; check the adapter and its cable, robotctl bus test")


def _temperature(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    bound = setup.config.safety.overheat_degc - COOLER_DEGC
    degc = np.asarray(record.health.temperature_degc)
    if old := _named(setup, stale_health(record.health, setup.config.safety) | np.isnan(degc)):
        found = f"no temperature and voltage within {setup.config.safety.health_stale_s:g} s from {old}"
        return _Answer(False, found, "check power and cables of these servos; robotctl servo show asks them")
    wrong = _named(setup, ~((degc >= 0) & (degc <= bound)))
    if wrong:
        hottest = float(degc.max())
        found = f"the hottest servo has {hottest:.0f} C, expected 0 to {bound:.0f}: {wrong}"
        return _Answer(False, found, "let the servos cool down, and find what strains them")
    return _Answer(True, f"at most {float(degc.max()):.0f} C", "")


def _voltage(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    low, volts = setup.config.safety.undervolt_v + STRONGER_V, float(record.health.voltage_v)
    ok = low <= volts <= HIGHEST_V
    return _Answer(ok, f"{volts:.1f} V, expected {low:.1f} to {HIGHEST_V:.1f}", "charge or change the battery")


def _imu(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    age_s, bound_s = float(record.signals.imu_age_s), setup.config.safety.imu_stale_s
    found = f"sample of {age_s * 1e3:.0f} ms ago, expected at most {bound_s * 1e3:.0f}"
    return _Answer(age_s <= bound_s, found, "check the IMU's wires; robotctl imu test")


def _upright(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    quat = record.signals.quat_wxyz
    if not all_finite(quat):
        return _Answer(False, f"attitude {np.asarray(quat).tolist()}, expected finite numbers", "robotctl imu test")
    degrees = float(np.degrees(tilt_rad(quat)))
    found = f"tilted by {degrees:.0f} deg, expected at most {UPRIGHT_DEG:.0f}"
    if degrees > UPSIDE_DOWN_DEG:
        found += ": the robot or the IMU's mounting is upside down"
    fix = "hold the robot upright; if it is, the IMU's mounting is wrong: robotctl calibrate imu"
    return _Answer(degrees <= UPRIGHT_DEG, found, fix)


def _foot_switches(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    switches, bound_s = np.asarray(record.signals.foot_switches), setup.config.safety.foot_stale_s
    if not (age_s := float(record.health.foot_switch_age_s)) <= bound_s:
        found = f"levels of {age_s * 1e3:.0f} ms ago, expected at most {bound_s * 1e3:.0f}"
        return _Answer(False, found, "see `dmesg` for errors of the pins, and end other programs that use them")
    if not np.all((switches == 0) | (switches == 1)):
        return _Answer(False, f"{switches.tolist()}, expected 0 or 1 each", "check the pins of hardware.foot_switches")
    if len(switches) == len(FOOT_SWITCHES) and np.sum(switches) == len(switches) - 1:
        (odd,) = (name for name, pressed in zip(FOOT_SWITCHES, switches, strict=True) if not pressed)
        fix = "set the robot flat on the ground or lift it; if it is flat, the switch is dead: robotctl calibrate feet"
        return _Answer(False, f"{odd} feels nothing while the other three feel the ground", fix)
    return _Answer(True, f"{switches.tolist()}", "")


def _pose(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    robot, pos = setup.spec.robot, np.asarray(record.signals.joint_pos_rad)
    margin = setup.config.safety.joint_limit_margin_rad
    outside = _named(setup, ~((pos >= robot.range_min - margin) & (pos <= robot.range_max + margin)))
    if outside:
        fix = "move these joints into their ranges by hand; if they are, calibrate"
        return _Answer(False, f"outside the joint's range: {outside}", fix)
    peak = 1.5 * abs(pos - setup.home_rad) / setup.config.motion.homing_s  # of a blend, 1.5 times its mean
    fast = _named(setup, peak > robot.max_velocity)
    if fast:
        fix = "bring these joints nearer to home by hand, or give motion.homing_s more time"
        return _Answer(False, f"too far from home for {setup.config.motion.homing_s:g} s of homing: {fast}", fix)
    farthest = float(np.max(abs(pos - setup.home_rad)))
    return _Answer(True, f"at most {farthest:.2f} rad from home", "")


def _legs(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    """In a stand and at home both legs are alike. Other poses pass unless just one mistake would explain them."""
    robot, rows = setup.spec.robot, setup.config.hardware.calibration
    names, pos = robot.actuator_names, np.asarray(record.signals.joint_pos_rad, np.float64)
    if not facts.pairs or not np.all(np.isfinite(pos)) or any(name not in rows for name in names):
        return _Answer(True, "nothing to compare", "")
    angles = dict(zip(names, pos.tolist(), strict=True))
    ranges = {name: (low, high) for name, low, high in zip(names, robot.range_min, robot.range_max, strict=True)}
    home = dict(zip(names, setup.home_rad.tolist(), strict=True))
    unlike = ", ".join(
        f"{pair.left} {angles[pair.left]:+.2f} and {pair.right} {angles[pair.right]:+.2f} rad"
        for pair in unlike_pairs(angles, facts.pairs)
    )
    found = doubts(angles, facts.pairs, {name: rows[name] for name in names}, ranges, home)
    if not found:
        return _Answer(True, f"read unlike, as they may be: {unlike}" if unlike else "alike", "")
    why = f"read unlike: {unlike}; they would be alike if {', or '.join(map(str, found[:2]))}"
    return _Answer(False, why, "bring both legs into the same pose by hand; if they are: robotctl calibrate verify")


def _deadlines(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    fix = "wait a second; if it stays so, robotctl doctor says what this system lacks"
    if record.before is None or record.number < WATCHED_TICKS:
        return _Answer(False, f"{record.number} ticks so far, expected {WATCHED_TICKS} in time", fix)
    missed = min(record.before.safety.history.bit_count() + record.skipped, WATCHED_TICKS)
    return _Answer(missed == 0, f"{missed} of the last {WATCHED_TICKS} deadlines missed, expected none", fix)


def _bus_budget(setup: Setup, record: TickRecord, facts: ArmingFacts) -> _Answer:
    if not facts.buses:
        return _Answer(True, "no servo bus", "")
    found = ", ".join(f"{bus.name} {bus.age_p95_s * 1e3:.0f} ms" for bus in facts.buses)
    over = ", ".join(bus.name for bus in facts.buses if not bus.fits)
    fix = f"fewer joints on {over}, or a faster baud rate; robotctl bus-budget suggests a split"
    return _Answer(not over, f"p95 of the age of feedback as predicted: {found}", fix)


def _named(setup: Setup, wrong: np.ndarray) -> str:
    """The names of the joints that are wrong, (J,) bool."""
    return ", ".join(name for name, bad in zip(setup.spec.robot.actuator_names, wrong, strict=True) if bad)


_Check = Callable[[Setup, TickRecord, ArmingFacts], _Answer]
CHECKS: dict[str, tuple[_Check, bool]] = {
    "bundle": (_bundle, False),
    "contract": (_contract, True),
    "calibration": (_calibration, False),
    "servos": (_servos, True),
    "buses": (_buses, True),
    "temperature": (_temperature, True),
    "voltage": (_voltage, True),
    "imu": (_imu, True),
    "upright": (_upright, True),
    "foot switches": (_foot_switches, False),
    "pose": (_pose, True),
    "legs": (_legs, False),
    "deadlines": (_deadlines, False),
    "bus budget": (_bus_budget, False),
}
"""By name: the check, and whether it is mandatory everywhere. On the real robot all are."""
