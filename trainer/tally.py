"""What a batch of trials showed: sums over the steps of each robot until it falls, and the figures made of them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from .env import EnvState, Outcome
from .physics.body_state import Array, BodyState
from .rewards import foot_contact, heading_velocity, to_heading

SETTLED_S = 1.0
"""Velocity counts from here on: an episode begins from rest."""
SUCCESS_SHARE = 0.8
"""An episode that lasts longer than this share of its steps is a success: 400 of 500."""
HIGH_TORQUE_NM = 2.5


class Moment(NamedTuple):
    """One control step of B robots: states after it, bodies before and after, action (B, J) raw, push (B, 3) N."""

    states: EnvState
    before: BodyState
    body: BodyState
    action: np.ndarray
    outcome: Outcome
    push: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """What a batch of trials showed, over the steps before a fall.

    survived: trials without a fall; success_rate: share of trials longer than 80 % of the steps. Velocity in the
    frame of the heading, m/s, after the first second; velocity_error_m_s: mean over robots of |mean velocity -
    command| in that frame; drifts are means of what was lost at the end, against the command, the lateral one in the
    frame of the first heading; torques in Nm at the joints; action_rate: mean of sum (a_t - a_t-1)^2;
    action_smoothness: mean |a_t - 2 a_t-1 + a_t-2| of the network's output, less is smoother; gait_symmetry: 1 - mean
    over robots of |L - R| / (L + R), L and R the shares of steps in which the left and the right foot touch the
    floor, 1 is even; min_foot_gap_m: nearest that the soles' middle lines came, sideways.
    """

    trials: int
    steps: int
    survived: int
    survived_interval: tuple[float, float]
    success_rate: float
    episode_length_mean: float
    reward_per_step: float
    forward_velocity_m_s: float
    velocity_error_m_s: float
    mean_abs_torque_nm: float
    rms_torque_nm: float
    p99_abs_torque_nm: float
    max_abs_torque_nm: float
    high_torque_share: float
    action_rate: float
    action_smoothness: float
    gait_symmetry: float
    heading_drift_deg: float
    lateral_drift_m: float
    max_drift_m: float
    min_foot_gap_m: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; what is not finite becomes None."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


class Trials(NamedTuple):
    """Each of B robots: up (B,) bool, it never fell; lengths (B,) steps; velocity (B, 3) mean vx, vy m/s in the frame
    of the heading and yaw rate rad/s after the first second, nan where it fell before."""

    up: np.ndarray
    lengths: np.ndarray
    velocity: np.ndarray


class Tally:
    """Sums over the moments of a batch, each robot until it falls."""

    def __init__(self, ctrl_dt: float) -> None:
        self._ctrl_dt = ctrl_dt
        self.up, self.lengths, self._settled = (np.zeros(0, int) for _ in range(3))
        self._origin, self._last, self._velocity, self._command, self._touch = (np.zeros((0, 2)) for _ in range(5))
        self._reward, self._drift, self._sideways, self._heading = (np.zeros(0) for _ in range(4))
        self._torques: list[np.ndarray] = []
        self._turn: np.ndarray | None = None  # the last action's difference to the one before
        self._gap, self._rate, self._jerk, self._jerk_count = math.inf, 0.0, 0.0, 0
        self._derived = jax.jit(jax.vmap(_derived))

    def add(self, moment: Moment) -> None:
        """Take in a moment; the first one tells how many robots there are and where they began."""
        body, command = moment.body, np.asarray(moment.states.command)
        if not len(self.up):
            self._begin(moment)
        self.up &= ~np.asarray(moment.outcome.terminated)
        up = self.up
        self.lengths += up
        self._reward += np.where(up, np.asarray(moment.outcome.reward), 0.0)
        self._actions(moment.action)
        velocity, gap, touch = (np.asarray(x) for x in self._derived(body))
        error = np.asarray(moment.states.heading_error)
        self._touch += up[:, None] * touch
        if self.lengths.max() * self._ctrl_dt > SETTLED_S:
            turned = command[:, 2] + (error - self._heading) / self._ctrl_dt
            self._velocity += up[:, None] * np.column_stack([velocity, turned])
            self._command += up[:, None] * command
            self._settled += up
        self._torques.append(np.abs(body.joint_torque[up]))
        away = body.base_pos[:, :2] - self._origin
        self._drift = np.where(up, np.maximum(self._drift, np.linalg.norm(away, axis=1)), self._drift)
        self._sideways = np.where(up, away[:, 1] - command[:, 1] * self.lengths * self._ctrl_dt, self._sideways)
        self._heading = np.where(up, error, self._heading)
        self._gap = min(self._gap, float(gap[up].min(initial=math.inf)))

    def trials(self) -> Trials:
        """Robot by robot."""
        with np.errstate(invalid="ignore"):
            return Trials(self.up, self.lengths, self._velocity / self._settled[:, None])

    def result(self, steps: int) -> Evaluation:
        """All robots together; `steps` is how long an episode was to last."""
        torque = np.concatenate(self._torques) if any(t.size for t in self._torques) else np.zeros((1, 1))
        survived, trials, lived = int(self.up.sum()), len(self.up), max(int(self.lengths.sum()), 1)
        settled = self._settled > 0
        mean = (self._velocity - self._command)[settled, :2] / self._settled[settled, None]
        touch = self._touch.sum(1)
        uneven = np.abs(self._touch[:, 0] - self._touch[:, 1])[touch > 0] / touch[touch > 0]
        return Evaluation(
            trials=trials,
            steps=steps,
            survived=survived,
            survived_interval=wilson_interval(survived, trials),
            success_rate=float(np.mean(self.lengths > SUCCESS_SHARE * steps)),
            episode_length_mean=float(self.lengths.mean()),
            reward_per_step=float(self._reward.sum()) / lived,
            forward_velocity_m_s=float(self._velocity[:, 0].sum()) / max(int(self._settled.sum()), 1),
            velocity_error_m_s=float(np.linalg.norm(mean, axis=1).mean()) if settled.any() else math.nan,
            mean_abs_torque_nm=float(torque.mean()),
            rms_torque_nm=float(np.sqrt(np.mean(torque**2))),
            p99_abs_torque_nm=float(np.percentile(torque, 99)),
            max_abs_torque_nm=float(torque.max()),
            high_torque_share=float(np.mean(torque > HIGH_TORQUE_NM)),
            action_rate=self._rate / lived,
            action_smoothness=self._jerk / max(self._jerk_count, 1),
            gait_symmetry=1.0 - float(uneven.mean()) if uneven.size else math.nan,
            heading_drift_deg=float(np.degrees(np.mean(np.abs(self._heading)))),
            lateral_drift_m=float(np.mean(np.abs(self._sideways))),
            max_drift_m=float(self._drift.max()),
            min_foot_gap_m=self._gap,
        )

    def _begin(self, moment: Moment) -> None:
        batch = len(moment.action)
        self.up = np.ones(batch, bool)
        self.lengths, self._settled = np.zeros(batch, int), np.zeros(batch, int)
        self._origin, self._last = moment.before.base_pos[:, :2].copy(), np.zeros_like(moment.action)
        self._reward, self._drift, self._sideways, self._heading = (np.zeros(batch) for _ in range(4))
        self._velocity, self._command, self._touch = np.zeros((batch, 3)), np.zeros((batch, 3)), np.zeros((batch, 2))

    def _actions(self, action: np.ndarray) -> None:
        turn = action - self._last
        self._rate += float(np.sum(turn[self.up] ** 2))
        if self._turn is not None and self.lengths.max() > 2:
            bend = np.abs(turn - self._turn)[self.up]
            self._jerk, self._jerk_count = self._jerk + float(bend.sum()), self._jerk_count + bend.size
        self._last, self._turn = action, turn


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, 1927)."""
    p, n, z = successes / trials, trials, 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _derived(body: BodyState) -> tuple[Array, Array, Array]:
    """Velocity (2,) forward and left, sideways distance () of the feet, which feet (2,) touch the floor."""
    across = to_heading(body, body.foot_pos[0, :2] - body.foot_pos[1, :2])[1]
    return heading_velocity(body), across, foot_contact(body)
