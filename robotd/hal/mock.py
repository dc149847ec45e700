"""A robot without physics: joints follow their targets, the IMU stands upright, both feet are where they were put."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from contract import FOOT_SWITCHES, PolicySpec, Signals
from contract.frames import Array
from robotd.health import Health, well

_UPRIGHT = (1.0, 0.0, 0.0, 0.0)


class MockHardware:
    """First-order joints with a speed limit. Time passes by one control period between two calls of `read`.

    Args:
        time_constant_s: after this time a joint has gone 63 % of the way.
    """

    def __init__(self, spec: PolicySpec, time_constant_s: float = 0.05) -> None:
        self._spec = spec
        self._dt_s = spec.runtime.ctrl_dt
        self._gain = 1 - math.exp(-self._dt_s / time_constant_s)
        self._step_rad = spec.robot.max_velocity * np.float32(self._dt_s)
        self._periods = 0
        self._enabled = False
        self._target = self._pos = spec.robot.home
        self._vel = np.zeros_like(self._pos)
        self._quat = np.array(_UPRIGHT, np.float32)
        self._feet = np.ones(len(FOOT_SWITCHES), np.float32)
        self._fresh = True
        self._health = well(spec.num_joints)

    @property
    def enabled(self) -> bool:
        """Whether the joints follow their targets."""
        return self._enabled

    async def start(self) -> None:
        """Nothing to wait for."""

    async def stop(self) -> None:
        """Limp."""
        self._enabled = False

    def place(self, joint_pos_rad: Array, quat_wxyz: tuple[float, ...] = _UPRIGHT) -> None:
        """Put the joints (J,) rad and the IMU (wxyz) where they are wanted; the next `read` sees exactly that."""
        self._pos = np.asarray(joint_pos_rad, np.float32)
        self._vel = np.zeros_like(self._pos)
        self._quat = np.array(quat_wxyz, np.float32)
        self._fresh = True

    def press(self, pressed: bool) -> None:
        """Both feet on the ground from now on, or both in the air."""
        self._feet = np.full(len(FOOT_SWITCHES), pressed, np.float32)

    def read(self) -> Signals:
        """Signals after one more control period; fresh, whatever was asked for."""
        if not self._fresh:
            self._advance()
        self._fresh = False
        joints = self._spec.num_joints
        return Signals(
            quat_wxyz=self._quat,
            gyro_rad_s=np.zeros(3, np.float32),
            joint_pos_rad=self._pos,
            joint_vel_rad_s=self._vel,
            foot_switches=self._feet,
            stamp_s=np.asarray(self._periods * self._dt_s),
            joint_age_s=np.zeros(joints, np.float32),
            imu_age_s=np.zeros((), np.float32),
        )

    def health(self) -> Health:
        """Cool and charged, whatever happens."""
        return self._health

    def write(self, target_rad: Array) -> None:
        """New targets (J,) rad."""
        self._target = np.asarray(target_rad, np.float32)

    def enable(self) -> None:
        """The joints begin to follow."""
        self._enabled = True

    def disable(self) -> None:
        """The joints stay where they are."""
        self._enabled = False

    def leave_out(self, buses: int) -> None:
        """There are no buses."""

    def close(self) -> None:
        """Nothing to let go of."""
        self._enabled = False

    def _advance(self) -> None:
        self._periods += 1
        wanted: NDArray[np.float32] = self._target - self._pos if self._enabled else np.zeros_like(self._pos)
        moved = np.clip(np.float32(self._gain) * wanted, -self._step_rad, self._step_rad)
        self._pos, self._vel = self._pos + moved, moved / np.float32(self._dt_s)
