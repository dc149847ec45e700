"""The twin in wall time, as emulated devices see it: whoever looks first lets physics catch up with the clock.

Each servo's set-point runs along its own motion profile and drives the twin's position actuator of that joint. Only
the threads of the emulated wires let physics advance; the loop of robotd finds what they left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import numpy as np

from contract import PolicySpec
from firmware_bridge.emulator.bno085_sensor import Motion
from firmware_bridge.emulator.joints import MotionProfile
from robotd.wiring import JointCalibration, Wiring

from .sim import SimHardware

LONGEST_S = 0.2
"""After a longer pause (a suspended process) the rest of it has not happened."""
UNIT_DEG = 0.24


class Shaft:
    """One servo's output shaft, in the units that are printed in its data sheet, and the joint that it moves.

    The conversion stands here a second time, in degrees, so that a mistake in the driver's is not hidden by its twin.
    """

    def __init__(self, calibration: JointCalibration, pos_rad: float) -> None:
        self._calibration = calibration
        self.profile = MotionProfile(self.units(pos_rad))
        self.loaded = False

    def units(self, pos_rad: float) -> float:
        """Where the shaft stands when the joint is at `pos_rad`."""
        degrees = math.degrees(pos_rad - self._calibration.q_at_zero_rad) * self._calibration.direction
        return 500 + self._calibration.offset_units + degrees / UNIT_DEG

    def set_point_rad(self, now_s: float) -> float:
        """Where the servo wants the joint to be at this time."""
        degrees = (self.profile.at(now_s) - 500 - self._calibration.offset_units) * UNIT_DEG
        return self._calibration.q_at_zero_rad + math.radians(degrees) * self._calibration.direction


class LiveTwin:
    """Physics behind all emulated devices of one robot. Any thread may use it.

    Args:
        clock: monotonic time in s, from which physics takes its own.
    """

    def __init__(
        self, twin: SimHardware, spec: PolicySpec, wiring: Wiring, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._twin, self._clock = twin, clock
        self._dt_s = float(twin.model.opt.timestep)
        self._signals = twin.sense()
        pose = self._signals.joint_pos_rad
        names = spec.robot.actuator_names
        self._shafts = [Shaft(wiring.calibration[name], float(pos)) for name, pos in zip(names, pose, strict=True)]
        self._column = {name: column for column, name in enumerate(names)}
        self._now_s = clock()
        self._power()

    def joints(self, servo_ids: Mapping[str, int]) -> BusShafts:
        """The shafts of one bus: joint by joint with its servo's id."""
        return BusShafts(self, {servo_id: self._column[name] for name, servo_id in servo_ids.items()})

    def motion(self) -> Motion:
        """What the IMU feels now."""
        self.catch_up()
        signals = self._signals
        w, x, y, z = signals.quat_wxyz.tolist()
        p, q, r = signals.gyro_rad_s.tolist()
        return (w, x, y, z), (p, q, r)

    def touches(self) -> list[bool]:
        """Which switches are pressed, as the last step of physics left them."""
        return [bool(pressed) for pressed in self._signals.foot_switches]

    def position(self, column: int) -> float:
        """Where the shaft of a joint is now, in units."""
        self.catch_up()
        return self._shafts[column].units(float(self._signals.joint_pos_rad[column]))

    def move(self, column: int, units: float, time_ms: int) -> None:
        """A servo has a new target."""
        with self._twin.lock:
            self._shafts[column].profile.move(units, time_ms, self._clock())

    def load(self, column: int, loaded: bool) -> None:
        """A servo's torque goes on, holding what it finds, or off."""
        here = self.position(column)
        with self._twin.lock:
            shaft = self._shafts[column]
            if loaded and not shaft.loaded:
                shaft.profile.rest(here)
            if loaded is not shaft.loaded:
                shaft.loaded = loaded
                self._power()

    def refresh(self) -> None:
        """Sense anew what was placed by hand."""
        with self._twin.lock:
            self._signals = self._twin.sense()

    def catch_up(self) -> None:
        """Let physics advance to now; while another thread does that, what it left last is new enough."""
        if not self._twin.lock.acquire(blocking=False):
            return
        try:
            behind_s = self._clock() - self._now_s
            if behind_s < self._dt_s:
                return
            self._now_s += max(0.0, behind_s - LONGEST_S)
            steps = int(min(behind_s, LONGEST_S) / self._dt_s)
            self._now_s += steps * self._dt_s
            self._twin.write(np.array([shaft.set_point_rad(self._now_s) for shaft in self._shafts]))
            self._twin.leap(steps)
            self._signals = self._twin.sense()
        finally:
            self._twin.lock.release()

    def _power(self) -> None:
        self._twin.power(np.array([shaft.loaded for shaft in self._shafts]))


class BusShafts:
    """The mechanics behind one emulated bus: `firmware_bridge.emulator.joints.Joints` on the twin."""

    def __init__(self, live: LiveTwin, columns: Mapping[int, int]) -> None:
        self._live, self._columns = live, columns

    def read(self, servo_id: int) -> float:
        """Where the shaft is now."""
        return self._live.position(self._columns[servo_id])

    def target(self, servo_id: int, units: float, time_ms: int) -> None:
        """A new target."""
        self._live.move(self._columns[servo_id], units, time_ms)

    def load(self, servo_id: int, loaded: bool) -> None:
        """Torque on or off."""
        self._live.load(self._columns[servo_id], loaded)
