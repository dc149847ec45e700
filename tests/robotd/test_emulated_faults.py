"""Runs on emulated wires in wall time: a bus dies, is silent or is slow, and robotd crouches and never waits for it."""

from __future__ import annotations

import asyncio
import logging
import time

import numpy as np
import pytest
from emulated_robot import emulated

from contract import Bundle
from robotd.clock import MonotonicClock
from robotd.config import MotionConfig, RobotdConfig, SafetyConfig
from robotd.daemon import run
from robotd.hal.emulated import EmulatedHardware
from robotd.loop import RunSummary
from robotd.mode import Event, Mode
from robotd.record import Hook, Operator, Orders, TickRecord
from robotd.safety import Fault
from robotd.wiring import Wiring

PATIENT = RobotdConfig(
    safety=SafetyConfig(imu_stale_s=0.1, imu_lost_s=0.3, overrun_in_a_row=10, overrun_in_50=25),
    motion=MotionConfig(crouch_s=0.5),
)
"""Bounds at their widest: this machine has other things to do."""


def play(hardware: EmulatedHardware, bundle: Bundle, operator: Operator, *hooks: Hook) -> RunSummary:
    return asyncio.run(run(hardware, bundle, PATIENT, operator, MonotonicClock(), hooks))


def test_a_bus_that_dies_ends_in_a_crouch_and_limp_proven_on_the_others(
    zero_bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "robotd")  # the demo and the self-test, run in this process before, silence it
    modes: list[tuple[float, Mode]] = []
    died_s: list[float] = []
    with emulated(zero_bundle) as hardware:

        def look(record: TickRecord) -> None:
            if not modes or modes[-1][1] is not record.mode:
                modes.append((time.monotonic(), record.mode))
            if record.mode is Mode.STANDBY and not died_s:
                hardware.bench.unplug("left_leg")
                died_s.append(time.monotonic())

        summary = play(hardware, zero_bundle, arm_until_fault, look)
        servos = {bus: wire.servos for bus, wire in hardware.bench.wires.items()}
        assert Fault.BUS | Fault.JOINT_STALE in summary.faults and summary.mode is Mode.FAULT and summary.error is None
        order = [mode for _, mode in modes]
        assert order[-2:] == [Mode.STOPPING, Mode.FAULT]
        assert hardware.reports["right_leg"].verified and hardware.reports["upper"].verified
        assert not hardware.reports["left_leg"].verified
        for bus in ("right_leg", "upper"):
            assert not any(servo.loaded for servo in servos[bus])
            limped = hardware.bench.witness.since(command="load_or_unload_write", bus=bus)
            after = [a for a in limped if a.values == (0,) and a.stamp_s > modes[-1][0] - 0.05]
            assert after and set().union(*(a.heard for a in after)) == {servo.servo_id for servo in servos[bus]}
        assert all(servo.loaded for servo in servos["left_leg"])  # nobody can reach them any more
    assert "torque may still be on at left_hip_pitch" in caplog.text and "switch the power off" in caplog.text
    assert "right_hip_pitch" not in caplog.text.partition("torque may still be on")[2]


def arm_until_fault(record: TickRecord | None) -> Orders:
    """Home, hold home, end at a fault or after a while."""
    over = record is not None and (record.mode is Mode.FAULT or record.number >= 1500)
    return Orders((Event.ARM,), shutdown=over)


def counted_ticks(hardware: EmulatedHardware, bundle: Bundle, ticks: int, arm: bool) -> list[TickRecord]:
    """The records of a run of so many ticks in which nothing is asked but perhaps, again and again, to arm."""
    records: list[TickRecord] = []

    def operator(record: TickRecord | None) -> Orders:
        if record is not None and record.number >= ticks:
            return Orders(shutdown=True)
        return Orders((Event.ARM,) if arm else ())

    play(hardware, bundle, operator, records.append)
    return records


@pytest.mark.parametrize("bus", ["left_leg", "upper"])
def test_a_silent_bus_never_blocks_the_tick(zero_bundle: Bundle, bus: str) -> None:
    with emulated(zero_bundle) as hardware:
        start = hardware.start

        async def start_then_silence() -> None:
            await start()
            hardware.bench.fault(bus, "off")

        hardware.start = start_then_silence  # type: ignore[method-assign]
        records = counted_ticks(hardware, zero_bundle, 100, arm=False)
    assert [record.number for record in records[:101]] == list(range(101))
    ages = np.array([record.signals.joint_age_s for record in records])
    dead = [zero_bundle.spec.robot.actuator_names.index(name) for name in Wiring().on_bus(bus)]
    assert ages[100][dead].min() > 1.5 and np.delete(ages[100], dead).max() < 1.0
    assert_never_blocked(records)


def test_a_bus_at_9600_baud_never_blocks_the_tick(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle, Wiring(baud=9600)) as hardware:
        records = counted_ticks(hardware, zero_bundle, 60, arm=True)
    assert [record.number for record in records[:61]] == list(range(61))
    assert any(record.mode is Mode.HOMING for record in records)
    assert_never_blocked(records)


def assert_never_blocked(records: list[TickRecord]) -> None:
    """What the tick does itself took far less than one answer would have."""
    for part in ("read_s", "write_s"):
        assert np.median([getattr(record.timings, part) for record in records]) < 0.005
