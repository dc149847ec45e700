"""Dry runs for tests: the robot is kept for a look at it afterwards, and no busy machine disturbs the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from bench_rig import Robotctl, Said

from robotd.clock import Clock, MonotonicClock, SimulatedClock
from robotd.ctl import dry_run
from robotd.ctl.dry_run_stage import perform
from robotd.ctl.patience import PatientClock
from robotd.daemon import start_up
from robotd.hal.emulated import EmulatedHardware

TRIES = 3
"""Emulated wires live in wall time: on a machine that is busy elsewhere feedback is late, and a run says nothing."""
LATE = ("IMU_STALE", "JOINT_STALE", "BUS", "no answer", "joint age", "IMU, age")


class Done(NamedTuple):
    """A verb's words, the robot that it had, and what the stage left (robotd.ctl.dry_run_stage.Ran)."""

    said: Said
    hardware: Any
    ran: Any


class DryRun:
    """Runs the verb without real time; `prepare` touches the robot before."""

    def __init__(self, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch) -> None:
        self._robotctl, self._monkeypatch = robotctl, monkeypatch

    def __call__(self, *words: object, prepare: Callable[[Any], None] = lambda hardware: None) -> Done:
        """One dry run; on emulated wires again where only the machine was late."""
        for _ in range(TRIES):
            done = self._once(words, prepare)
            if not (isinstance(done.hardware, EmulatedHardware) and any(word in done.said.out for word in LATE)):
                break
            if done.said.code == 0:
                break
        return done

    def _once(self, words: tuple[object, ...], prepare: Callable[[Any], None]) -> Done:
        kept: list[Any] = []
        rans: list[Any] = []

        def opened(*args: Any, **options: Any) -> Any:
            config, bundle, hardware = start_up(*args, **options)
            prepare(hardware)
            kept.append(hardware)
            return config, bundle, hardware

        def performed(*args: Any) -> Any:
            rans.append(perform(*args))
            return rans[-1]

        def clock_for(robot: Any, on_wires: bool) -> Clock:
            return PatientClock(MonotonicClock()) if on_wires else SimulatedClock()

        self._monkeypatch.setattr(dry_run, "start_up", opened)
        self._monkeypatch.setattr(dry_run, "perform", performed)
        self._monkeypatch.setattr(dry_run, "clock_for", clock_for)
        said = self._robotctl("dry-run", "--no-realtime", *words)
        return Done(said, kept[0] if kept else None, rans[0] if rans else None)
