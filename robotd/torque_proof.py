"""Whether torque is really as it was told to be, as far as a tick's record knows, and how that is said. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from robotd.mode import Event
from robotd.record import TickRecord

PROOF_S = 0.4
"""How long servos have to say that they are unloaded before they are spoken of as not proven."""


def unproven_joints(record: TickRecord, joints: Sequence[str]) -> tuple[str, ...]:
    """The joints whose servo has not said that its torque is as it was told: on while powered, otherwise off.

    Args:
        joints: names in policy order; a joint beyond them has its number.
    """
    names = [*joints, *(f"joint {place}" for place in range(len(joints), len(record.signals.joint_pos_rad)))]
    if _told_now(record):
        return tuple(names)
    return tuple(name for place, name in enumerate(names) if record.health.torque_unproven >> place & 1)


def said_of_torque(record: TickRecord, joints: Sequence[str], late: bool) -> str:
    """What is said in a line about the robot; late: PROOF_S is over."""
    unproven = unproven_joints(record, joints)
    if record.mode.powered:
        return f"torque on, not confirmed by {', '.join(unproven)}" if unproven and late else "torque on"
    if not unproven:
        return "torque off"
    return not_proven(unproven) if late else "torque is going off"


def not_proven(unproven: Sequence[str]) -> str:
    """The warning that nobody must overlook."""
    return f"torque off is NOT PROVEN at {', '.join(unproven)}; cut the power"


def _told_now(record: TickRecord) -> bool:
    """Whether servos were told in this very tick to unload, so that what the record has of them is older."""
    was_powered = record.before is not None and record.before.mode.powered
    told = not record.mode.powered and (was_powered or record.event is Event.ESTOP)
    return told and bool(record.health.bus_errors_in_a_row)


class Doubt:
    """Counts for how long torque has not been proven, tick after tick.

    Args:
        period_s: of the ticks.
    """

    def __init__(self, period_s: float) -> None:
        self._ticks, self._most = 0, round(PROOF_S / period_s)

    def is_late(self, record: TickRecord) -> bool:
        """Whether PROOF_S is over and some joint still has not said it."""
        unproven = record.health.torque_unproven or _told_now(record)
        self._ticks = self._ticks + 1 + record.skipped if unproven else 0
        return self._ticks > self._most
