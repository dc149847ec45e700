"""One stage of a dry run: robotd's own loop and tick on a robot that is only listened to, or moves with care."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from contract import Bundle
from robotd.arming import ArmingCheck, ArmingFacts, arming_checks
from robotd.clock import Clock
from robotd.config import RobotdConfig
from robotd.control import Control, make_control
from robotd.ctl.conductor import GROUND, OFF_GROUND, Conductor, Stage, bounds_of
from robotd.ctl.culprits import culprits
from robotd.ctl.muted import Muted
from robotd.ctl.refusal import CheckFailed
from robotd.ctl.sign_show import SignShow
from robotd.ending import ENDING
from robotd.hal import Hardware
from robotd.hal.mock import MockHardware
from robotd.hal.sim import SimHardware
from robotd.loop import Loop, RunSummary, ShutdownSwitch
from robotd.messages import Check
from robotd.mode import Mode
from robotd.record import Hook, TickRecord
from robotd.tick import Infer, Setup
from robotd.tick_state import setup_for
from robotd.timing import LoopTiming
from robotd.warm_up import warm_up

Say = Callable[[str], None]


class Robot(NamedTuple):
    """What a dry run is of. backend: the hardware's name."""

    bundle: Bundle
    config: RobotdConfig
    hardware: Hardware
    backend: str
    facts: ArmingFacts


class Ran(NamedTuple):
    """What came of a stage.

    setup: of its ticks; checks: of arming, at the end of listening; signs_ticks: of ACTIVE before the policy's own;
    sent: targets that went to the robot; trouble, refused, interrupted as the conductor's.
    """

    setup: Setup
    records: list[TickRecord]
    summary: RunSummary
    checks: tuple[ArmingCheck, ...]
    signs_ticks: int
    sent: int
    trouble: str
    refused: bool
    interrupted: bool


class Tape:
    """A hook that keeps all records."""

    def __init__(self) -> None:
        self.records: list[TickRecord] = []

    def __call__(self, record: TickRecord) -> None:
        """Keep one."""
        self.records.append(record)


class Announcer:
    """A hook that says what happens, and which joint moves, before it does."""

    def __init__(self, stage: Stage, show: SignShow | None, names: tuple[str, ...], say: Say) -> None:
        self._stage, self._show, self._names, self._say = stage, show, names, say
        self._mode, self._active, self._joint = Mode.FAULT, 0, -1

    def __call__(self, record: TickRecord) -> None:
        """Look at one tick."""
        if record.mode is not self._mode and self._stage.moves:
            self._say(self._words(record.mode))
        self._mode = record.mode
        if record.mode is not Mode.ACTIVE:
            return
        if self._show is not None and (joint := self._show.joint_at(self._active)) != self._joint and joint is not None:
            self._joint = joint
            self._say(f"  {self._names[joint]} {self._show.away_rad[joint]:+.2f} rad and back")
        elif self._show is not None and self._active == self._show.ticks:
            self._say("  the policy, from home")
        self._active += 1

    def _words(self, mode: Mode) -> str:
        ground = self._stage.name == GROUND
        return {
            Mode.IDLE: "listening, torque off",
            Mode.HOMING: "torque on, moving home",
            Mode.STANDBY: "at home; set the robot on both feet, and stay at it" if ground else "at home",
            Mode.ACTIVE: "the policy runs" if ground else "each joint alone",
            Mode.STOPPING: "crouching",
            Mode.FAULT: "torque off",
        }[mode]


def perform(
    robot: Robot,
    stage: Stage,
    clock: Clock,
    say: Say,
    socket: Path | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Ran:
    """Run one stage to its end, or until Ctrl-C. The robot is limp afterwards; the caller closes it.

    Args:
        say: is told what happens, tick by tick, and must not wait.
        socket: of the control socket on which others may stop a robot that moves; None: the daemon's.
        loop_factory: makes the event loop; None: asyncio's own.

    Raises:
        HardwareError: something does not answer.
        SocketError: a daemon has the control socket.
    """
    logging.getLogger("robotd").setLevel(logging.CRITICAL)  # the checklist tells of faults
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(_perform(robot, stage, clock, say, socket))


async def _perform(robot: Robot, stage: Stage, clock: Clock, say: Say, socket: Path | None) -> Ran:
    bundle, config = robot.bundle, bounds_of(stage, robot.config)
    setup = setup_for(bundle, config)._replace(lead_rad=stage.lead_rad)
    networks: dict[str, Infer] = {name: policy.network for name, policy in bundle.policies.items()}
    warm_up(setup, networks)
    show = SignShow(setup, networks[setup.policy]) if stage.name == OFF_GROUND else None
    if show is not None:
        networks[setup.policy] = show
    timing = LoopTiming(bundle.spec.runtime.ctrl_dt)
    listened: list[tuple[ArmingCheck, ...]] = []

    def against(record: TickRecord) -> str:
        listened.append(arming_checks(setup, record, robot.facts))
        return "; ".join(f"{check.name}: {check.found}" for check in listened[-1] if check.mandatory and not check.ok)

    control = _open_door(robot, config, timing, clock, setup, socket) if stage.moves else None
    signs_ticks = 0 if show is None else show.ticks
    desk = None if control is None else control.desk
    conductor = Conductor(stage, timing.period_s, against, partial(culprits, setup), signs_ticks, desk)
    tape, names = Tape(), bundle.spec.robot.actuator_names
    hooks: list[Hook] = [tape, Announcer(stage, show, names, say), *_person(robot.hardware, stage)]
    hooks += [] if control is None else [control.socket]
    hardware = robot.hardware if stage.moves else Muted(robot.hardware)
    loop = Loop(hardware, setup, networks, conductor, clock, hooks, timing)
    try:
        summary = await _run(loop, hardware, conductor, control)
    finally:
        if control is not None:
            control.socket.close()
    idle = [record for record in tape.records if record.mode is Mode.IDLE]
    if not idle:
        raise CheckFailed(f"robotd's loop ended before its first tick: {summary.error or 'nothing was read'}")
    checks = listened[-1] if listened else arming_checks(setup, idle[-1], robot.facts)
    sent = sum(record.target_after_rad is not None for record in tape.records) if stage.moves else 0
    trouble = summary.error or conductor.trouble
    return Ran(
        setup, tape.records, summary, checks, signs_ticks, sent, trouble, conductor.refused, conductor.interrupted
    )


async def _run(loop: Loop, hardware: Hardware, conductor: Conductor, control: Control | None) -> RunSummary:
    """Start, run, stop. The first Ctrl-C, Ctrl-Z or hangup stops in an orderly way, a second Ctrl-C limps at once."""
    events = asyncio.get_running_loop()
    for number in ENDING:
        events.add_signal_handler(number, conductor.interrupt, number)
    try:
        if control is not None:
            control.socket.open()
        await hardware.start()
        return await loop.run(ShutdownSwitch())
    finally:
        await hardware.stop()
        for number in ENDING:
            events.remove_signal_handler(number)


def _open_door(
    robot: Robot, config: RobotdConfig, timing: LoopTiming, clock: Clock, setup: Setup, socket: Path | None
) -> Control:
    """The daemon's control socket, so that `robotctl estop`, `stop` and `status` work meanwhile. Raises SocketError."""

    def checks(record: TickRecord) -> tuple[Check, ...]:
        return tuple(Check(*check) for check in arming_checks(setup, record, robot.facts))

    return make_control(socket, robot.bundle, config, timing, clock.now_s, checks)


def _person(hardware: Hardware, stage: Stage) -> list[Hook]:
    """The person beside a robot that is not real: hangs it up, or sets it down once it holds home."""
    twin = getattr(hardware, "twin", hardware)
    if isinstance(twin, MockHardware):
        twin.press(stage.name == GROUND)
    return [twin.attend] if isinstance(twin, SimHardware) and stage.name == GROUND else []
