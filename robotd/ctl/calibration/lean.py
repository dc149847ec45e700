"""How a robot that holds its home pose leans, and the trim that stands it straight. Pure.

A lean is an error of offsets: at home, soles flat on level ground, the body is upright by design. Forward it is taken
out of both ankles' pitch, sideways out of both feet's roll: joints next to the ground turn the whole body at once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robotd.ctl.calibration.imu_mounting import gravity_in_sensor, matrix_of

MOST_LEAN_RAD = math.radians(6.0)
"""More is no matter of trim: an offset is wrong."""
WORTH_RAD = math.radians(0.3)
"""Less is left as it is: a servo's unit is 0.24 deg."""
PITCH_JOINTS = ("left_ankle_pitch", "right_ankle_pitch")
ROLL_JOINTS = ("left_foot_roll", "right_foot_roll")


class Lean(NamedTuple):
    """Angles in rad: forward is nose down, right is onto the right side."""

    forward_rad: float
    right_rad: float

    @property
    def angle_rad(self) -> float:
        """Both together."""
        return math.hypot(self.forward_rad, self.right_rad)

    def __str__(self) -> str:
        forward, right = math.degrees(self.forward_rad), math.degrees(self.right_rad)
        return (
            f"{abs(forward):.1f} deg {'forward' if forward >= 0 else 'back'}, "
            f"{abs(right):.1f} deg to the {'right' if right >= 0 else 'left'}"
        )


def gravity_in_body(quat_wxyz: ArrayLike, mounting_wxyz: ArrayLike) -> NDArray[np.float64]:
    """Unit (3,), of an attitude (4,) world<-sensor and the mounting (4,) body<-sensor."""
    return np.asarray(matrix_of(mounting_wxyz) @ gravity_in_sensor(quat_wxyz))


def lean_of(gravity_body: ArrayLike) -> Lean:
    """The lean of a body that feels gravity (3,) so."""
    x, y, z = (float(part) for part in np.asarray(gravity_body))
    return Lean(math.atan2(x, -z), math.atan2(-y, -z))


def trim_for(lean: Lean) -> dict[str, float]:
    """Angles in rad to add at home, by joint; empty where the lean is not worth one.

    Dorsiflexion leans a body on its soles forward, so a lean forward takes some of it away. A positive roll turns each
    sole outward, the left one against the right: one grows by what the other loses.
    """
    trim: dict[str, float] = {}
    if abs(lean.forward_rad) >= WORTH_RAD:
        trim |= dict.fromkeys(PITCH_JOINTS, -lean.forward_rad)
    if abs(lean.right_rad) >= WORTH_RAD:
        left, right = ROLL_JOINTS
        trim |= {left: lean.right_rad, right: -lean.right_rad}
    return {name: round(angle, 5) for name, angle in trim.items()}
