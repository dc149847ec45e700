"""Finds the servo that explains a record: least squares over the servo model, in numpy alone, with uncertainties.

Offset and gain between model and record (gravity's sag) are solved for exactly at each step; the servo's numbers are
found by Levenberg-Marquardt from several starts. Residuals far out of line count less (Huber), since a busy machine or
a lost reply must not bend the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .servo_model import Float64, Servo, Told, shaft

FIRST_ORDER = ("delay_s", "speed_units_s", "lag_s", "play_units", "friction_units")
SECOND_ORDER = (*FIRST_ORDER, "inertia_s2")
LIMITS = {
    "delay_s": (0.0, 0.25),
    "speed_units_s": (50.0, 20_000.0),
    "lag_s": (0.001, 0.5),
    "inertia_s2": (1e-6, 0.02),
    "play_units": (0.0, 60.0),
    "friction_units": (0.0, 60.0),
}
STARTS = ((0.02, 0.03), (0.005, 0.015), (0.06, 0.06))
"""Delay and lag, s."""
START_INERTIA_S2 = 3e-4
WORTH_IT = 0.8
"""The second order is taken where it leaves no more than this part of the first order's squares. A shaft that swings
leaves far less; of one that does not, a little inertia would explain the rounding and steal from the delay."""
ROUNDS, OUTLIER = 25, 2.5
SIGMAS = 2.0
"""Uncertainties are so many standard errors: about 95 %."""
LEAST_SIGMA_UNITS = 0.29
"""Standard deviation of rounding to whole units."""


class Record(NamedTuple):
    """One joint's trial. told: as they reached the servo; times_s, units (N,): positions as read, ascending in time;
    start_units: where it stood before."""

    told: Sequence[Told]
    times_s: Float64
    units: Float64
    start_units: float


class Fit(NamedTuple):
    """servo: what explains the record best. uncertainty: by its numbers, infinite where the record says nothing of
    one. hysteresis_units: play and friction together and its uncertainty, which is known better than either. gain,
    offset_units: of record over model, gravity's. rms_units: of what is left. path (N,): the model at the record's
    times, units."""

    servo: Servo
    uncertainty: dict[str, float]
    hysteresis_units: tuple[float, float]
    gain: float
    offset_units: float
    rms_units: float
    path: Float64


class _Point(NamedTuple):
    servo: Servo
    residual: Float64
    cost: float


def fit_servo(record: Record, top_speed_units_s: float) -> Fit:
    """The servo behind a record; `top_speed_units_s` is the fastest that it was told to be."""
    speed = top_speed_units_s * 0.75
    starts = [Servo(delay_s=delay, speed_units_s=speed, lag_s=lag) for delay, lag in STARTS]
    starts = [start._replace(play_units=1.0, friction_units=0.2) for start in starts]
    first = min((_descend(record, start, FIRST_ORDER) for start in starts), key=lambda point: point.cost)
    heavy = [first.servo, starts[0]]
    heavy = [start._replace(inertia_s2=START_INERTIA_S2) for start in heavy]
    second = min((_descend(record, start, SECOND_ORDER) for start in heavy), key=lambda point: point.cost)
    best, free = (second, SECOND_ORDER) if second.cost < WORTH_IT * first.cost else (first, FIRST_ORDER)
    return _judged(record, best, free)


def _descend(record: Record, start: Servo, free: Sequence[str]) -> _Point:
    """Levenberg-Marquardt within LIMITS."""
    here, damping = _point(record, start), 1e-2
    for _ in range(ROUNDS):
        jacobian = _jacobian(record, here, free)
        weights = _weights(here.residual)
        weighted = jacobian * weights[:, None]
        normal, slope = weighted.T @ jacobian, weighted.T @ here.residual
        before = here.cost
        for _ in range(6):
            stiffer = normal + damping * np.diag(np.diag(normal) + 1e-12)
            step = np.asarray(np.linalg.lstsq(stiffer, -slope, rcond=None)[0], np.float64)
            there = _point(record, _moved(here.servo, free, step))
            if there.cost < here.cost:
                here, damping = there, max(damping / 5, 1e-7)
                break
            damping *= 5
        if before - here.cost < 1e-5 * before:
            break
    return here


def _point(record: Record, servo: Servo) -> _Point:
    residual = _explained(record, servo)[0]
    return _Point(servo, residual, float(np.sum(_huber(residual))))


def _explained(record: Record, servo: Servo) -> tuple[Float64, float, float, Float64]:
    """What is left of the record beside offset + gain * model; gain, offset; and the model with them."""
    path = shaft(servo, record.told, record.start_units, record.times_s)
    centre = path.mean()
    spread = path - centre
    gain = float(spread @ (record.units - record.units.mean()) / max(spread @ spread, 1e-9))
    offset = float(record.units.mean() - gain * centre)
    model = offset + gain * path
    return model - record.units, gain, offset, model


def _jacobian(record: Record, here: _Point, free: Sequence[str]) -> Float64:
    """(N, P): how the residual changes with each number, each scaled by its step."""
    columns = []
    for name in free:
        step, value = _step_of(here.servo, name), getattr(here.servo, name)
        if value + step > LIMITS[name][1]:
            step = -step
        there = _explained(record, here.servo._replace(**{name: value + step}))[0]
        columns.append((there - here.residual) / step * _scale_of(here.servo, name))
    return np.stack(columns, axis=1)


def _step_of(servo: Servo, name: str) -> float:
    """Of the finite difference: large enough to be seen over the corners of the model."""
    return {
        "delay_s": 5e-4,
        "speed_units_s": 0.01 * servo.speed_units_s,
        "lag_s": 5e-4,
        "inertia_s2": 0.05 * servo.inertia_s2 + 1e-6,
        "play_units": 0.1,
        "friction_units": 0.1,
    }[name]


def _scale_of(servo: Servo, name: str) -> float:
    """What the numbers of a step are counted in, so that all are near one."""
    if name in ("speed_units_s", "inertia_s2"):
        return max(float(getattr(servo, name)), LIMITS[name][0])
    return 0.01 if name.endswith("_s") else 1.0


def _moved(servo: Servo, free: Sequence[str], step: Float64) -> Servo:
    values = {}
    for name, part in zip(free, step, strict=True):
        low, high = LIMITS[name]
        change = float(np.clip(part, -3, 3)) * _scale_of(servo, name)
        values[name] = min(max(getattr(servo, name) + change, low), high)
    return servo._replace(**values)


def _huber(residual: Float64) -> Float64:
    size, bound = np.abs(residual), _bound(residual)
    return np.where(size < bound, residual**2, bound * (2 * size - bound))


def _weights(residual: Float64) -> Float64:
    return np.minimum(1.0, _bound(residual) / np.maximum(np.abs(residual), 1e-9))


def _bound(residual: Float64) -> float:
    return max(OUTLIER * 1.4826 * float(np.median(np.abs(residual))), 1.0)


def _judged(record: Record, best: _Point, free: Sequence[str]) -> Fit:
    """Standard errors from the curvature, widened by how much neighbouring residuals agree."""
    residual, gain, offset, model = _explained(record, best.servo)
    rms = float(np.sqrt(np.mean(residual**2)))
    jacobian = _jacobian(record, best, free)
    normal = jacobian.T @ jacobian
    seen = np.diag(normal) > 1e-6 * len(residual)
    sigma = max(float(np.sqrt(np.mean(_huber(residual)))), LEAST_SIGMA_UNITS) * _alike(residual)
    covariance = np.zeros(normal.shape)
    covariance[np.ix_(seen, seen)] = np.linalg.pinv(normal[np.ix_(seen, seen)]) * sigma**2
    uncertainty = {}
    for place, name in enumerate(free):
        error = SIGMAS * float(np.sqrt(covariance[place, place])) if seen[place] else float("inf")
        uncertainty[name] = error * _scale_of(best.servo, name)
    sum_of = np.array([name in ("play_units", "friction_units") for name in free], float)
    hysteresis = best.servo.play_units + best.servo.friction_units
    error = SIGMAS * float(np.sqrt(max(sum_of @ covariance @ sum_of, 0.0)))
    return Fit(best.servo, uncertainty, (hysteresis, error), gain, offset, rms, model)


def _alike(residual: Float64) -> float:
    """By how much a standard error grows since neighbouring residuals are alike: sqrt(1 + 2 sum of correlations)."""
    centred = residual - residual.mean()
    power = float(centred @ centred)
    if power <= 0:
        return 1.0
    lags = [float(centred[lag:] @ centred[:-lag]) / power for lag in range(1, min(60, len(centred) // 4))]
    total = 0.0
    for value in lags:
        if value <= 0.05:
            break
        total += value
    return float(np.sqrt(1 + 2 * total))
