"""The columns of a black box that a comparison needs, as arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robotd.blackbox_reader import BlackBoxFile

Float64 = NDArray[np.float64]
_MEASURED = ("joint_pos_rad", "joint_vel_rad_s", "joint_age_s", "quat_wxyz", "gyro_rad_s")


class Session(NamedTuple):
    """T ticks, J joints, F switches. number (T,) counts ticks; time_s (T,) in control periods since the first, missed
    ones included; mode: names; pos_rad, vel_rad_s, age_s (T, J) as measured; quat_wxyz (T, 4), gyro_rad_s (T, 3) of the
    IMU; feet (T, F) bool; target_rad (T, J) as sent, NaN where the robot was limp."""

    number: NDArray[np.int64]
    time_s: Float64
    mode: list[str]
    pos_rad: Float64
    vel_rad_s: Float64
    age_s: Float64
    quat_wxyz: Float64
    gyro_rad_s: Float64
    feet: NDArray[np.bool_]
    target_rad: Float64

    @property
    def powered(self) -> NDArray[np.bool_]:
        """(T,) whether there was torque."""
        return np.asarray(np.isfinite(self.target_rad).all(axis=1))


def read_session(file: BlackBoxFile, rows: Iterable[Any]) -> Session | None:
    """The ticks of a black box in their order; None where there are none."""
    ticks = []
    for row in rows:
        target = file.plain(row, "target_after_rad")
        ticks.append(
            (
                int(row["number"]),
                int(row["skipped"]),
                file.plain(row, "mode"),
                *(np.array(row[f"signals.{name}"], np.float64) for name in _MEASURED),
                np.array(row["signals.foot_switches"]) > 0.5,
                np.full(len(file.header.joints), np.nan) if target is None else np.array(target, np.float64),
            )
        )
    if not ticks:
        return None
    number, skipped, mode, *arrays = zip(*ticks, strict=True)
    steps = np.array(skipped) + np.diff(np.array(number), prepend=number[0])
    steps[0] = 0
    pos, vel, age, quat, gyro, feet, target = (np.stack(part) for part in arrays)
    time_s = np.cumsum(steps) * file.header.ctrl_dt
    return Session(np.array(number, np.int64), time_s, list(mode), pos, vel, age, quat, gyro, feet, target)
