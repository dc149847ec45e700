"""One joint after the other on open hardware: found, moved through its excitation, recorded, limp again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from contract import FOOT_SWITCHES, Signals
from firmware_bridge.servo_schedule import ServoSchedule
from robotd.hal.servo_frame import ServoFrame, to_rad, to_units
from robotd.wiring import UNITS_PER_RAD

from .excitation import Bounds, Target, duration_s, excitation
from .fit import Record
from .joint_trial import TrialError, Turn, try_joint, where_is

OUTSIDE_RAD = 0.1
"""A joint that hangs farther outside of what its targets may be is not moved."""


class WiredRobot(Protocol):
    """Hardware with servo buses: `real`, `bench` or `emulated`."""

    @property
    def schedules(self) -> Mapping[str, ServoSchedule]:
        """What keeps each bus fresh, once started."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def read(self) -> Signals: ...


class Job(NamedTuple):
    """A joint to move: where its servo answers, its own frame (of one joint), its bounds, and whether the other servos
    of its bus hold meanwhile."""

    joint: str
    bus: str
    servo_id: int
    frame: ServoFrame
    bounds: Bounds
    hold: bool = False


async def record_joints(
    robot: WiredRobot, jobs: Sequence[Job], feet: bool, say: Callable[[str], None]
) -> dict[str, Record]:
    """Start, record the joints in turn, stop.

    Args:
        feet: look at the foot switches: none may be pressed, now and all the while.

    Raises:
        TrialError: a joint was stopped, or a foot is on the ground; the joint's name comes first.
        HardwareError, ReplyError, PortError: devices.
    """

    def objection() -> str | None:
        pressed = robot.read().foot_switches > 0.5 if feet else ()
        names = [name for name, down in zip(FOOT_SWITCHES, pressed, strict=False) if down]
        return f"the foot switch {names[0]} is pressed, expected feet in the air: lift the robot" if names else None

    records = {}
    try:
        await robot.start()
        for job in jobs:
            schedule = robot.schedules[job.bus]
            await schedule.stop()  # the bus is the joint's alone
            try:
                records[job.joint] = await _record(schedule, job, objection, say)
            except TrialError as problem:
                raise TrialError(f"{job.joint}: {problem}") from None
            finally:
                schedule.start()
    finally:
        await robot.stop()
    return records


async def _record(
    schedule: ServoSchedule, job: Job, objection: Callable[[], str | None], say: Callable[[str], None]
) -> Record:
    bounds, bus = job.bounds, schedule.bus
    if problem := objection():
        raise TrialError(problem)
    found_units = await where_is(bus, job.servo_id)
    found_rad = float(to_rad(job.frame, [found_units])[0])
    if not bounds.low_rad - OUTSIDE_RAD <= found_rad <= bounds.high_rad + OUTSIDE_RAD:
        raise TrialError(
            f"it hangs at {found_rad:.3f} rad, expected {bounds.low_rad:.3f} to {bounds.high_rad:.3f}: move it by "
            "hand, or calibrate it"
        )
    targets = excitation(bounds, found_rad)
    others = [servo_id for servo_id in schedule.servo_ids if job.hold and servo_id != job.servo_id]
    say(
        f"{job.joint} (servo {job.servo_id} on {job.bus}) moves for {duration_s(targets):.0f} s: "
        f"+-{bounds.amplitude_rad:.2f} rad about {bounds.middle_rad:.2f} rad, never told to be faster than "
        f"{bounds.top_speed_rad_s:g} rad/s; {'its neighbours hold' if others else 'all others are limp'}; "
        "Ctrl-C makes it limp"
    )
    turns = turns_of(targets, job.frame, bounds.top_speed_rad_s, found_units)
    return await try_joint(bus, job.servo_id, turns, duration_s(targets), objection, others)


def turns_of(targets: Sequence[Target], frame: ServoFrame, top_speed_rad_s: float, found_units: int) -> list[Turn]:
    """Targets in whole units and ms, so that none asks for more than the top speed after rounding either."""
    turns: list[Turn] = []
    before = found_units
    for target in targets:
        units = found_units if not turns else int(to_units(frame, [target.pos_rad])[0])
        least_ms = math.ceil(1000 * abs(units - before) / (top_speed_rad_s * UNITS_PER_RAD))
        turns.append(Turn(target.at_s, units, max(least_ms, round(1000 * target.time_s))))
        before = units
    return turns
