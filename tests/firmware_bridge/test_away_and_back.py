"""Ports and servos that are away for a while: what they are told when they are back."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from servo_rig import LONG_S, bench_of, moves, run_schedule, until

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.serial_line import PortError, SerialLine
from firmware_bridge.servo_bus import LOST
from firmware_bridge.servo_schedule import TIRED, Pace, ServoSchedule


async def hold(schedule: ServoSchedule) -> None:
    """Both servos have torque, and have said so."""
    schedule.aim({1: 400, 2: 600}, 20)
    schedule.enable()
    await until(lambda: not schedule.unconfirmed)


def test_a_pulled_plug_is_reported_and_limp_says_so() -> None:
    async def test(schedule: ServoSchedule) -> None:
        bench.unplug("left")
        await until(lambda: schedule.bus.lost is not None)
        report = await asyncio.wait_for(schedule.limp(), 5.0)
        assert not report.verified
        assert "gone" in (report.servos[1].problem or "")

    with bench_of(1, 2) as bench:
        run_schedule(bench, test)


def test_a_plug_that_is_put_in_again_brings_the_bus_back_limp_and_disabled(tmp_path: Path) -> None:
    async def test(schedule: ServoSchedule) -> None:
        await hold(schedule)
        bench.unplug("left")
        await until(lambda: schedule.bus.lost is not None)
        assert not (await schedule.limp()).verified
        assert all(servo.loaded for servo in bench.wires["left"].servos), "nobody could reach them"
        number = bench.witness.seen
        bench.plug("left")
        begin_s = time.monotonic()
        schedule.aim({1: 300}, 20)  # as the ticks go on to do
        took_s = await until(lambda: not any(servo.loaded for servo in bench.wires["left"].servos))
        await until(lambda: not schedule.unconfirmed)
        proven_s = time.monotonic() - begin_s
        print(f"plugged in again: unloaded after {took_s * 1e3:.0f} ms, proven after {proven_s * 1e3:.0f} ms")
        first = bench.witness.since(number)[0]
        assert (first.command, first.values) == ("load_or_unload_write", (0,))
        await until(lambda: schedule.failed_in_a_row == 0)
        assert not schedule.enabled and schedule.bus.lost is None
        assert not [a for a in bench.witness.since(number) if a.command == "move_time_write"]
        await hold(schedule)
        assert all(servo.loaded for servo in bench.wires["left"].servos)

    with ServoBench({"left": (1, 2)}, tmp_path) as bench:
        run_schedule(bench, test)


def test_a_port_that_was_lost_under_torque_comes_back_as_it_was_and_counts_as_lost_until_limp(tmp_path: Path) -> None:
    async def test(schedule: ServoSchedule) -> None:
        await hold(schedule)
        bench.unplug("left")
        await until(lambda: schedule.bus.lost is not None)
        number = bench.witness.seen
        bench.plug("left")
        await until(lambda: schedule.bus.failed_in_a_row == 0)
        for units in range(400, 430):
            schedule.aim({1: units, 2: units}, 20)
            await asyncio.sleep(0.01)
        assert not [a for a in bench.witness.since(number) if not a.command.endswith("read")]
        assert all(servo.loaded for servo in bench.wires["left"].servos) and schedule.failed_in_a_row == LOST
        report = await schedule.limp()
        assert report.verified and schedule.failed_in_a_row == 0
        assert not any(servo.loaded for servo in bench.wires["left"].servos)

    with ServoBench({"left": (1, 2)}, tmp_path) as bench:
        run_schedule(bench, test)


def test_without_torque_nobody_is_left_out_of_being_unloaded() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.leave_out()
        with bench.lock:
            bench.wires["left"].servos[1]._move(500, 0)
        await until(lambda: not any(servo.loaded for servo in bench.wires["left"].servos))

    with bench_of(1, 2) as bench:
        run_schedule(bench, test, Pace(health_s=0.2))


def test_a_servo_whose_power_was_away_is_not_thrown_to_its_target() -> None:
    async def test(schedule: ServoSchedule) -> None:
        await hold(schedule)
        bench.fault("left/2", FaultKind.OFF)
        await until(lambda: schedule.counters(2).in_a_row >= TIRED)
        await asyncio.sleep(0.05)
        number = bench.witness.seen
        bench.fault("left/2", FaultKind.OK)
        assert not bench.wires["left"].servos[1].loaded
        until_s = time.monotonic() + 0.5
        while time.monotonic() < until_s:
            schedule.aim({1: 400 + round(time.monotonic() * 50) % 9, 2: 600 + round(time.monotonic() * 50) % 9}, 20)
            await asyncio.sleep(0.01)
        told = {a.address for a in bench.witness.since(number) if a.command.endswith("write")}
        assert told == {1} and schedule.unconfirmed == {2} and schedule.counters(2).in_a_row == 0
        assert [servo.loaded for servo in bench.wires["left"].servos] == [True, False]
        await schedule.limp()
        schedule.aim({1: 400, 2: 600}, 20)
        schedule.enable()
        await until(lambda: all(servo.loaded for servo in bench.wires["left"].servos))

    with bench_of(1, 2) as bench:
        run_schedule(bench, test)


def test_a_servo_that_was_only_silent_goes_on_once_it_says_that_it_has_its_torque() -> None:
    async def test(schedule: ServoSchedule) -> None:
        await hold(schedule)
        bench.fault("left/2", FaultKind.GARBAGE)
        await until(lambda: schedule.counters(2).in_a_row >= TIRED)
        await asyncio.sleep(0.05)
        number = bench.witness.seen
        schedule.aim({1: 410, 2: 610}, 20)
        await asyncio.sleep(0.1)
        assert 2 not in {a.address for a in bench.witness.since(number, command="move_time_write")}
        bench.fault("left/2", FaultKind.OK)
        await until(lambda: moves(bench, 2)[-1] == 610)
        assert not schedule.unconfirmed

    with bench_of(1, 2) as bench:
        run_schedule(bench, test)


def test_a_port_that_stays_away_is_looked_for_at_leisure_and_never_in_the_loop() -> None:
    async def test(schedule: ServoSchedule) -> None:
        opened_by: list[threading.Thread] = []

        def reopened() -> SerialLine:
            opened_by.append(threading.current_thread())
            time.sleep(0.05)  # as a port that takes its time
            raise PortError("still gone")

        schedule.bus.line.reopened = reopened  # type: ignore[method-assign]
        bench.unplug("left")
        await until(lambda: schedule.bus.lost is not None)
        late_s = 0.0
        for _ in range(50):
            before_s = time.monotonic()
            schedule.aim({1: 300}, 20)
            await asyncio.sleep(0.02)
            late_s = max(late_s, time.monotonic() - before_s - 0.02)
        print(f"looked for {len(opened_by)} times in 1 s, the loop was {late_s * 1e3:.1f} ms late at most")
        assert 2 <= len(opened_by) <= 7
        assert threading.main_thread() not in opened_by

    with bench_of(1, 2) as bench:
        run_schedule(bench, test)


def test_a_port_that_opens_after_the_end_is_let_go() -> None:
    async def test(schedule: ServoSchedule) -> None:
        slow, closed = threading.Event(), threading.Event()

        class Opened:
            def close(self) -> None:
                closed.set()

        def reopened() -> Opened:
            slow.wait(LONG_S)
            return Opened()

        schedule.bus.line.reopened = reopened  # type: ignore[assignment, method-assign]
        bench.unplug("left")
        await until(lambda: schedule.bus.lost is not None)
        await asyncio.sleep(0.05)
        await asyncio.wait_for(schedule.stop(), 1.0)
        slow.set()
        await until(closed.is_set)

    with bench_of(1) as bench:
        run_schedule(bench, test)
