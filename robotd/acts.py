"""What came of an act: pure sentences about the tick before and the tick after it."""

from __future__ import annotations

from collections.abc import Sequence

from contract import CommandRange
from robotd.messages import Activate, Arm, Clear, Estop, Release, Request, SlowMotion, Stop, SwitchPolicy, Velocity
from robotd.mode import Event, Mode
from robotd.record import TickRecord
from robotd.torque_proof import not_proven

EVENTS: dict[type[Request], Event] = {
    Arm: Event.ARM,
    Clear: Event.CLEAR,
    Activate: Event.ACTIVATE,
    Stop: Event.STOP,
    Estop: Event.ESTOP,
}
_NEXT = {
    Mode.IDLE: "`robotctl arm` first",
    Mode.HOMING: "wait until it stands by",
    Mode.STANDBY: "it is armed already",
    Mode.ACTIVE: "the policy runs already",
    Mode.STOPPING: "wait until it has stopped, then `robotctl clear`",
    Mode.FAULT: "`robotctl clear` first",
}


def outcome(
    act: Request,
    before: Mode,
    after: TickRecord,
    trained: CommandRange | None = None,
    unproven: Sequence[str] = (),
) -> tuple[bool, str]:
    """Whether the act came to pass in the tick `after`, and one sentence.

    Args:
        before: the mode of the tick before.
        trained: what the policy that runs, or will run, holds commands to.
        unproven: joints whose servo has not said that its torque is off, where it should be.
    """
    match act:
        case Arm():
            return _armed(before, after)
        case Activate():
            return _activated(before, after)
        case Clear():
            return _cleared(before, after, unproven)
        case Stop() | Estop():
            return _stopped(act, before, after, unproven)
        case SwitchPolicy(name):
            return _switched(name, after)
        case SlowMotion():
            return True, f"slow motion {after.slow_motion:.2g}"
        case Velocity():
            note = "" if after.mode is Mode.ACTIVE else f"; without effect in {after.mode.value}, it counts in active"
            return True, f"the command is yours{_held(act, after.policy, trained)}{note}"
        case Release():
            return True, "the command is free"
    raise TypeError(f"{type(act).__name__} is not an act")


def _held(act: Velocity, policy: str, trained: CommandRange | None) -> str:
    """What of a command goes beyond the policy's training."""
    beyond = []
    for name in () if trained is None else ("vx_m_s", "vy_m_s", "yaw_rad_s"):
        (low, high), asked = getattr(trained, name), getattr(act, name)
        if not low <= asked <= high:
            beyond.append(f"{name} {asked:g} becomes {min(max(asked, low), high):g}")
    return f"; {policy} was not trained for that: {', '.join(beyond)}" if beyond else ""


def _armed(before: Mode, after: TickRecord) -> tuple[bool, str]:
    if before is not Mode.IDLE:
        return False, f"not armed: the robot is in {before.value}, expected idle; {_NEXT[before]}"
    if after.mode is Mode.HOMING:
        return True, "armed: it moves home, then stands by"
    return False, f"not armed: {_reason(Event.ARM, after)}"


def _activated(before: Mode, after: TickRecord) -> tuple[bool, str]:
    if before is not Mode.STANDBY:
        return False, f"not activated: the robot is in {before.value}, expected standby; {_NEXT[before]}"
    if after.mode is Mode.ACTIVE:
        return True, f"active: {after.policy or 'the policy'} runs"
    return False, f"not activated: {_reason(Event.ACTIVATE, after)}"


def _cleared(before: Mode, after: TickRecord, unproven: Sequence[str]) -> tuple[bool, str]:
    if before is Mode.STOPPING:
        return False, f"not cleared: the robot is in {before.value}, expected fault; {_NEXT[before]}"
    if before is not Mode.FAULT:
        return True, f"nothing to clear: the robot is in {after.mode.value}"
    if after.mode is Mode.IDLE and unproven:
        return False, f"cleared: idle, but {not_proven(unproven)}"
    if after.mode is Mode.IDLE:
        return True, "cleared: idle, torque off"
    return False, f"not cleared: {_reason(Event.CLEAR, after)}"


def _stopped(act: Stop | Estop, before: Mode, after: TickRecord, unproven: Sequence[str]) -> tuple[bool, str]:
    if after.mode is Mode.STOPPING and isinstance(act, Stop):
        return True, "stopping: it crouches, then torque goes off"
    if not after.mode.powered and unproven:
        return False, f"{after.mode.value}, but {not_proven(unproven)}"
    if after.mode is Mode.FAULT:
        return True, f"torque is off, latched: {', '.join(after.faults.names)}"
    if after.mode is Mode.IDLE and isinstance(act, Stop):
        return True, "nothing to stop: idle, torque is off"
    return False, f"NOT STOPPED: the robot is in {after.mode.value} after {before.value}; cut the power"


def _switched(name: str, after: TickRecord) -> tuple[bool, str]:
    if after.policy == name:
        return True, f"{name} runs" if after.mode is Mode.ACTIVE else f"{name} will run"
    return False, f"not switched: {after.policy or 'the policy'} stays in {after.mode.value}"


def _reason(asked: Event, after: TickRecord) -> str:
    """Why the event that was asked for led nowhere."""
    if after.event is not None and after.event is not asked:
        return f"a {after.event.name.lower()} came in the same tick"
    names = (after.faults | after.present).names
    return f"there is {', '.join(names)}" if names else f"the robot is in {after.mode.value}"
