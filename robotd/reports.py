"""What clients are told of a tick: the messages Status, Telemetry and Timing, made of records. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from contract import tilt_rad
from robotd.desk import Desk
from robotd.messages import (
    Answer,
    AskPolicies,
    AskStatus,
    AskTiming,
    Check,
    Durations,
    Policies,
    Request,
    Status,
    Telemetry,
    Timing,
)
from robotd.record import TickRecord
from robotd.timing import Histogram, LoopTiming
from robotd.torque_proof import unproven_joints


class Traffic(NamedTuple):
    """clients: connected now; lost: ticks of telemetry that slow readers have lost."""

    clients: int
    lost: int


class Reporter:
    """Answers questions, at once and from the last record.

    Args:
        desk: knows policies and who steers.
        joints: names, J.
        timing: of the loop.
        checks: arming checks on a record.
    """

    def __init__(
        self,
        desk: Desk,
        joints: tuple[str, ...],
        timing: LoopTiming,
        checks: Callable[[TickRecord], tuple[Check, ...]] = lambda record: (),
    ) -> None:
        self._desk, self._joints, self._timing, self._checks = desk, joints, timing, checks
        self._last: tuple[TickRecord, str, Status] | None = None  # of this tick and who steers, made once

    def answer(self, question: Request, record: TickRecord, traffic: Traffic) -> Answer | None:
        """The answer; None where it is no question."""
        match question:
            case AskStatus():
                steering = self._desk.steering()[0]
                if self._last is None or self._last[0] is not record or self._last[1] != steering:
                    self._last = record, steering, self._status(record, traffic)
                return self._last[2]
            case AskPolicies():
                return Policies(self._desk.policies, record.policy)
            case AskTiming():
                return timing_of(self._timing)
        return None

    def _status(self, record: TickRecord, traffic: Traffic) -> Status:
        signals, health = record.signals, record.health
        claimed_by, silent_s = self._desk.steering()
        return Status(
            mode=record.mode.value,
            tick=record.number,
            faults=record.faults.names,
            present=record.present.names,
            policy=record.policy,
            policies=self._desk.policies,
            command=_floats(record.command.velocity),
            claimed_by=claimed_by,
            silent_s=silent_s,
            slow_motion=record.slow_motion,
            joints=self._joints,
            joint_pos_rad=_floats(signals.joint_pos_rad),
            tilt_rad=float(tilt_rad(signals.quat_wxyz)),
            imu_age_s=float(signals.imu_age_s),
            joint_age_s=float(np.max(signals.joint_age_s)),
            temperature_degc=_floats(health.temperature_degc),
            voltage_v=float(health.voltage_v),
            bus_errors_in_a_row=tuple(health.bus_errors_in_a_row),
            ctrl_dt=self._timing.period_s,
            overruns=self._timing.overruns,
            clients=traffic.clients,
            lost=traffic.lost,
            checks=self._checks(record),
            torque_unproven=unproven_joints(record, self._joints),
        )


def telemetry_of(record: TickRecord, dropped: int) -> Telemetry:
    """One tick for programs."""
    signals, target = record.signals, record.target_after_rad
    return Telemetry(
        tick=record.number,
        mode=record.mode.value,
        faults=record.faults.names,
        present=record.present.names,
        policy=record.policy,
        stamp_s=float(signals.stamp_s),
        quat_wxyz=_floats(signals.quat_wxyz),
        gyro_rad_s=_floats(signals.gyro_rad_s),
        joint_pos_rad=_floats(signals.joint_pos_rad),
        joint_vel_rad_s=_floats(signals.joint_vel_rad_s),
        foot_switches=_floats(signals.foot_switches),
        joint_age_s=_floats(signals.joint_age_s),
        imu_age_s=float(signals.imu_age_s),
        target_rad=() if target is None else _floats(target),
        command=_floats(record.command.velocity),
        lateness_s=record.timings.lateness_s,
        tick_s=record.timings.tick_s,
        skipped=record.skipped,
        dropped=dropped,
    )


def timing_of(timing: LoopTiming) -> Timing:
    """All durations since the start."""
    kinds = (timing.lateness, timing.tick, timing.slack)
    lateness, tick, slack = (_durations(kind) for kind in kinds)
    return Timing(lateness, tick, slack, timing.overruns, timing.period_s)


def _durations(histogram: Histogram) -> Durations:
    return Durations(histogram.counts, histogram.max_us)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(values.tolist())
