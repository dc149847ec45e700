"""The twin's clock: a busy machine's missed deadlines are counted and stop nothing, unless timing is strict."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from robotd.clock import SimulatedClock
from robotd.ctl import show
from robotd.ctl.director import Script
from robotd.ctl.patience import PatientClock
from robotd.ctl.progress import Progress
from robotd.ctl.show import perform, prepare
from robotd.safety import Fault


class BusyClock(SimulatedClock):
    """A machine that does something else for 0.2 s now and then: ten deadlines are missed each time."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0

    def now_s(self) -> float:
        self._calls += 1
        if self._calls % 500 == 0:
            self.advance(0.2)
        return super().now_s()


def test_missed_deadlines_are_taken_out_and_handed_over_once() -> None:
    clock = SimulatedClock()
    patient = PatientClock(clock)

    async def tick() -> list[int]:
        ticker = patient.ticker(0.02)
        skipped = [(await ticker.wait()).skipped]
        clock.advance(0.11)
        skipped.append((await ticker.wait()).skipped)
        ticker.close()
        return skipped

    assert asyncio.run(tick()) == [0, 0]
    assert patient.take_missed() == 5
    assert patient.take_missed() == 0
    assert patient.now_s() == clock.now_s()


@pytest.mark.parametrize("strict", [False, True])
def test_a_busy_machine_stops_the_robot_only_where_timing_is_strict(
    strict: bool, zero_bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "MonotonicClock", BusyClock)
    ready = prepare(zero_bundle_path, "mock", False, Script(4.0))
    _, director, witness = perform(ready, Progress(io.StringIO()), headless=True, strict_timing=strict)
    assert (Fault.OVERRUN in witness.faults) == strict
    if not strict:
        assert witness.overruns >= 5
        assert director.active_ticks == 200
