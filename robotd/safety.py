"""What can go wrong, as one table, and the limits that every joint target passes before the bus. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntFlag
from typing import NamedTuple

import numpy as np

from contract import PolicySpec, Signals, tilt_rad
from contract.frames import Array
from robotd.config import SafetyConfig
from robotd.mode import Event, Mode, Stop

OVERRUN_WINDOW = 50  # deadlines
LEG_WORDS = ("hip", "knee", "ankle", "foot")


class Fault(IntFlag):
    """Everything that stops the robot. Several may be present at once."""

    NONE = 0
    NONFINITE = 1
    TILT = 2
    IMU_STALE = 4
    JOINT_STALE = 8
    OVERRUN = 16
    JOINT_LIMIT = 32
    TRACKING = 64
    OPERATOR = 128

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each fault that is set, in the order of the table."""
        return tuple(str(fault.name) for fault in Fault if fault in self)


class Reading(NamedTuple):
    """All that a condition may look at. target_rad (J,) is None while the joints are limp; range_min_rad,
    range_max_rad (J,); leg_joints (J,) bool; missed and missed_in_50 count deadlines."""

    signals: Signals
    velocity_command: Array
    target_rad: Array | None
    event: Event | None
    missed: int
    missed_in_50: int
    range_min_rad: Array
    range_max_rad: Array
    leg_joints: Array


def _not_finite(reading: Reading, bounds: SafetyConfig) -> bool:
    return not all(all_finite(field) for field in (*reading.signals, reading.velocity_command))


def _tilted(reading: Reading, bounds: SafetyConfig) -> bool:
    quat = reading.signals.quat_wxyz  # one that is not finite says nothing about tilt, and is a fault of its own
    return all_finite(quat) and bool(tilt_rad(quat) > math.radians(bounds.tilt_deg))


def _imu_stale(reading: Reading, bounds: SafetyConfig) -> bool:
    return not bool(reading.signals.imu_age_s <= bounds.imu_stale_s)


def _imu_lost(reading: Reading, bounds: SafetyConfig) -> bool:
    return not bool(reading.signals.imu_age_s <= bounds.imu_lost_s)


def _joint_stale(reading: Reading, bounds: SafetyConfig) -> bool:
    age = reading.signals.joint_age_s
    xp = age.__array_namespace__()
    return bool(xp.any(xp.logical_not(age <= bounds.joint_stale_s) & reading.leg_joints))


def _overrun(reading: Reading, bounds: SafetyConfig) -> bool:
    return reading.missed >= bounds.overrun_in_a_row or reading.missed_in_50 >= bounds.overrun_in_50


def _beyond_limit(reading: Reading, bounds: SafetyConfig) -> bool:
    pos, margin = reading.signals.joint_pos_rad, bounds.joint_limit_margin_rad
    xp = pos.__array_namespace__()
    return bool(xp.any((pos < reading.range_min_rad - margin) | (pos > reading.range_max_rad + margin)))


def _off_target(reading: Reading, bounds: SafetyConfig) -> bool:
    if reading.target_rad is None:
        return False
    pos = reading.signals.joint_pos_rad
    return bool(pos.__array_namespace__().any(abs(pos - reading.target_rad) > bounds.tracking_rad))


def _stop_asked(reading: Reading, bounds: SafetyConfig) -> bool:
    return reading.event is Event.STOP


def _estop_asked(reading: Reading, bounds: SafetyConfig) -> bool:
    return reading.event is Event.ESTOP


class Row(NamedTuple):
    """One line of the fault table. A condition becomes a fault when it has lasted for `debounce_s` since the tick
    that first saw it; `always` rows count without torque too, the others only while the joints are powered."""

    fault: Fault
    text: str
    condition: Callable[[Reading, SafetyConfig], bool]
    debounce_s: Callable[[SafetyConfig], float]
    stop: Stop
    latched: bool = True
    always: bool = False


def _at_once(bounds: SafetyConfig) -> float:
    return 0.0


FAULT_TABLE = (
    Row(Fault.NONFINITE, "NaN or inf in signals, observation, action or target", _not_finite, _at_once, Stop.CROUCH),
    Row(
        Fault.TILT, "body up and world up differ by more than tilt_deg", _tilted, lambda b: b.tilt_debounce_s, Stop.LIMP
    ),
    Row(Fault.IMU_STALE, "newest IMU sample older than imu_stale_s", _imu_stale, _at_once, Stop.CROUCH),
    Row(Fault.IMU_STALE, "newest IMU sample older than imu_lost_s", _imu_lost, _at_once, Stop.LIMP),
    Row(Fault.JOINT_STALE, "feedback of a leg joint older than joint_stale_s", _joint_stale, _at_once, Stop.CROUCH),
    Row(Fault.OVERRUN, "too many deadlines missed", _overrun, _at_once, Stop.CROUCH),
    Row(
        Fault.JOINT_LIMIT,
        "measured joint outside its range by more than joint_limit_margin_rad",
        _beyond_limit,
        lambda b: b.joint_limit_debounce_s,
        Stop.CROUCH,
    ),
    Row(
        Fault.TRACKING,
        "target and measured joint differ by more than tracking_rad",
        _off_target,
        lambda b: b.tracking_debounce_s,
        Stop.CROUCH,
    ),
    Row(Fault.OPERATOR, "a person or a program asked for a stop", _stop_asked, _at_once, Stop.CROUCH),
    Row(
        Fault.OPERATOR,
        "a person or a program pulled the emergency stop",
        _estop_asked,
        _at_once,
        Stop.LIMP,
        always=True,
    ),
)


class SafetyState(NamedTuple):
    """What safety remembers: for each row how many periods its condition has lasted (-1: absent), which rows are
    latched, deadlines missed without a tick in time between, and the last 50 deadlines as bits (1: missed)."""

    lasted: tuple[int, ...] = (-1,) * len(FAULT_TABLE)
    latched: tuple[bool, ...] = (False,) * len(FAULT_TABLE)
    missed: int = 0
    history: int = 0


class Verdict(NamedTuple):
    """faults: latched, and temporary ones while they last; present: conditions that hold now, debounced or not."""

    faults: Fault
    present: Fault
    stop: Stop


def count_deadlines(state: SafetyState, skipped: int) -> SafetyState:
    """Enter this tick's deadline, and the `skipped` whole periods before it, into the record of deadlines."""
    skipped = min(skipped, OVERRUN_WINDOW)
    history = (((state.history << skipped) | ((1 << skipped) - 1)) << 1) & ((1 << OVERRUN_WINDOW) - 1)
    return state._replace(missed=state.missed + skipped if skipped else 0, history=history)


def check(
    bounds: SafetyConfig, state: SafetyState, reading: Reading, mode: Mode, periods: int, ctrl_dt: float
) -> tuple[SafetyState, Verdict]:
    """Look at every row of the table.

    Args:
        mode: the mode of the last tick; without torque only `always` rows become faults, the others are `present`.
        periods: control periods of `ctrl_dt` s since the last tick, 1 where none was skipped.

    Returns:
        The next state and the verdict, whose stop is the worst of all faults. CLEAR in FAULT unlatches everything.
    """
    cleared = mode is Mode.FAULT and reading.event is Event.CLEAR
    lasted, latched, raised, present = [], [], [], Fault.NONE
    for row, before, stuck in zip(FAULT_TABLE, state.lasted, state.latched, strict=True):
        holds = row.condition(reading, bounds)
        count = -1 if not holds else 0 if before < 0 else before + periods
        is_fault = holds and (mode.powered or row.always) and count * ctrl_dt >= row.debounce_s(bounds) - 1e-9
        present |= row.fault if holds else Fault.NONE
        lasted.append(count)
        latched.append((is_fault and row.latched) or (stuck and not cleared))
        raised.append(is_fault or latched[-1])
    verdict = _verdict(raised, present)
    return state._replace(lasted=tuple(lasted), latched=tuple(latched)), verdict


def latch(state: SafetyState, verdict: Verdict, fault: Fault) -> tuple[SafetyState, Verdict]:
    """Raise a fault that was found after `check`, in the same tick: all its rows without a debounce of their own."""
    row = next(i for i, row in enumerate(FAULT_TABLE) if row.fault is fault)
    latched = tuple(stuck or i == row for i, stuck in enumerate(state.latched))
    worst = max(verdict.stop, FAULT_TABLE[row].stop)
    return state._replace(latched=latched), Verdict(verdict.faults | fault, verdict.present | fault, worst)


def _verdict(raised: list[bool], present: Fault) -> Verdict:
    faults, stop = Fault.NONE, Stop.NONE
    for row, is_raised in zip(FAULT_TABLE, raised, strict=True):
        if is_raised:
            faults, stop = faults | row.fault, max(stop, row.stop)
    return Verdict(faults, present, stop)


def all_finite(values: Array) -> bool:
    """Whether no element is NaN or inf."""
    xp = values.__array_namespace__()
    return bool(xp.all(xp.isfinite(values)))


class Limits(NamedTuple):
    """What every target obeys: low_rad, high_rad (J,) the range less a margin; max_velocity_rad_s (J,)."""

    low_rad: Array
    high_rad: Array
    max_velocity_rad_s: Array


def limits_of(spec: PolicySpec, margin_rad: float) -> Limits:
    """The limits of a robot; a joint whose range is narrower than two margins keeps the middle of it."""
    robot = spec.robot
    margin = np.minimum(np.float32(margin_rad), robot.span)
    return Limits(robot.range_min + margin, robot.range_max - margin, robot.max_velocity)


def clip_to_range(limits: Limits, pose_rad: Array) -> Array:
    """A pose (J,) rad as the first `previous_rad`: inside the range, its middle where it is not finite."""
    xp = pose_rad.__array_namespace__()
    pose = xp.where(xp.isfinite(pose_rad), pose_rad, (limits.low_rad + limits.high_rad) / 2)
    return xp.clip(pose, limits.low_rad, limits.high_rad)


def limit(limits: Limits, target_rad: Array, previous_rad: Array, dt_s: float, slow_motion: float) -> Array:
    """The last stage before the bus, for every source of targets.

    Args:
        target_rad: (J,) what is wanted; an element that is not finite keeps its previous target.
        previous_rad: (J,) the last target that went out, or `clip_to_range` of the pose before the first.
        dt_s: time since `previous_rad`; slow_motion: factor in (0, 1] on the velocity limits.

    Returns:
        (J,) rad, finite, inside the range, and no joint further from `previous_rad` than it may move in dt_s.
    """
    xp = target_rad.__array_namespace__()
    step = limits.max_velocity_rad_s * np.float32(dt_s * slow_motion)
    wanted = xp.where(xp.isfinite(target_rad), target_rad, previous_rad)
    return xp.clip(xp.clip(wanted, previous_rad - step, previous_rad + step), limits.low_rad, limits.high_rad)


def leg_joints(names: tuple[str, ...]) -> Array:
    """(J,) bool: the joints that carry the robot, by the words in their names; all where none has such a name."""
    legs = np.array([any(word in name for word in LEG_WORDS) for name in names])
    return legs if legs.any() else np.ones(len(names), bool)
