"""Rotations. Quaternions are wxyz and turn body vectors into world vectors: v_world = R(q) v_body.

World: x forward at start, y left, z up. One implementation for numpy and jax: the argument's own namespace. It works on
single numbers, and with factors 0 and 1 in place of `where`: for so few of them that is several times as fast in numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any  # numpy or jax array; both carry __array_namespace__
_NUMPY = (np.ndarray, np.generic)
_ONE, _TWO = np.float32(1), np.float32(2)


def namespace(x: Array) -> Any:
    """The array namespace of `x`, numpy's without asking."""
    return np if isinstance(x, _NUMPY) else x.__array_namespace__()


def float32(x: Array) -> Array:
    """`x` as float32 in its own namespace."""
    xp = namespace(x)
    return xp.asarray(x, dtype=xp.float32)


def clip(x: Array, low: Array, high: Array) -> Array:
    """`x` inside [low, high], element by element; at a fraction of what numpy's own clip takes for a few numbers."""
    xp = namespace(x)
    return xp.minimum(xp.maximum(x, low), high)


def normalize_quat(quat_wxyz: Array) -> Array:
    """(4,) -> unit (4,); a norm below 1e-8 counts as identity."""
    q = float32(quat_wxyz)
    xp = namespace(q)
    huge = xp.float32(abs(q).max() > 1e15)
    scale = _ONE - huge + huge * np.float32(1e-20)  # squares of huge values stay finite
    w, x, y, z = q[0] * scale, q[1] * scale, q[2] * scale, q[3] * scale
    norm = xp.sqrt(w * w + x * x + y * y + z * z)
    tiny = xp.float32(norm < 1e-8)
    norm, known = norm + tiny, _ONE - tiny
    return xp.asarray([w / norm * known + tiny, x / norm * known, y / norm * known, z / norm * known], dtype=xp.float32)


def gravity_local(quat_wxyz: Array) -> Array:
    """(4,) -> (3,) unit vector R(q)^T [0, 0, -1], body frame. Upright [0, 0, -1]; nose down by a: x = sin a."""
    return gravity_of_unit(normalize_quat(quat_wxyz))


def gravity_of_unit(q: Array) -> Array:
    """The same, where q (4,) is of unit length already."""
    xp = namespace(q)
    w, x, y, z = q[0], q[1], q[2], q[3]
    gravity = [_TWO * (w * y - x * z), -_TWO * (y * z + w * x), _TWO * (x * x + y * y) - _ONE]
    return xp.asarray(gravity, dtype=xp.float32)


def rotate(quat_wxyz: Array, vector: Array) -> Array:
    """R(q) v: body (3,) -> world (3,)."""
    q = normalize_quat(quat_wxyz)
    xp = namespace(q)
    return xp.asarray(_rotated(q, float32(vector)), dtype=xp.float32)


def rotation_matrix(quat_wxyz: Array) -> Array:
    """R(q): (..., 4) of unit length -> (..., 3, 3), in its own precision."""
    xp = namespace(quat_wxyz)
    w, x, y, z = xp.moveaxis(quat_wxyz, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return xp.stack([xp.stack(row, -1) for row in rows], -2)


def angvel_heading_local(quat_wxyz: Array, gyro_rad_s: Array) -> Array:
    """Body rates (3,) rad/s in the frame that is level and turned with the body's heading, (3,) rad/s.

    R(q) gyro, then turned by -yaw about z; yaw is taken as 0 where the body's x axis is within 1e-3 of vertical.
    """
    return angvel_of_unit(normalize_quat(quat_wxyz), gyro_rad_s)


def angvel_of_unit(q: Array, gyro_rad_s: Array) -> Array:
    """The same, where q (4,) is of unit length already."""
    xp = namespace(q)
    rate_x, rate_y, rate_z = _rotated(q, float32(gyro_rad_s))
    w, x, y, z = q[0], q[1], q[2], q[3]
    sin_yaw, cos_yaw = _TWO * (w * z + x * y), _ONE - _TWO * (y * y + z * z)
    length = xp.sqrt(sin_yaw * sin_yaw + cos_yaw * cos_yaw)
    level = xp.float32(length >= 1e-3)
    vertical = _ONE - level
    sin_yaw, cos_yaw = sin_yaw / (length + vertical) * level, cos_yaw / (length + vertical) * level + vertical
    turned = [cos_yaw * rate_x + sin_yaw * rate_y, cos_yaw * rate_y - sin_yaw * rate_x, rate_z]
    return xp.asarray(turned, dtype=xp.float32)


def tilt_rad(quat_wxyz: Array) -> Array:
    """Angle () between body up and world up, 0 upright, pi upside down."""
    gravity = gravity_local(quat_wxyz)
    xp = namespace(gravity)
    return xp.atan2(xp.sqrt(gravity[0] * gravity[0] + gravity[1] * gravity[1]), -gravity[2])


def _rotated(q: Array, v: Array) -> tuple[Array, Array, Array]:
    """R(q) v element by element: single numbers cost less than vectors of three. v + w t + u x t with t = 2 u x v."""
    w, x, y, z = q[0], q[1], q[2], q[3]
    a, b, c = v[0], v[1], v[2]
    t_x, t_y, t_z = _TWO * (y * c - z * b), _TWO * (z * a - x * c), _TWO * (x * b - y * a)
    return a + w * t_x + (y * t_z - z * t_y), b + w * t_y + (z * t_x - x * t_z), c + w * t_z + (x * t_y - y * t_x)
