"""Dry runs for tests: in simulated time, and the robot is kept for a look at it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from bench_rig import Robotctl, Said
from simulated_robot import simulate_dry_runs

from robotd.ctl import dry_run


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
        """One dry run."""
        kept: list[Any] = []
        rans: list[Any] = []

        def keep(hardware: Any) -> None:
            prepare(hardware)
            kept.append(hardware)

        with self._monkeypatch.context() as patch:
            simulate_dry_runs(patch.setattr, keep)
            perform = dry_run.perform

            def performed(*args: Any) -> Any:
                rans.append(perform(*args))
                return rans[-1]

            patch.setattr(dry_run, "perform", performed)
            said = self._robotctl("dry-run", *words)
        return Done(said, kept[0] if kept else None, rans[0] if rans else None)
