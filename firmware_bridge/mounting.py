"""How the IMU sits in the body: a right-handed rotation that turns its vectors and attitudes into the body's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Vector = tuple[float, float, float]
Quat = tuple[float, float, float, float]

_TOLERANCE = 0.01


class MountingError(ValueError):
    """A mounting that is no rotation: one sentence."""


class Mounting(NamedTuple):
    """quat_wxyz: body<-sensor, unit: v_body = R v_sensor. Make it with `from_quat` or `from_matrix`, which check."""

    quat_wxyz: Quat = (1.0, 0.0, 0.0, 0.0)

    @classmethod
    def from_quat(cls, quat_wxyz: Sequence[float]) -> Mounting:
        """body<-sensor as wxyz. Raises MountingError unless its norm is within 0.01 of 1."""
        if len(quat_wxyz) != 4 or not all(math.isfinite(part) for part in quat_wxyz):
            raise MountingError(f"IMU mounting {list(quat_wxyz)}: expected four finite numbers w, x, y, z")
        norm = math.hypot(*quat_wxyz)
        if abs(norm - 1) > _TOLERANCE:
            raise MountingError(f"IMU mounting {list(quat_wxyz)}: norm {norm:.3f}, expected 1; calibrate the IMU again")
        w, x, y, z = (part / norm for part in quat_wxyz)
        return cls((w, x, y, z))

    @classmethod
    def from_matrix(cls, rows: Sequence[Sequence[float]]) -> Mounting:
        """body<-sensor as 3 rows of 3. Raises MountingError unless it is orthonormal and right-handed."""
        if [len(row) for row in rows] != [3, 3, 3] or not all(math.isfinite(part) for row in rows for part in row):
            raise MountingError("IMU mounting: expected 3 rows of 3 finite numbers")
        for a in range(3):
            for b in range(a, 3):
                dot = sum(rows[a][n] * rows[b][n] for n in range(3))
                if abs(dot - (a == b)) > _TOLERANCE:
                    raise MountingError(
                        f"IMU mounting: rows {a} and {b} have the product {dot:.3f}, expected {int(a == b)} as in a "
                        "rotation; calibrate the IMU again"
                    )
        if _determinant(rows) < 0:
            raise MountingError(
                "IMU mounting is left-handed (determinant -1), a mirror image that no rotation reaches; "
                "turn the sign of one row, or calibrate the IMU again"
            )
        return cls.from_quat(_quat_of(rows))

    def attitude(self, quat_wxyz: Quat) -> Quat:
        """world<-sensor to world<-body: q * conj(mounting)."""
        mw, mx, my, mz = self.quat_wxyz
        return product(quat_wxyz, (mw, -mx, -my, -mz))

    def vector(self, sensor: Vector) -> Vector:
        """A vector (3,) in the sensor's frame to the body's."""
        w, x, y, z = self.quat_wxyz
        a, b, c = sensor
        tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
        return a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx


def product(p: Quat, q: Quat) -> Quat:
    """The rotation q and after it p, both wxyz."""
    a, b, c, d = p
    w, x, y, z = q
    return (
        a * w - b * x - c * y - d * z,
        a * x + b * w + c * z - d * y,
        a * y - b * z + c * w + d * x,
        a * z + b * y - c * x + d * w,
    )


def _determinant(m: Sequence[Sequence[float]]) -> float:
    return (
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    )


def _quat_of(m: Sequence[Sequence[float]]) -> Quat:
    """Of the four ways to read a quaternion from a matrix, the one whose pivot is largest."""
    pivots = (
        1 + m[0][0] + m[1][1] + m[2][2],
        1 + m[0][0] - m[1][1] - m[2][2],
        1 - m[0][0] + m[1][1] - m[2][2],
        1 - m[0][0] - m[1][1] + m[2][2],
    )
    wx, wy, wz = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    xy, xz, yz = m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]
    best = max(range(4), key=lambda n: pivots[n])
    parts = ((pivots[0], wx, wy, wz), (wx, pivots[1], xy, xz), (wy, xy, pivots[2], yz), (wz, xz, yz, pivots[3]))[best]
    norm = math.hypot(*parts)
    w, x, y, z = (part / norm for part in parts)
    return w, x, y, z
