"""What a dry run showed, as figures of its records: joints, IMU, foot switches, policy, drift. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract import FOOT_SWITCHES
from robotd.ctl.attitude_figures import Drift, ImuFigures, drift_of, imu_figures
from robotd.mode import Mode
from robotd.record import TickRecord
from robotd.tick import Setup

Float64 = NDArray[np.float64]
SHOWN_RAD = 0.05
"""Of targets: a joint that was sent less far says nothing about how it follows."""
TOLERANCE_RAD = 1e-6
HURRY_RAD_S = 1e-3


class JointFigures(NamedTuple):
    """One joint. None: nothing was seen of it.

    found_rad: where it was found, limp; moved_rad: how far it was moved meanwhile, by a hand; low_rad, high_rad: its
    range; age_p95_s, age_max_s: of its feedback; sent_rad: lowest and highest target, sent or withheld; asked_rad_s:
    the fastest that the policy asked for; over_speed, at_limit: shares of the policy's ticks in which the joint's speed
    limit, the end of its range held its target back; behind_rad: the largest distance of target and joint;
    follows: slope of the joint's way over its targets' way while robotd itself led it, 1 for a joint that goes where it
    is sent.
    """

    name: str
    found_rad: float
    moved_rad: float
    low_rad: float
    high_rad: float
    age_p95_s: float
    age_max_s: float
    sent_rad: tuple[float, float] | None
    asked_rad_s: float | None
    over_speed: float | None
    at_limit: float | None
    behind_rad: float | None
    follows: float | None


class PolicyFigures(NamedTuple):
    """ticks: with the policy; finite: all of its outputs; saturated: share of actions beyond [-1, 1]; speed_rad_s: mean
    and largest that it asked for; violent: share of ticks in which some joint was asked to be faster than it can;
    filter_error: of the low-pass as it ran, from the one of the bundle."""

    ticks: int
    finite: bool
    saturated: float
    mean_rad_s: float
    peak_rad_s: float
    violent: float
    filter_error: float


class Figures(NamedTuple):
    """All of a run. switches: by name, how often each changed, and whether it was pressed at first and at last;
    range_excess_rad, speed_excess_rad_s, lead_excess_rad: of all targets beyond what limits them (the lead only where
    the speed limit let them come back), not above 0 where all is well, None where there were no targets or no such
    limit; drift: while the policy had the robot."""

    joints: tuple[JointFigures, ...]
    imu: ImuFigures
    switches: dict[str, tuple[int, bool, bool]]
    policy: PolicyFigures | None
    range_excess_rad: float | None
    lead_excess_rad: float | None
    speed_excess_rad_s: float | None
    drift: Drift | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        nested = {name: value._asdict() for name, value in self._asdict().items() if hasattr(value, "_asdict")}
        return self._asdict() | nested | {"joints": [joint._asdict() for joint in self.joints]}


def figures_of(setup: Setup, records: Sequence[TickRecord], slow: float, signs_ticks: int = 0) -> Figures:
    """All figures of a run's records, from its first tick on.

    Args:
        slow: factor on the joints' speeds in this run.
        signs_ticks: ticks of ACTIVE before the policy's own.
    """
    limp = [record for record in records if record.mode is Mode.IDLE]
    powered = [record for record in records if record.target_after_rad is not None]
    active = [record for record in records if record.mode is Mode.ACTIVE]
    policy, alone = active[signs_ticks:], (Mode.HOMING, Mode.STANDBY)
    led = [record for record in powered if record.mode in alone] + active[:signs_ticks]
    sent = _Sent(setup, powered, slow)
    switches = np.array([record.signals.foot_switches for record in records]) > 0.5
    changes = np.count_nonzero(np.diff(switches, axis=0), axis=0)
    return Figures(
        joints=tuple(_joint(setup, i, limp, led, policy, sent) for i in range(setup.spec.num_joints)),
        imu=imu_figures(limp),
        switches={
            name: (int(changes[i]), bool(switches[0, i]), bool(switches[-1, i])) for i, name in enumerate(FOOT_SWITCHES)
        },
        policy=_policy(setup, policy) if policy else None,
        range_excess_rad=sent.range_excess_rad,
        lead_excess_rad=sent.lead_excess_rad,
        speed_excess_rad_s=sent.speed_excess_rad_s,
        drift=drift_of(policy, setup.spec.runtime.ctrl_dt),
    )


class _Sent:
    """The targets (T, J) of the powered ticks, against all bounds."""

    def __init__(self, setup: Setup, powered: Sequence[TickRecord], slow: float) -> None:
        self.range_excess_rad: float | None = None
        self.lead_excess_rad: float | None = None
        self.speed_excess_rad_s: float | None = None
        self.after: Float64 | None = None
        if not powered:
            return
        limits, dt_s = setup.limits, setup.spec.runtime.ctrl_dt
        self.after = np.array([_after(record) for record in powered], np.float64)
        self.measured = np.array([_measured(record) for record in powered], np.float64)
        beyond = np.maximum(limits.low_rad - self.after, self.after - limits.high_rad)
        self.range_excess_rad = float(beyond.max())
        fastest_rad_s = limits.max_velocity_rad_s * slow
        excess = np.abs(np.diff(self.after, axis=0)) / dt_s - fastest_rad_s
        self.speed_excess_rad_s = float(excess.max()) if len(self.after) > 1 else None
        if math.isfinite(setup.lead_rad):
            # the speed limit comes after the lead: a target that comes back as fast as it may is where it can be
            hurrying = np.abs(np.diff(self.after, axis=0, prepend=self.after[:1])) / dt_s > fastest_rad_s - HURRY_RAD_S
            lead = np.where(hurrying, 0.0, np.abs(self.after - self.measured))
            self.lead_excess_rad = float(lead.max()) - setup.lead_rad


def _joint(
    setup: Setup,
    i: int,
    limp: Sequence[TickRecord],
    led: Sequence[TickRecord],
    policy: Sequence[TickRecord],
    sent: _Sent,
) -> JointFigures:
    robot = setup.spec.robot
    found = np.array([record.signals.joint_pos_rad[i] for record in limp], np.float64)
    ages = np.array([record.signals.joint_age_s[i] for record in limp], np.float64)
    moved = found - found[0]
    asked = over = at_limit = behind = follows = span = None
    if sent.after is not None:
        after, measured = sent.after[:, i], sent.measured[:, i]
        span, behind = (float(after.min()), float(after.max())), float(np.abs(after - measured).max())
    if led:
        follows = _slope(*(np.array([of(record)[i] for record in led], np.float64) for of in (_after, _measured)))
    if policy:
        wanted, speed = _asked(policy, i, setup.spec.runtime.ctrl_dt)
        asked = float(speed.max())
        over = float(np.mean(speed > robot.max_velocity[i]))
        low, high = setup.limits.low_rad[i] - TOLERANCE_RAD, setup.limits.high_rad[i] + TOLERANCE_RAD
        at_limit = float(np.mean((wanted < low) | (wanted > high)))
    return JointFigures(
        name=robot.actuator_names[i],
        found_rad=float(np.median(found)),
        moved_rad=float(moved[np.argmax(np.abs(moved))]),
        low_rad=float(robot.range_min[i]),
        high_rad=float(robot.range_max[i]),
        age_p95_s=float(np.quantile(ages, 0.95)),
        age_max_s=float(ages.max()),
        sent_rad=span,
        asked_rad_s=asked,
        over_speed=over,
        at_limit=at_limit,
        behind_rad=behind,
        follows=follows,
    )


def _asked(policy: Sequence[TickRecord], i: int | slice, dt_s: float) -> tuple[Float64, Float64]:
    """What the policy wanted of joints, rad, and the speeds rad/s from one wish to the next, the first from the last
    target before."""
    wanted = np.array([_before(record)[i] for record in policy], np.float64)
    first = policy[0].before
    start = np.asarray(wanted[0] if first is None else first.target_rad[i], np.float64)
    return wanted, np.abs(np.diff(wanted, axis=0, prepend=start[None])) / dt_s


def _before(record: TickRecord) -> Any:
    """The target before all limits, that of the tick before where the policy gave none."""
    if record.target_before_rad is not None:
        return record.target_before_rad
    return record.target_after_rad if record.before is None else record.before.target_rad


def _after(record: TickRecord) -> Any:
    return record.target_after_rad


def _measured(record: TickRecord) -> Any:
    return record.signals.joint_pos_rad


def _slope(sent: Float64, measured: Float64) -> float | None:
    """How far a joint went for each rad that it was sent; None where that was too little."""
    x, y = sent - sent.mean(), measured - measured.mean()
    return float(x @ y / (x @ x)) if np.ptp(sent) > SHOWN_RAD else None


def _policy(setup: Setup, policy: Sequence[TickRecord]) -> PolicyFigures:
    _, speed = _asked(policy, slice(None), setup.spec.runtime.ctrl_dt)
    raw = [record.raw_action for record in policy if record.raw_action is not None]
    return PolicyFigures(
        ticks=len(policy),
        finite=all(record.filtered_action is not None for record in policy),
        saturated=float(np.mean(np.abs(raw) > 1)) if raw else 0.0,
        mean_rad_s=float(speed.mean()),
        peak_rad_s=float(speed.max()),
        violent=float(np.mean((speed > setup.spec.robot.max_velocity).any(axis=1))),
        filter_error=_filter_error(setup.spec.action.alpha, policy),
    )


def _filter_error(alpha: float, policy: Sequence[TickRecord]) -> float:
    """How far filtered actions are from alpha * the last one + (1 - alpha) * the network's."""
    errors = [0.0]
    for last, now in pairwise(policy):
        if last.filtered_action is not None and now.filtered_action is not None and now.raw_action is not None:
            wanted = alpha * np.asarray(last.filtered_action) + (1 - alpha) * np.asarray(now.raw_action)
            errors.append(float(np.abs(wanted - now.filtered_action).max()))
    return max(errors)
