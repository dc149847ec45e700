"""A demo from its start-up checks to its film: robotd's own loop, with a director, a witness and spectators."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contract import Bundle
from robotd.clock import Clock, MonotonicClock
from robotd.config import RobotdConfig
from robotd.ctl.director import Director, Script
from robotd.ctl.film import Film, make_film
from robotd.ctl.patience import PatientClock
from robotd.ctl.progress import Progress
from robotd.ctl.stage import build_stage
from robotd.ctl.viewer import Viewer, has_display
from robotd.ctl.witness import Witness, base_body
from robotd.daemon import run, start_up
from robotd.fault_table import leg_joints
from robotd.hal import Hardware, HardwareError
from robotd.hal.emulated import EmulatedHardware
from robotd.hal.sim import SimHardware, open_twin
from robotd.loop import RunSummary, ShutdownSwitch
from robotd.mode import Mode
from robotd.record import Hook, Operator, TickRecord


class Show(NamedTuple):
    """A demo that is ready to run.

    twin is None without physics; live: it goes on in wall time, behind wires that take theirs.
    """

    config: RobotdConfig
    bundle: Bundle
    hardware: Hardware
    twin: SimHardware | None
    live: bool
    script: Script

    @property
    def ctrl_dt(self) -> float:
        """The control period, s."""
        return self.bundle.spec.runtime.ctrl_dt


def prepare(
    bundle_path: Path,
    hal: str,
    allow_unverified: bool,
    script: Script,
    buses: int | None = None,
    policy: str | None = None,
    twin_options: Mapping[str, Any] | None = None,
) -> Show:
    """All checks before the first tick; options as `robotd.daemon.start_up`. Raises robotd.daemon.Refusal."""
    config, bundle, hardware = start_up(
        bundle_path, hal, allow_unverified=allow_unverified, buses=buses, policy=policy, twin=twin_options
    )
    live = isinstance(hardware, EmulatedHardware)
    twin = hardware.twin if isinstance(hardware, EmulatedHardware) else hardware
    return Show(config, bundle, hardware, twin if isinstance(twin, SimHardware) else None, live, script)


def perform(
    show: Show, progress: Progress, headless: bool, strict_timing: bool
) -> tuple[RunSummary, Director, Witness]:
    """Run the demo to its end, or until Ctrl-C or SIGTERM.

    Args:
        headless: open no window.
        strict_timing: let missed deadlines stop the robot, as robotd does; otherwise they are only counted. A live
            twin does not wait for a late tick, so there they always count as on a robot.

    Raises:
        robotd.daemon.Refusal: the hardware does not answer.
    """
    patient = PatientClock(MonotonicClock())
    director, witness = cast(show, show.script, patient.take_missed)
    clock = MonotonicClock() if strict_timing or show.live else patient
    hooks: list[Hook] = [witness, Announcer(director, witness, show, progress)]
    summary = play(show, director, director.interrupt, clock, hooks, progress, headless)
    return summary, director, witness


def cast(show: Show, script: Script, take_missed: Callable[[], int]) -> tuple[Director, Witness]:
    """Who leads and who watches one episode."""
    twin = show.twin
    if twin is None:
        director = Director(script, show.ctrl_dt)
    else:
        director = Director(script, show.ctrl_dt, twin.push, lambda: not twin.supported)
    legs = leg_joints(show.bundle.spec.robot.actuator_names) if show.live else None
    return director, Witness(director, twin, take_missed, legs)


def play(
    show: Show,
    operator: Operator,
    interrupt: Callable[[], None],
    clock: Clock,
    hooks: list[Hook],
    progress: Progress,
    headless: bool,
) -> RunSummary:
    """Run the loop once, with a window where there may be one; the hardware is closed afterwards.

    Args:
        interrupt: called once, at Ctrl-C or SIGTERM, before the robot is stopped.

    Raises:
        robotd.daemon.Refusal: the hardware does not answer.
    """
    twin, viewer = show.twin, None
    if twin is not None:
        viewer = None if headless else _open_viewer(show, twin, progress)
        hooks = [twin.attend, *hooks, *([viewer] if viewer else [])]
    logging.getLogger("robotd").setLevel(logging.CRITICAL)  # the summary tells of faults
    try:
        summary = asyncio.run(_run(show, operator, interrupt, clock, hooks))
    finally:
        show.hardware.close()
        if viewer is not None:
            viewer.close()
    progress.end()
    return summary


async def _run(
    show: Show, operator: Operator, interrupt: Callable[[], None], clock: Clock, hooks: list[Hook]
) -> RunSummary:
    switch, loop = ShutdownSwitch(), asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def end() -> None:
        interrupt()
        switch.press()
        for number in numbers:  # the second Ctrl-C is final
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, end)
    return await run(show.hardware, show.bundle, show.config, operator, clock, hooks, switch)


def _open_viewer(show: Show, twin: SimHardware, progress: Progress) -> Viewer | None:
    if not has_display():
        progress.say("no display that works, so there is no window; pictures are drawn after the run")
        return None
    assert show.bundle.robot_xml is not None  # the twin was made from it
    stage = build_stage(show.bundle.robot_xml, twin.model)
    return Viewer(twin, stage, base_body(stage))


class Announcer:
    """A hook of the loop that shows how the run is going, after the words of `lead`."""

    def __init__(
        self,
        director: Director,
        witness: Witness,
        show: Show,
        progress: Progress,
        lead: Callable[[], str] | None = None,
    ) -> None:
        self._director, self._witness, self._progress, self._lead = director, witness, progress, lead
        self._twin, self._ctrl_dt, self._seconds = show.twin, show.ctrl_dt, show.script.seconds

    def __call__(self, record: TickRecord) -> None:
        """Offer a line about the tick."""
        done_s = self._director.active_ticks * self._ctrl_dt
        words = [self._lead()] if self._lead else []
        words += [f"{record.mode.value:8}", f"{done_s:5.1f} / {self._seconds:g} s"]
        if self._twin is not None:
            words.append(f"tilt {math.degrees(self._witness.tilt_rad):4.1f} deg")
            words.append(f"pushes {self._director.pushes}")
            if record.mode is Mode.ACTIVE and np.any(self._twin.push_n):
                words.append(f"pushed with {np.linalg.norm(self._twin.push_n):.0f} N")
        if self._witness.overruns:
            words.append(f"overruns {self._witness.overruns}")
        if record.faults and not self._director.ending:
            words.append(" ".join(record.faults.names))
        self._progress.show("  ".join(words))


def film(show: Show, witness: Witness, caption: str, verdict: str, well: bool, out: Path) -> Film:
    """Draw what the witness saw. Without MuJoCo, or without robot.xml, there is nothing to draw."""
    try:
        puppet = show.twin or open_twin(show.bundle)
    except HardwareError as problem:
        return Film((), f"no pictures: {problem}")
    tape = witness.tape
    if show.twin is None:  # the tape holds joint angles: put them on the puppet, its feet on the floor
        for i, joint_pos_rad in enumerate(tape.qpos):
            puppet.place(joint_pos_rad, supported=False)
            tape.qpos[i] = puppet.qpos
    recording = tape.recording(show.ctrl_dt, caption, verdict, well)
    robot_xml = show.bundle.robot_xml
    stage = puppet.model if robot_xml is None else build_stage(robot_xml, puppet.model)
    return make_film(recording, stage, out)
