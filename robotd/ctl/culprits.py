"""Which joints a fault is about: the fault table says that there is one, and a person wants to know where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robotd.fault_table import Fault, stale_health, stale_joints
from robotd.record import TickRecord
from robotd.tick import Setup


def culprits(setup: Setup, record: TickRecord) -> str:
    """The faults of a tick with the joints that they are about, as `TRACKING (left_knee_pitch)`."""
    return ", ".join(_with_joints(setup, record, name) for name in record.faults.names)


def _with_joints(setup: Setup, record: TickRecord, name: str) -> str:
    wrong = _wrong(setup, record, Fault[name])
    if wrong is None or not wrong.any():
        return name
    joints = [joint for joint, bad in zip(setup.spec.robot.actuator_names, wrong, strict=True) if bad]
    return f"{name} ({', '.join(joints)})"


def _wrong(setup: Setup, record: TickRecord, fault: Fault) -> NDArray[np.bool_] | None:
    """(J,) bool: joints that meet the fault's condition in this tick; None where it is about none."""
    bounds, robot, signals = setup.config.safety, setup.spec.robot, record.signals
    pos = np.asarray(signals.joint_pos_rad)
    if fault is Fault.TRACKING and record.before is not None:
        return np.asarray(np.abs(pos - record.before.target_rad) > bounds.tracking_rad)
    if fault is Fault.JOINT_LIMIT:
        margin = bounds.joint_limit_margin_rad
        return np.asarray((pos < robot.range_min - margin) | (pos > robot.range_max + margin))
    if fault is Fault.JOINT_STALE:
        return np.asarray(stale_joints(np.asarray(signals.joint_age_s), setup.leg_joints, bounds))
    if fault is Fault.OVERHEAT:
        return np.asarray(np.asarray(record.health.temperature_degc) > bounds.overheat_degc)
    if fault is Fault.HEALTH_STALE:
        return np.asarray(stale_health(record.health, bounds))
    if fault is Fault.TORQUE:
        return np.array([record.health.torque_unproven >> place & 1 for place in range(len(pos))], bool)
    return None
