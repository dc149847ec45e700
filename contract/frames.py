"""Rotations. Quaternions are wxyz and turn body vectors into world vectors: v_world = R(q) v_body.

World: x forward at start, y left, z up. One implementation for numpy and jax: the argument's own namespace.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any  # numpy or jax array; both carry __array_namespace__


def float32(x: Array) -> Array:
    """`x` as float32 in its own namespace."""
    xp = x.__array_namespace__()
    return xp.asarray(x, dtype=xp.float32)


def normalize_quat(quat_wxyz: Array) -> Array:
    """(4,) -> unit (4,); a norm below 1e-8 counts as identity."""
    q = float32(quat_wxyz)
    xp = q.__array_namespace__()
    huge = xp.max(xp.abs(q)) > 1e15
    q = xp.where(huge, q * np.float32(1e-20), q)  # squares of huge values stay finite
    norm = xp.sqrt(xp.sum(q * q))
    identity = xp.asarray([1.0, 0.0, 0.0, 0.0], dtype=xp.float32)
    tiny = norm < 1e-8
    return xp.where(tiny, identity, q / xp.where(tiny, xp.ones_like(norm), norm))


def gravity_local(quat_wxyz: Array) -> Array:
    """(4,) -> (3,) unit vector R(q)^T [0, 0, -1], body frame. Upright [0, 0, -1]; nose down by a: x = sin a."""
    q = normalize_quat(quat_wxyz)
    xp = q.__array_namespace__()
    w, x, y, z = q[0], q[1], q[2], q[3]
    return -xp.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])


def rotate(quat_wxyz: Array, vector: Array) -> Array:
    """R(q) v: body (3,) -> world (3,)."""
    q, v = normalize_quat(quat_wxyz), float32(vector)
    xp = q.__array_namespace__()
    w, u = q[0], q[1:]
    t = 2 * _cross(u, v, xp)
    return v + w * t + _cross(u, t, xp)


def angvel_heading_local(quat_wxyz: Array, gyro_rad_s: Array) -> Array:
    """Body rates (3,) rad/s in the frame that is level and turned with the body's heading, (3,) rad/s.

    R(q) gyro, then turned by -yaw about z; yaw is taken as 0 where the body's x axis is within 1e-3 of vertical.
    """
    q = normalize_quat(quat_wxyz)
    xp = q.__array_namespace__()
    rate = rotate(q, gyro_rad_s)
    w, x, y, z = q[0], q[1], q[2], q[3]
    sin_yaw, cos_yaw = 2 * (w * z + x * y), 1 - 2 * (y * y + z * z)
    length = xp.sqrt(sin_yaw * sin_yaw + cos_yaw * cos_yaw)
    vertical = length < 1e-3
    length = xp.where(vertical, xp.ones_like(length), length)
    sin_yaw = xp.where(vertical, xp.zeros_like(length), sin_yaw / length)
    cos_yaw = xp.where(vertical, xp.ones_like(length), cos_yaw / length)
    return xp.stack([cos_yaw * rate[0] + sin_yaw * rate[1], -sin_yaw * rate[0] + cos_yaw * rate[1], rate[2]])


def tilt_rad(quat_wxyz: Array) -> Array:
    """Angle () between body up and world up, 0 upright, pi upside down."""
    gravity = gravity_local(quat_wxyz)
    xp = gravity.__array_namespace__()
    return xp.atan2(xp.sqrt(gravity[0] * gravity[0] + gravity[1] * gravity[1]), -gravity[2])


def _cross(a: Array, b: Array, xp: Any) -> Array:
    return xp.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
