"""Watches a run from outside the policy: where the twin's body really is, what the joints give, how late ticks are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.frames import Array
from robotd.ctl.director import Director
from robotd.ctl.recording import Tape
from robotd.hal.sim import SimHardware
from robotd.mode import Mode
from robotd.record import TickRecord
from robotd.safety import Fault

FALLEN_TILT_RAD = math.radians(45)
FALLEN_HEIGHT = 0.6  # of the base's height when the policy took over


class Witness:
    """A hook of the loop. It looks on until the director ends the run; what the robot does then is not judged.

    Args:
        twin: the physics that is looked at, None where there is none: then nothing falls and no torque is measured.
        take_missed: deadlines since the last call that the record does not know of.
        legs: (J,) bool, the joints whose feedback's age is taken down.

    What it takes down of each active tick: lateness_s, tick_s, and with a twin torque_nm the absolute ones (J,),
    max_torque_nm of all joints since the last tick, base_m (3,) in the world, time_s of physics, and heading_rad,
    counted from where the robot looked on the stand, left positive, in [-pi, pi].
    """

    def __init__(
        self,
        director: Director,
        twin: SimHardware | None,
        take_missed: Callable[[], int] = lambda: 0,
        legs: Array | None = None,
    ) -> None:
        self._director, self._twin, self._take_missed, self._legs = director, twin, take_missed, legs
        self.tape = Tape()
        self.faults = Fault.NONE
        self.fell_at: int | None = None  # active ticks before the fall
        self.overruns = 0
        self.lateness_s: list[float] = []
        self.tick_s: list[float] = []
        self.feedback_age_s: list[NDArray[np.float32]] = []
        self.torque_nm: list[NDArray[np.float64]] = []
        self.max_torque_nm: list[float] = []
        self.base_m: list[NDArray[np.float64]] = []
        self.heading_rad: list[float] = []
        self.time_s: list[float] = []
        self.tilt_rad = 0.0
        self._body = 0 if twin is None else base_body(twin.model)
        self._upright: NDArray[np.float64] | None = None  # the body's rotation while the stand held it
        self._heading_rad = 0.0
        self._standing_m = 0.0

    @property
    def judges_feedback(self) -> bool:
        """Whether the age of feedback is taken down."""
        return self._legs is not None

    def __call__(self, record: TickRecord) -> None:
        """Take down one tick."""
        if self._director.ending:
            return
        active = record.mode is Mode.ACTIVE
        missed = record.skipped + self._take_missed()
        self.faults |= record.faults
        if self._twin is not None:
            self._look(self._twin, record.mode)
        if active:
            self._measure(record, missed)
        tape = self.tape
        tape.qpos.append(np.asarray(record.signals.joint_pos_rad) if self._twin is None else self._twin.qpos)
        tape.push_n.append(np.zeros(3) if self._twin is None else self._twin.push_n)
        tape.tilt_rad.append(self.tilt_rad)
        tape.mode.append(record.mode.name)
        tape.faults.append(" ".join(record.faults.names))
        tape.active.append(active)

    def _look(self, twin: SimHardware, mode: Mode) -> None:
        """Tilt and height of the base in the physics; whether it has fallen."""
        with twin.lock:
            rotation = twin.data.xmat[self._body].reshape(3, 3).copy()
            height_m, broken = float(twin.data.xpos[self._body, 2]), exploded(twin.data)
        if self._upright is None:
            self._upright = rotation
        if mode is Mode.ACTIVE and not self._standing_m:
            self._standing_m = height_m
        turned = rotation @ self._upright.T
        self.tilt_rad = float(np.arccos(np.clip(turned[2, 2], -1, 1)))
        self._heading_rad = math.atan2(turned[1, 0], turned[0, 0])
        judged = mode is Mode.ACTIVE or (mode is Mode.STOPPING and self._standing_m > 0)
        stands = self.tilt_rad <= FALLEN_TILT_RAD and height_m >= FALLEN_HEIGHT * self._standing_m
        if judged and self.fell_at is None and (not stands or broken):
            self.fell_at = len(self.tick_s)

    def _measure(self, record: TickRecord, missed: int) -> None:
        if self.tick_s:  # those before the first active tick are not the policy's
            self.overruns += missed
        self.lateness_s.append(record.timings.lateness_s)
        self.tick_s.append(record.timings.tick_s)
        if self._legs is not None:
            self.feedback_age_s.append(np.asarray(record.signals.joint_age_s)[self._legs])
        if self._twin is not None:
            self.base_m.append(self._twin.base_position_m)
            self.heading_rad.append(self._heading_rad)
            self.time_s.append(self._twin.time_s)
            self.torque_nm.append(np.abs(self._twin.torque_nm))
            self.max_torque_nm.append(float(np.max(self._twin.peak_torque_nm)))


def base_body(model: Any) -> int:
    """The body of a mujoco.MjModel that its first free joint moves."""
    import mujoco

    return int(model.jnt_bodyid[np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)[0]])


def exploded(data: Any) -> bool:
    """Whether the numbers of a mujoco.MjData went out of bounds; MuJoCo then puts the robot back to where it began."""
    import mujoco

    kinds = mujoco.mjtWarning
    bad = (kinds.mjWARN_BADQPOS, kinds.mjWARN_BADQVEL, kinds.mjWARN_BADQACC)
    return any(data.warning[int(kind)].number for kind in bad)
