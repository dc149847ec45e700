"""The loop on the mock robot and a simulated clock: order of calls, overruns, shutdown, last line of defence."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import numpy as np
import pytest
from robot_builder import Script, modes_of

from contract import Bundle, Signals
from robotd.clock import MonotonicClock, SimulatedClock
from robotd.config import RobotdConfig
from robotd.daemon import run
from robotd.hal.mock import MockHardware
from robotd.loop import RunSummary, ShutdownSwitch
from robotd.mode import Event, Mode
from robotd.record import Hook, Operator, Orders, TickRecord
from robotd.safety import Fault

CONFIG = RobotdConfig()


class Spy(MockHardware):
    """The mock robot, with a diary; it can let time pass, or fail, at a read of its choice."""

    def __init__(self, bundle: Bundle, clock: SimulatedClock | None = None) -> None:
        super().__init__(bundle.spec)
        self.diary: list[str] = []
        self.clock, self.slow, self.fails_at = clock, {}, None  # type: ignore[var-annotated]
        self.targets: list[np.ndarray] = []
        self.reads = 0

    def read(self) -> Signals:
        self.reads += 1
        self.diary.append("read")
        if self.reads == self.fails_at:
            raise OSError("the bus is gone")
        if self.clock is not None:
            self.clock.advance(self.slow.get(self.reads, 0.0))
        return super().read()

    def write(self, target_rad: Any) -> None:
        self.diary.append("write")
        self.targets.append(np.asarray(target_rad))
        super().write(target_rad)

    def enable(self) -> None:
        self.diary.append("enable")
        super().enable()

    def disable(self) -> None:
        self.diary.append("disable")
        super().disable()


def play(
    hardware: MockHardware, bundle: Bundle, operator: Operator, clock: Any = None, **options: Any
) -> tuple[RunSummary, list[TickRecord]]:
    """Run to the end and keep all records."""
    records: list[TickRecord] = []
    hook: Hook = records.append
    summary = asyncio.run(run(hardware, bundle, CONFIG, operator, clock or SimulatedClock(), hook, **options))
    return summary, records


def test_the_whole_way_there_and_back(zero_bundle: Bundle) -> None:
    summary, records = play(MockHardware(zero_bundle.spec), zero_bundle, Script(active_ticks=100))
    expected = [Mode.HOMING, Mode.STANDBY, Mode.ACTIVE, Mode.STOPPING, Mode.FAULT]
    assert modes_of(records) == expected
    assert summary.active_ticks == 100 and summary.ticks == len(records) == records[-1].number + 1
    assert summary.faults == Fault.OPERATOR and not summary.stopped_by_fault and summary.overruns == 0


def test_the_pose_is_written_before_torque_comes_and_torque_goes_at_once(zero_bundle: Bundle) -> None:
    hardware = Spy(zero_bundle)
    found = zero_bundle.spec.robot.home + np.float32(0.1)
    hardware.place(found)
    play(hardware, zero_bundle, Script(active_ticks=3))
    assert hardware.diary[:3] == ["read", "write", "enable"]
    assert np.allclose(hardware.targets[0], found, atol=1e-6)
    assert hardware.diary.count("enable") == 1
    assert hardware.diary[-3:] == ["read", "disable", "disable"] and not hardware.enabled


def test_idle_never_touches_the_joints(zero_bundle: Bundle) -> None:
    hardware = Spy(zero_bundle)

    def nothing(record: TickRecord | None) -> Orders:
        return Orders(shutdown=record is not None and record.number >= 20)

    summary, _ = play(hardware, zero_bundle, nothing)
    assert set(hardware.diary[:-1]) == {"read"} and summary.mode is Mode.IDLE and summary.faults == Fault.NONE


@pytest.mark.parametrize("at", [1, 60, 130])
def test_whatever_fails_the_robot_is_limp_and_the_loop_says_why(zero_bundle: Bundle, at: int) -> None:
    hardware = Spy(zero_bundle)
    hardware.fails_at = at
    summary, _ = play(hardware, zero_bundle, Script(active_ticks=1000))
    assert hardware.diary[-1] == "disable" and not hardware.enabled
    assert summary.error == "OSError: the bus is gone" and summary.stopped_by_fault and summary.ticks == at - 1


def test_a_failing_hook_limps_the_robot_too(zero_bundle: Bundle) -> None:
    hardware = Spy(zero_bundle)

    def hook(record: TickRecord) -> None:
        if record.mode is Mode.ACTIVE:
            raise ZeroDivisionError

    script = Script(active_ticks=1000)
    summary = asyncio.run(run(hardware, zero_bundle, CONFIG, script, SimulatedClock(), [hook]))
    assert summary.error == "ZeroDivisionError: " and not hardware.enabled


def test_one_slow_tick_skips_whole_periods_and_goes_on(zero_bundle: Bundle) -> None:
    clock = SimulatedClock()
    hardware = Spy(zero_bundle, clock)
    hardware.slow = {120: 0.045}
    summary, records = play(hardware, zero_bundle, Script(active_ticks=100), clock)
    assert [(r.number, r.skipped) for r in records if r.skipped] == [(120, 2)]
    assert summary.overruns == 2 and summary.faults == Fault.OPERATOR
    assert records[119].timings.read_s == pytest.approx(0.045)


def test_three_missed_deadlines_stop_the_robot(zero_bundle: Bundle) -> None:
    clock = SimulatedClock()
    hardware = Spy(zero_bundle, clock)
    hardware.slow = {130: 0.065}
    summary, records = play(hardware, zero_bundle, Script(active_ticks=100), clock)
    assert records[129].mode is Mode.ACTIVE and records[130].mode is Mode.STOPPING
    assert Fault.OVERRUN in summary.faults and summary.stopped_by_fault and summary.mode is Mode.FAULT


def test_the_switch_ends_the_run_by_way_of_a_crouch(zero_bundle: Bundle) -> None:
    switch = ShutdownSwitch()

    def operator(record: TickRecord | None) -> Orders:
        if record is not None and record.mode is Mode.STANDBY:
            switch.press()
        return Orders((Event.ARM,) if record is None else ())

    summary, records = play(MockHardware(zero_bundle.spec), zero_bundle, operator, switch=switch)
    assert modes_of(records) == [Mode.HOMING, Mode.STANDBY, Mode.STOPPING, Mode.FAULT]
    assert summary.mode is Mode.FAULT and not summary.stopped_by_fault


def test_a_cancelled_loop_leaves_the_robot_limp(zero_bundle: Bundle) -> None:
    hardware = Spy(zero_bundle)

    async def cancel_in_standby() -> None:
        standing = asyncio.Event()

        def hook(record: TickRecord) -> None:
            if record.mode is Mode.STANDBY:
                standing.set()

        script = Script(active_ticks=10**9, max_ticks=10**9)
        task = asyncio.create_task(run(hardware, zero_bundle, CONFIG, script, SimulatedClock(), hook))
        await standing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_in_standby())
    assert hardware.diary[-1] == "disable" and not hardware.enabled


def test_garbage_waits_until_the_robot_is_limp(zero_bundle: Bundle) -> None:
    seen: list[bool] = []

    def operator(record: TickRecord | None) -> Orders:
        seen.append(gc.isenabled())
        return Orders(shutdown=len(seen) > 3)

    play(MockHardware(zero_bundle.spec), zero_bundle, operator)
    assert not any(seen) and gc.isenabled() and gc.get_freeze_count() == 0


@pytest.mark.parametrize("torque", [False, True])
def test_garbage_goes_once_a_minute_but_never_under_torque(
    torque: bool, zero_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[int] = []
    monkeypatch.setattr("robotd.loop.TIDY_TICKS", 50)
    monkeypatch.setattr("robotd.loop.gc.collect", lambda: collected.append(1))

    def operator(record: TickRecord | None) -> Orders:
        number = -1 if record is None else record.number
        return Orders((Event.ARM,) if torque and number < 3 else (), shutdown=number >= 149)

    _, records = play(MockHardware(zero_bundle.spec), zero_bundle, operator)
    limp = [record for record in records if not record.mode.powered and record.number % 50 == 49]
    assert len(collected) == 1 + len(limp)
    assert len(limp) == (0 if torque else 3)


def test_real_deadlines_drive_the_same_loop(zero_bundle: Bundle) -> None:
    def operator(record: TickRecord | None) -> Orders:
        return Orders(shutdown=record is not None and record.number >= 24)

    summary, records = play(MockHardware(zero_bundle.spec), zero_bundle, operator, MonotonicClock())
    assert [r.number for r in records] == list(range(26)) and summary.ticks == 26
    assert summary.lateness_us.max > 0 and summary.tick_us.p50 > 0
