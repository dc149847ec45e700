"""From joint angles to servo units and back: 500 + offset + direction * (q - q_at_zero) * 1000 / rad(240)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract import PolicySpec
from robotd.wiring import LAST_UNITS, MIDDLE_UNITS, UNITS_PER_RAD, JointCalibration, Wiring

from .hardware import HardwareError

Float64 = NDArray[np.float64]


class ServoFrame(NamedTuple):
    """J joints in policy order. direction (J,) +1 or -1; middle_units (J,): the unit at q_at_zero_rad (J,)."""

    direction: Float64
    middle_units: Float64
    q_at_zero_rad: Float64


def servo_frame(calibration: Sequence[JointCalibration]) -> ServoFrame:
    """The frame of joints in the order in which they are given."""
    return ServoFrame(
        direction=np.array([joint.direction for joint in calibration], np.float64),
        middle_units=np.array([MIDDLE_UNITS + joint.offset_units for joint in calibration], np.float64),
        q_at_zero_rad=np.array([joint.q_at_zero_rad for joint in calibration], np.float64),
    )


def to_units(frame: ServoFrame, pos_rad: ArrayLike) -> NDArray[np.int64]:
    """Angles (J,) rad to the nearest units that a servo can be told, 0 to 1000. Raises ValueError: not finite."""
    units = unclamped_units(frame, pos_rad)
    if not np.all(np.isfinite(units)):
        raise ValueError(f"target {np.asarray(pos_rad).tolist()} rad: expected finite numbers")
    return np.rint(np.clip(units, 0, LAST_UNITS)).astype(np.int64)


def unclamped_units(frame: ServoFrame, pos_rad: ArrayLike) -> Float64:
    """Angles (J,) rad to units, also between two units and beyond the servo's 240 degrees."""
    angle = np.asarray(pos_rad, np.float64) - frame.q_at_zero_rad
    return np.asarray(frame.middle_units + frame.direction * angle * UNITS_PER_RAD)


def to_rad(frame: ServoFrame, units: ArrayLike) -> Float64:
    """Units (J,) as servos report them to angles (J,) rad."""
    shift = np.asarray(units, np.float64) - frame.middle_units
    return np.asarray(frame.q_at_zero_rad + frame.direction * shift / UNITS_PER_RAD)


def to_rad_s(frame: ServoFrame, units_per_s: ArrayLike) -> Float64:
    """Speeds (J,) in units/s to rad/s."""
    return np.asarray(frame.direction * np.asarray(units_per_s, np.float64) / UNITS_PER_RAD)


def check_wiring(spec: PolicySpec, wiring: Wiring) -> ServoFrame:
    """The frame of a policy's joints, after a look at whether these wires are its robot's.

    Raises:
        HardwareError: other joints than the policy's, or a servo whose 240 degrees do not cover its joint's range.
    """
    names = spec.robot.actuator_names
    missing = [name for name in names if name not in wiring.joints]
    strangers = [name for name in wiring.joints if name not in names]
    if missing or strangers:
        found, expected = (missing, "every joint") if missing else (strangers, "no joint but the policy's")
        verb = "no wire for" if missing else "wires for"
        raise HardwareError(
            f"hardware.joints: {verb} {', '.join(found)}, expected {expected}; correct robotd.yaml, or take the "
            "bundle of this robot"
        )
    frame = servo_frame([wiring.calibration[name] for name in names])
    ends = np.stack([unclamped_units(frame, spec.robot.range_min), unclamped_units(frame, spec.robot.range_max)])
    for name, low, high in zip(names, ends.min(axis=0), ends.max(axis=0), strict=True):
        if low < 0 or high > LAST_UNITS:
            raise HardwareError(
                f"hardware.calibration.{name}: its range needs the units {low:.0f} to {high:.0f}, expected 0 to "
                f"{LAST_UNITS}; turn the servo's horn, and correct q_at_zero_rad"
            )
    return frame
