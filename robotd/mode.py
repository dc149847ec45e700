"""When the robot may move: six modes, and one pure function that leads from one to the next."""

from __future__ import annotations

from enum import Enum, IntEnum


class Mode(Enum):
    """IDLE and FAULT are without torque; every start ends in IDLE, every latched fault in FAULT."""

    IDLE = "idle"  # torque off, waits for `arm`
    HOMING = "homing"  # from the pose as it was found, slowly, to home
    STANDBY = "standby"  # holds home, waits for `activate`
    ACTIVE = "active"  # the policy runs
    STOPPING = "stopping"  # lowers itself to the crouch, then FAULT
    FAULT = "fault"  # torque off until a person clears it

    @property
    def powered(self) -> bool:
        """Whether the joints hold torque."""
        return self not in (Mode.IDLE, Mode.FAULT)


class Event(IntEnum):
    """What a person or a program asks for. Of several in one tick the highest counts and the others are dropped."""

    ACTIVATE = 1
    ARM = 2
    CLEAR = 3
    STOP = 4
    ESTOP = 5


class Stop(IntEnum):
    """What a fault does to the robot. The highest wins."""

    NONE = 0
    HOLD = 1  # keep the last target; only for a short while, inside a debounce
    CROUCH = 2  # lower slowly to a crouch, then limp
    LIMP = 3  # torque off at once


def next_mode(mode: Mode, event: Event | None, stop: Stop, finished: bool, ready: bool) -> Mode:
    """The mode of this tick.

    Args:
        mode: the mode of the last tick.
        event: the one event of this tick; STOP and ESTOP arrive as `stop`, by way of the fault table.
        stop: the worst stop that any fault asks for; `check` has dropped the faults that CLEAR cleared.
        finished: the movement of HOMING or STOPPING has arrived.
        ready: no fault condition is present, so arming is allowed.
    """
    if stop is Stop.LIMP or (stop is Stop.CROUCH and not mode.powered):
        return Mode.FAULT
    if mode is Mode.STOPPING:
        return Mode.FAULT if finished else Mode.STOPPING
    if stop is Stop.CROUCH:
        return Mode.STOPPING
    if stop is Stop.HOLD:
        return mode
    if mode is Mode.HOMING and finished:
        return Mode.STANDBY
    if mode is Mode.IDLE and event is Event.ARM and ready:
        return Mode.HOMING
    return _ASKED.get((mode, event), mode)


_ASKED: dict[tuple[Mode, Event | None], Mode] = {
    (Mode.STANDBY, Event.ACTIVATE): Mode.ACTIVE,
    (Mode.FAULT, Event.CLEAR): Mode.IDLE,
}
