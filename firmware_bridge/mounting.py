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
    """quat_wxyz: body<-sensor, unit: v_body = R v_sensor. Make it with `from_quat`, which checks."""

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
