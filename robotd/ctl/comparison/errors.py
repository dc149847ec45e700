"""How far measured joints are from simulated ones: root mean square, largest, mean, and delay. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .session import Float64, Session
from .twin import Simulated

DELAYS_S = np.arange(-0.06, 0.2001, 0.004)
MOVED_RAD = 0.02
"""A joint that moves less than this (standard deviation) shows no delay."""
OUTSTANDING, LEAST_RAD = 2.0, 0.003
"""The worst joint stands out where its error is so many times the others' median, and larger than reading noise."""


class JointError(NamedTuple):
    """One joint, over all ticks with torque. bias_rad: mean of measured less simulated; moved_rad: standard deviation
    of the measured; delay_s: by which the measured comes later, None where it hardly moved."""

    joint: str
    rms_rad: float
    worst_rad: float
    bias_rad: float
    moved_rad: float
    delay_s: float | None


def joint_errors(joints: list[str], session: Session, simulated: Simulated) -> list[JointError]:
    """One for each joint, in their order. Positions are compared at the times at which they were measured."""
    errors = []
    for column, joint in enumerate(joints):
        off, measured = off_by(session, simulated, column, 0.0)
        errors.append(
            JointError(
                joint,
                rms_rad=float(np.sqrt(np.mean(off**2))),
                worst_rad=float(np.abs(off).max()),
                bias_rad=float(off.mean()),
                moved_rad=float(measured.std()),
                delay_s=_delay(session, simulated, column) if measured.std() > MOVED_RAD else None,
            )
        )
    return errors


def off_by(session: Session, simulated: Simulated, column: int, delay_s: float) -> tuple[Float64, Float64]:
    """Measured less simulated `delay_s` earlier, and the measured, both (N,): ticks with torque that are no start."""
    off, measured = [], []
    for part in np.unique(simulated.part):
        ticks = np.flatnonzero(simulated.part == part)
        settled = ticks[simulated.settling :]
        seen = settled[session.powered[settled]]
        at_s = session.time_s[seen] - session.age_s[seen, column] - delay_s
        then = np.interp(at_s, session.time_s[ticks], simulated.pos_rad[ticks, column])
        measured.append(session.pos_rad[seen, column])
        off.append(session.pos_rad[seen, column] - then)
    return np.concatenate(off), np.concatenate(measured)


def outstanding(errors: list[JointError]) -> JointError | None:
    """The joint whose error stands out among the others, if one does; see Simulated.can_name."""
    worst = max(errors, key=lambda error: error.rms_rad)
    others = [error.rms_rad for error in errors if error is not worst]
    usual = float(np.median(others)) if others else 0.0
    return worst if worst.rms_rad > max(OUTSTANDING * usual, LEAST_RAD) else None


def _delay(session: Session, simulated: Simulated, column: int) -> float:
    """Where the spread of the difference is least, refined by a parabola through three neighbours."""
    spreads: NDArray[np.float64] = np.array(
        [off_by(session, simulated, column, delay_s)[0].std() ** 2 for delay_s in DELAYS_S]
    )
    best = int(spreads.argmin())
    if not 0 < best < len(spreads) - 1:
        return float(DELAYS_S[best])
    before, here, after = spreads[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(DELAYS_S[best] + shift * (DELAYS_S[1] - DELAYS_S[0]))
