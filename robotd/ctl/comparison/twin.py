"""Runs the commands of a session on the physics twin, tick by tick as the loop did, and keeps what its joints do."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robotd.ctl.progress import Pace
from robotd.hal.sim import SimHardware
from robotd.mode import Mode

from .motion import set_moving
from .session import Float64, Session

RESUMED_S, SETTLING = 0.3, 3
"""Without the ground's forces of the moment a twin that is put right is off by 0.02 rad rms within that time, even
where it is compared with itself while walking."""
FELL_RAD = 0.35
"""The twin leans so much otherwise than the robot did: it has fallen where the robot stood, or stands where it fell."""


class Base(Enum):
    """What the twin's body does: it stands on its own feet from beginning to end; it does so, but every RESUMED_S it
    is put where the robot was measured, moving as it moved; it hangs on its stand."""

    FREE = "free"
    RESUMED = "resumed"
    HELD = "held"


class Simulated(NamedTuple):
    """pos_rad (T, J) and qpos (T, nq) of the twin; part (T,): ticks between two of its starts have the same number;
    leans_rad (T,): angle between the twin's and the robot's vertical."""

    pos_rad: Float64
    qpos: Float64
    part: NDArray[np.int64]
    leans_rad: Float64
    base: Base

    def can_name(self, session: Session) -> bool:
        """Whether a joint's error is its servo's: with a body that was held up otherwise than the robot's, or put
        right every now and then, it is the ground's as well."""
        if self.base is Base.HELD:
            return was_in_the_air(session)
        return self.base is Base.FREE and stays_up(self, session)

    @property
    def settling(self) -> int:
        """So many ticks after a start do not count."""
        return SETTLING if self.base is Base.RESUMED else 1


def simulate(
    twin: SimHardware, session: Session, period_s: float, base: Base, show: Callable[[str], None]
) -> Simulated:
    """The twin begins as the robot was measured, anew after each gap in the log.

    Args:
        period_s: of the loop.
    """
    pos_rad, leans_rad = np.zeros_like(session.pos_rad), np.zeros(len(session.number))
    qpos = np.zeros((len(session.number), twin.model.nq))
    part = np.zeros(len(session.number), np.int64)
    powered, fresh, begun_s = False, True, 0.0
    pace = Pace(len(session.number), "ticks on the twin")
    for tick, now_s in enumerate(session.time_s.tolist()):
        fresh |= tick > 0 and session.number[tick] != session.number[tick - 1] + 1
        fresh |= base is Base.RESUMED and now_s - begun_s > RESUMED_S
        if fresh:
            powered, begun_s = False, now_s
            _begin(twin, session, tick, base)
        else:
            for _ in range(round((now_s - session.time_s[tick - 1]) / period_s) - 1):
                twin.read()  # a period that the loop missed
        part[tick] = (part[tick - 1] if tick else -1) + fresh
        signals = twin.read()
        pos_rad[tick], qpos[tick] = signals.joint_pos_rad, twin.qpos
        leans_rad[tick] = _lean(signals.quat_wxyz, session.quat_wxyz[tick])
        powered = _write(twin, session.target_rad[tick], powered)
        fresh = base is not Base.HELD and _attend(twin, session.mode[tick])
        if tick % 200 == 199:
            show(pace.text(tick + 1))
    return Simulated(pos_rad, qpos, part, leans_rad, base)


def simulate_as_it_was(
    twin: SimHardware,
    session: Session,
    period_s: float,
    show: Callable[[str], None],
    say: Callable[[str], None],
) -> Simulated:
    """`simulate` on the stand where the robot was in the air, else on the twin's feet if it stays up there; `say` is
    told where it does not."""
    if was_in_the_air(session):
        return simulate(twin, session, period_s, Base.HELD, show)
    simulated = simulate(twin, session, period_s, Base.FREE, show)
    if stays_up(simulated, session):
        return simulated
    say("the twin does not stay up as the robot did: it is put where the robot was every 0.3 s")
    return simulate(twin, session, period_s, Base.RESUMED, show)


def stays_up(simulated: Simulated, session: Session) -> bool:
    """Whether the twin leaned as the robot did for as long as there was torque."""
    return bool((simulated.leans_rad[session.powered] < FELL_RAD).all())


def was_in_the_air(session: Session) -> bool:
    """Whether no foot ever touched the ground while there was torque."""
    return not session.feet[session.powered].any()


def _begin(twin: SimHardware, session: Session, tick: int, base: Base) -> None:
    w, x, y, z = session.quat_wxyz[tick].tolist()
    on_stand = base is Base.HELD or session.mode[tick] in (Mode.IDLE.value, Mode.HOMING.value)
    twin.disable()
    twin.place(session.pos_rad[tick], (w, x, y, z), supported=on_stand)
    if base is Base.RESUMED and not on_stand:
        set_moving(twin, session.vel_rad_s[tick], session.gyro_rad_s[tick])


def _write(twin: SimHardware, target_rad: Float64, powered: bool) -> bool:
    """As the loop: pose first, then torque; returns whether there is torque now."""
    if np.isfinite(target_rad).all():
        twin.write(target_rad)
        if not powered:
            twin.enable()
        return True
    if powered:
        twin.disable()
    return False


def _attend(twin: SimHardware, mode: str) -> bool:
    """As the person beside the robot; True where it is picked up, so that the next tick is a new start."""
    if mode == Mode.STANDBY.value and twin.supported:
        twin.release()
    return mode == Mode.IDLE.value and not twin.supported


def _lean(quat_wxyz: Float64, other_wxyz: Float64) -> float:
    return float(np.arccos(np.clip(_up(quat_wxyz) @ _up(other_wxyz), -1, 1)))


def _up(quat_wxyz: Float64) -> Float64:
    """The world's vertical in the body's frame, (3,)."""
    w, x, y, z = (float(part) for part in quat_wxyz)
    return np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
