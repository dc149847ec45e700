"""What an IMU said during a dry run, as figures: where down is, whether the gyro agrees, how it drifts. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract import gravity_local
from robotd.record import TickRecord

Float64 = NDArray[np.float64]
DOWN = np.array((0.0, 0.0, -1.0))
STILL: Float64 = np.array((1.0, 0.0, 0.0, 0.0))
WINDOW_S = 0.5
"""At both ends of a drift, over which sway is averaged out."""


class ImuFigures(NamedTuple):
    """gravity: mean in the body, of length 1; tilt_deg: of it from straight down; wobble_deg: the farthest from that
    mean; norm_error: of the quaternions; gyro_rad_s: the largest; turned_deg: how far it turned from the first sample;
    mismatch_deg: between that turn and what the gyro adds up to; age_max_s."""

    gravity: tuple[float, float, float]
    tilt_deg: float
    wobble_deg: float
    norm_error: float
    gyro_rad_s: float
    turned_deg: float
    mismatch_deg: float
    age_max_s: float


class Drift(NamedTuple):
    """From the beginning to the end of a time: how far the lean went and how far the robot turned, degrees."""

    seconds: float
    lean_deg: float
    heading_deg: float


def imu_figures(records: Sequence[TickRecord]) -> ImuFigures:
    """Of records in which the robot was left alone, or moved by hand."""
    quats = np.array([record.signals.quat_wxyz for record in records], np.float64)
    gyro = np.array([record.signals.gyro_rad_s for record in records], np.float64)
    stamps = np.array([float(record.signals.stamp_s) for record in records])
    gravity = np.array([gravity_local(record.signals.quat_wxyz) for record in records], np.float64)
    mean = gravity.mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    turned = _product(_conjugate(quats[0]), quats[-1])
    return ImuFigures(
        gravity=(float(mean[0]), float(mean[1]), float(mean[2])),
        tilt_deg=_between_deg(mean, DOWN),
        wobble_deg=max(_between_deg(one, mean) for one in gravity),
        norm_error=float(np.abs(np.linalg.norm(quats, axis=1) - 1).max()),
        gyro_rad_s=float(np.abs(gyro).max()),
        turned_deg=_angle_deg(turned),
        mismatch_deg=_angle_deg(_product(_conjugate(_added_up(gyro, stamps)), turned)),
        age_max_s=max(float(record.signals.imu_age_s) for record in records),
    )


def drift_of(records: Sequence[TickRecord], ctrl_dt: float) -> Drift | None:
    """Of records in which a policy held the robot; None where there are too few."""
    window = round(WINDOW_S / ctrl_dt)
    if len(records) < 3 * window:
        return None
    first, last = (_mean_quat(part) for part in (records[:window], records[-window:]))
    lean = _between_deg(
        np.asarray(gravity_local(first.astype(np.float32))), np.asarray(gravity_local(last.astype(np.float32)))
    )
    turn = (_yaw_deg(last) - _yaw_deg(first) + 180) % 360 - 180
    return Drift((len(records) - window) * ctrl_dt, lean, abs(turn))


def _mean_quat(records: Sequence[TickRecord]) -> Float64:
    """Of quaternions near each other; q and -q are the same."""
    quats = np.array([record.signals.quat_wxyz for record in records], np.float64)
    quats *= np.where(quats @ quats[0] < 0, -1.0, 1.0)[:, None]
    mean = quats.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9))


def _added_up(gyro: Float64, stamps: Float64) -> Float64:
    """The turn (4,) that rates (T, 3) rad/s at times (T,) s add up to."""
    turn = STILL
    for rate, seconds in zip((gyro[1:] + gyro[:-1]) / 2, np.diff(stamps), strict=True):
        half = rate * seconds / 2
        size = float(np.linalg.norm(half))
        share = math.sin(size) / size if size > 1e-12 else 1.0
        turn = _product(turn, np.array((math.cos(size), *(share * half))))
    return turn


def _product(p: Float64, q: Float64) -> Float64:
    a, u, b, v = p[0], p[1:], q[0], q[1:]
    return np.array((a * b - u @ v, *(a * v + b * u + np.cross(u, v))))


def _conjugate(q: Float64) -> Float64:
    return np.asarray(q * (1, -1, -1, -1))


def _angle_deg(q: Float64) -> float:
    return math.degrees(2 * math.atan2(float(np.linalg.norm(q[1:])), abs(float(q[0]))))


def _between_deg(a: Float64, b: Float64) -> float:
    return math.degrees(math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b)))


def _yaw_deg(q: Float64) -> float:
    w, x, y, z = q.tolist()
    return math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
