"""How the IMU sits in the body, solved from directions that are known in the body and seen in the sensor. Pure.

A pose at rest gives one direction: that of gravity. A tilt about a known axis gives another: the axis itself, however
far the person tilts. The rotation that fits all of them best is Wahba's, by a singular value decomposition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract.frames import rotation_matrix

Float64 = NDArray[np.float64]
Vector = tuple[float, float, float]

GRAVITY_IN_BODY: Mapping[str, Vector] = {
    "upright": (0, 0, -1),
    "face_down": (1, 0, 0),
    "on_its_back": (-1, 0, 0),
    "on_its_left": (0, 1, 0),
    "on_its_right": (0, -1, 0),
}
"""Unit vectors in the body's frame (x forward, y left, z up), by the pose's name."""
TILT = "tilt"
FORWARD_TILT_AXIS: Vector = (0, 1, 0)
"""Nose down turns the body about +y."""
MOST_MISFIT_DEG = 12.0
"""Of one pose: more is another pose than the one that was asked for, not an unsteady hand."""
LEAST_APART_DEG = 30.0
LEAST_TILT_DEG = 15.0
MOST_SPREAD_DEG = 5.0
"""Of the samples of a pose at rest about their mean, rms: more is a robot that moved."""


class MountingRefusal(ValueError):
    """Poses from which no mounting follows: one sentence. pose: the one to take again, where it is known which."""

    def __init__(self, message: str, pose: str | None = None) -> None:
        super().__init__(message)
        self.pose = pose


class Direction(NamedTuple):
    """One direction, unit vectors (3,): in the body as it was asked for, in the sensor's frame as it was seen."""

    pose: str
    body: Vector
    sensor: Float64


class Solution(NamedTuple):
    """quat_wxyz: body<-sensor, unit, w >= 0; misfit_deg: by pose, between what was asked for and what was seen;
    residual_deg: rms of them."""

    quat_wxyz: tuple[float, float, float, float]
    misfit_deg: dict[str, float]
    residual_deg: float


def mean_attitude(quats_wxyz: ArrayLike) -> tuple[Float64, float]:
    """The mean (4,) of attitudes (N, 4), and their rms distance from it in deg. q and -q are the same attitude."""
    quats = np.asarray(quats_wxyz, np.float64)
    if quats.ndim != 2 or quats.shape[1] != 4 or len(quats) == 0 or not np.all(np.isfinite(quats)):
        raise MountingRefusal(f"attitudes of shape {quats.shape}, expected finite quaternions (N, 4) and at least one")
    quats = quats / np.linalg.norm(quats, axis=1, keepdims=True)
    mean: Float64 = np.linalg.eigh(quats.T @ quats)[1][:, -1]
    angles = 2 * np.arccos(np.clip(np.abs(quats @ mean), 0, 1))
    return mean, math.degrees(float(np.sqrt(np.mean(angles**2))))


def gravity_in_sensor(quat_wxyz: ArrayLike) -> Float64:
    """Where gravity points in the sensor's frame, unit (3,), at an attitude (4,) world<-sensor."""
    return np.asarray(-matrix_of(quat_wxyz)[2])


def still_attitude(pose: str, quats_wxyz: ArrayLike) -> Float64:
    """The mean attitude (4,) of a robot at rest, of (N, 4). Raises MountingRefusal: it moved."""
    mean, spread_deg = mean_attitude(quats_wxyz)
    if spread_deg > MOST_SPREAD_DEG:
        raise MountingRefusal(
            f"{pose}: the robot moved by {spread_deg:.1f} deg, expected at most {MOST_SPREAD_DEG:g}; hold it still",
            pose,
        )
    return mean


def tilt_direction(upright: ArrayLike, tilted: ArrayLike) -> Direction:
    """The axis of a tilt nose down, from gravity (3,) in the sensor's frame before and after it.

    Only how gravity turned counts: the heading may have drifted, and the person may have turned the robot.

    Raises:
        MountingRefusal: it was hardly tilted.
    """
    before, after = np.asarray(upright, np.float64), np.asarray(tilted, np.float64)
    cross = np.cross(after, before)
    angle_deg = math.degrees(math.atan2(float(np.linalg.norm(cross)), float(after @ before)))
    if not LEAST_TILT_DEG <= angle_deg <= 180 - LEAST_TILT_DEG:
        raise MountingRefusal(
            f"{TILT}: the robot was tilted by {angle_deg:.0f} deg, expected {LEAST_TILT_DEG:g} to "
            f"{180 - LEAST_TILT_DEG:g}; tilt it nose down by about 45",
            TILT,
        )
    return Direction(TILT, FORWARD_TILT_AXIS, cross / np.linalg.norm(cross))


def solve_mounting(directions: Sequence[Direction]) -> Solution:
    """The right-handed rotation body<-sensor that fits best.

    Raises:
        MountingRefusal: fewer than two directions or all too alike, or one that does not fit the others.
    """
    _check_apart(directions)
    solution = _fit(directions)
    worst, misfit_deg = max(solution.misfit_deg.items(), key=lambda item: item[1])
    if misfit_deg > MOST_MISFIT_DEG:
        pose = _culprit(directions)
        which = f"pose {pose} does not fit the others" if pose else f"the poses do not fit, least of all {worst}"
        raise MountingRefusal(
            f"{which}: up to {misfit_deg:.0f} deg off, expected at most {MOST_MISFIT_DEG:g}; take "
            f"{'that pose' if pose else 'all poses'} again",
            pose,
        )
    return solution


def angle_between_deg(first_wxyz: ArrayLike, second_wxyz: ArrayLike) -> float:
    """The angle of the rotation from one attitude (4,) to another."""
    first, second = np.asarray(first_wxyz, np.float64), np.asarray(second_wxyz, np.float64)
    dot = abs(float(first @ second)) / float(np.linalg.norm(first) * np.linalg.norm(second))
    return math.degrees(2 * math.acos(min(dot, 1.0)))


def matrix_of(quat_wxyz: ArrayLike) -> Float64:
    """The rotation (3, 3) of a quaternion (4,) of any norm but 0."""
    quat = np.asarray(quat_wxyz, np.float64)
    return np.asarray(rotation_matrix(quat / np.linalg.norm(quat)))


def quat_of(rotation: Float64) -> tuple[float, float, float, float]:
    """The unit quaternion wxyz, w >= 0, of a rotation (3, 3): the eigenvector of Bar-Itzhack's symmetric matrix."""
    m = rotation
    k = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    w, x, y, z = (float(part) for part in np.linalg.eigh(k)[1][:, -1])
    return (w, x, y, z) if w >= 0 else (-w, -x, -y, -z)


def _fit(directions: Sequence[Direction]) -> Solution:
    """Wahba's problem with equal weights: B = sum body sensor^T = U S V^T, R = U diag(1, 1, det U det V) V^T."""
    body, sensor = np.array([d.body for d in directions], np.float64), np.array([d.sensor for d in directions])
    u, _, v_t = np.linalg.svd(body.T @ sensor)
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u) * np.linalg.det(v_t)]) @ v_t
    seen = sensor @ rotation.T
    misfit = np.degrees(np.arctan2(np.linalg.norm(np.cross(body, seen), axis=1), np.sum(body * seen, axis=1)))
    by_pose = {d.pose: float(angle) for d, angle in zip(directions, misfit, strict=True)}
    return Solution(quat_of(rotation), by_pose, float(np.sqrt(np.mean(misfit**2))))


def _check_apart(directions: Sequence[Direction]) -> None:
    """Two directions that are neither alike nor opposite must be among them, in what was seen."""
    seen = [d.sensor for d in directions]
    sines = [float(np.linalg.norm(np.cross(a, b))) for n, a in enumerate(seen) for b in seen[:n]]
    apart_deg = math.degrees(math.asin(min(max(sines, default=0.0), 1.0)))
    if apart_deg < LEAST_APART_DEG:
        poses = ", ".join(d.pose for d in directions) or "none"
        raise MountingRefusal(
            f"the poses {poses} are too alike: seen {apart_deg:.0f} deg apart, expected at least "
            f"{LEAST_APART_DEG:g}; take them again, each as it is named"
        )


def _culprit(directions: Sequence[Direction]) -> str | None:
    """The pose without which the others agree, if there is exactly one."""
    if len(directions) < 4:
        return None
    without = {d.pose: _fit([other for other in directions if other is not d]) for d in directions}
    agree = [pose for pose, fit in without.items() if max(fit.misfit_deg.values()) <= MOST_MISFIT_DEG]
    return agree[0] if len(agree) == 1 else None
