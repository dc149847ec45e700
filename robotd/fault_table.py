"""What can go wrong, as one table: condition, debounce, stop, latch. docs/safety.md's table is made from it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntFlag
from typing import NamedTuple

import numpy as np

from contract import Signals, tilt_rad
from contract.frames import Array
from robotd.config import SafetyConfig
from robotd.health import Health
from robotd.limits import all_finite
from robotd.mode import Event, Stop

LEG_WORDS = ("hip", "knee", "ankle", "foot")


class Fault(IntFlag):
    """Everything that stops the robot, in the order of the table. Several may be present at once."""

    NONE = 0
    NONFINITE = 1
    TILT = 2
    IMU_STALE = 4
    JOINT_STALE = 8
    BUS = 256
    OVERRUN = 16
    JOINT_LIMIT = 32
    TRACKING = 64
    OVERHEAT = 512
    UNDERVOLT = 1024
    OPERATOR = 128
    LINK = 2048
    HEALTH_STALE = 4096
    FOOT_STALE = 8192
    TORQUE = 16384

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each fault that is set, in the order of the table."""
        return tuple(str(fault.name) for fault in Fault if fault in self)


class Reading(NamedTuple):
    """All that a condition may look at. target_rad (J,) is None while the joints are limp; range_min_rad,
    range_max_rad (J,); leg_joints (J,) bool; missed and missed_in_50 count deadlines; link_silent_s as in Orders."""

    signals: Signals
    velocity_command: Array
    target_rad: Array | None
    event: Event | None
    missed: int
    missed_in_50: int
    range_min_rad: Array
    range_max_rad: Array
    leg_joints: Array
    health: Health
    link_silent_s: float | None = None


def _not_finite(reading: Reading, bounds: SafetyConfig) -> bool:
    health = reading.health
    told = health.temperature_degc, health.voltage_v, health.servo_age_s, health.foot_switch_age_s
    return not all_finite(*reading.signals, reading.velocity_command, *told)


def _tilted(reading: Reading, bounds: SafetyConfig) -> bool:
    quat = reading.signals.quat_wxyz  # one that is not finite says nothing about tilt, and is a fault of its own
    return all_finite(quat) and bool(tilt_rad(quat) > math.radians(bounds.tilt_deg))


def _imu_stale(reading: Reading, bounds: SafetyConfig) -> bool:
    return not bool(reading.signals.imu_age_s <= bounds.imu_stale_s)


def _imu_lost(reading: Reading, bounds: SafetyConfig) -> bool:
    return not bool(reading.signals.imu_age_s <= bounds.imu_lost_s)


def stale_joints(age_s: Array, leg_joints: Array, bounds: SafetyConfig) -> Array:
    """(J,) bool: joints whose feedback JOINT_STALE is about, of ages (J,) s."""
    old = age_s.__array_namespace__().logical_not
    return old(age_s <= bounds.joint_stale_s) & leg_joints | old(age_s <= bounds.other_joint_stale_s) & ~leg_joints


def _joint_stale(reading: Reading, bounds: SafetyConfig) -> bool:
    return bool(stale_joints(reading.signals.joint_age_s, reading.leg_joints, bounds).any())


def failing_buses(health: Health, bounds: SafetyConfig) -> int:
    """The buses that BUS is about, as bits: 1 the first, 2 the second, 4 the third ..."""
    return sum((errors >= bounds.bus_errors) << bus for bus, errors in enumerate(health.bus_errors_in_a_row))


def _bus_failing(reading: Reading, bounds: SafetyConfig) -> bool:
    return failing_buses(reading.health, bounds) != 0


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


def _too_hot(reading: Reading, bounds: SafetyConfig) -> bool:
    degc = reading.health.temperature_degc
    return bool(degc.__array_namespace__().any(degc > bounds.overheat_degc))


def _too_weak(reading: Reading, bounds: SafetyConfig) -> bool:
    return bool(reading.health.voltage_v < bounds.undervolt_v)


def stale_health(health: Health, bounds: SafetyConfig) -> Array:
    """(J,) bool: servos whose temperature or voltage HEALTH_STALE is about."""
    age = health.servo_age_s
    return age.__array_namespace__().logical_not(age <= bounds.health_stale_s)


def _health_stale(reading: Reading, bounds: SafetyConfig) -> bool:
    return bool(stale_health(reading.health, bounds).any())


def _feet_stale(reading: Reading, bounds: SafetyConfig) -> bool:
    return not bool(reading.health.foot_switch_age_s <= bounds.foot_stale_s)


def _torque_unproven(reading: Reading, bounds: SafetyConfig) -> bool:
    return reading.health.torque_unproven != 0


def _stop_asked(reading: Reading, bounds: SafetyConfig) -> bool:
    return reading.event is Event.STOP


def _estop_asked(reading: Reading, bounds: SafetyConfig) -> bool:
    return reading.event is Event.ESTOP


def _link_silent(reading: Reading, bounds: SafetyConfig) -> bool:
    silent_s = reading.link_silent_s
    if silent_s is None or silent_s <= bounds.link_silent_s:
        return False
    return not silent_s >= bounds.link_silent_s + bounds.link_decay_s + bounds.link_forget_s


def link_factor(bounds: SafetyConfig, silent_s: float | None) -> float:
    """What is left of the command of a controller that has said nothing for `silent_s` (None: nobody has claimed the
    command): 1 down to 0."""
    if silent_s is None:
        return 1.0
    left = 1 - (silent_s - bounds.link_silent_s) / bounds.link_decay_s
    return min(1.0, max(0.0, left))  # in this order NaN counts as 0


class Row(NamedTuple):
    """One line of the fault table.

    A condition becomes a fault when it has lasted for the debounce, a key of SafetyConfig (none: at once), since the
    tick that first saw it. text names the keys of SafetyConfig that bound it. meanwhile is the stop inside the
    debounce. A latched fault stays until it is cleared in FAULT, another one goes with its condition. `always` rows
    count without torque too, the others only while the joints are powered.
    """

    fault: Fault
    text: str
    condition: Callable[[Reading, SafetyConfig], bool]
    stop: Stop
    debounce: str | None = None
    meanwhile: Stop = Stop.NONE
    latched: bool = True
    always: bool = False

    def debounce_s(self, bounds: SafetyConfig) -> float:
        """How long the condition must last."""
        return 0.0 if self.debounce is None else float(getattr(bounds, self.debounce))


FAULT_TABLE = (
    Row(
        Fault.NONFINITE,
        "NaN or inf in signals, health, command, observation, action or target",
        _not_finite,
        Stop.CROUCH,
    ),
    Row(
        Fault.TILT,
        "body up and world up differ by more than tilt_deg (upside down is 180)",
        _tilted,
        Stop.LIMP,
        "tilt_debounce_s",
        meanwhile=Stop.HOLD,
    ),
    Row(Fault.IMU_STALE, "newest IMU sample older than imu_stale_s; frozen is stale", _imu_stale, Stop.CROUCH),
    Row(Fault.IMU_STALE, "newest IMU sample older than imu_lost_s: tilt unknown", _imu_lost, Stop.LIMP),
    Row(
        Fault.JOINT_STALE,
        "feedback of a leg joint older than joint_stale_s, or of another joint than other_joint_stale_s",
        _joint_stale,
        Stop.CROUCH,
    ),
    Row(
        Fault.BUS,
        "bus_errors transactions of a servo bus in a row failed; its joints stay out of the crouch",
        _bus_failing,
        Stop.CROUCH,
    ),
    Row(
        Fault.OVERRUN,
        "overrun_in_a_row deadlines missed in a row, or overrun_in_50 of the last 50",
        _overrun,
        Stop.CROUCH,
    ),
    Row(
        Fault.JOINT_LIMIT,
        "measured joint outside its range by more than joint_limit_margin_rad",
        _beyond_limit,
        Stop.CROUCH,
        "joint_limit_debounce_s",
    ),
    Row(
        Fault.TRACKING,
        "target and measured joint differ by more than tracking_rad: stall or collision",
        _off_target,
        Stop.CROUCH,
        "tracking_debounce_s",
    ),
    Row(
        Fault.OVERHEAT,
        "a servo hotter than overheat_degc in two answers in a row",
        _too_hot,
        Stop.CROUCH,
        "overheat_debounce_s",
    ),
    Row(
        Fault.UNDERVOLT,
        "a servo's supply voltage below undervolt_v in two answers in a row",
        _too_weak,
        Stop.CROUCH,
        "undervolt_debounce_s",
    ),
    Row(Fault.OPERATOR, "a person or a program asked for a stop", _stop_asked, Stop.CROUCH),
    Row(Fault.OPERATOR, "a person or a program pulled the emergency stop", _estop_asked, Stop.LIMP, always=True),
    Row(
        Fault.LINK,
        "the controller that claimed the command silent for link_silent_s; the command decays to zero within "
        "link_decay_s; gone when it speaks, or after link_forget_s at zero",
        _link_silent,
        Stop.CROUCH,
        "link_debounce_s",
        latched=False,
    ),
    Row(
        Fault.HEALTH_STALE,
        "temperature or voltage of a servo older than health_stale_s",
        _health_stale,
        Stop.CROUCH,
    ),
    Row(Fault.FOOT_STALE, "levels of the foot switches older than foot_stale_s", _feet_stale, Stop.CROUCH),
    Row(
        Fault.TORQUE,
        "a servo has not said that its torque is as it was told: on, or off without torque and on a dead bus",
        _torque_unproven,
        Stop.CROUCH,
        "torque_debounce_s",
    ),
)
"""New rows come last: the black box keeps what safety remembers of each row, in this order."""


def leg_joints(names: tuple[str, ...]) -> Array:
    """(J,) bool: the joints that carry the robot, by the words in their names; all where none has such a name."""
    legs = np.array([any(word in name for word in LEG_WORDS) for name in names])
    return legs if legs.any() else np.ones(len(names), bool)
