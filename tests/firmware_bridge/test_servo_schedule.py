"""One task a bus: what it writes, in which order it reads, what it says about age and speed, and how limp pre-empts."""

from __future__ import annotations

import asyncio
import time

import pytest
from servo_rig import PATIENT_S, bench_of, moves, run_schedule, until

from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.serial_line import BusError
from firmware_bridge.servo_schedule import REST_S, Pace, ServoSchedule


def test_while_disabled_nothing_but_questions_leaves() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 400, 2: 600}, 20)
        await asyncio.sleep(0.1)
        assert {arrival.command.rsplit("_")[-1] for arrival in bench.witness.since()} == {"read"}

    with bench_of(1, 2) as bench:
        run_schedule(bench, test)


def test_enable_writes_the_pose_first_and_confirms_the_load() -> None:
    async def test(schedule: ServoSchedule) -> None:
        with pytest.raises(BusError, match=r"left: no target for servos \[2\]"):
            schedule.aim({1: 510}, 20)
            schedule.enable()
        assert not schedule.enabled
        schedule.aim({2: 490}, 20)
        schedule.enable()
        assert schedule.unconfirmed == {1, 2}
        await until(lambda: not schedule.unconfirmed)
        written = [a for a in bench.witness.since() if a.command.endswith("write")]
        assert [(a.command, a.address, a.values[0]) for a in written[:4]] == [
            ("move_time_write", 1, 510),
            ("load_or_unload_write", 1, 1),
            ("move_time_write", 2, 490),
            ("load_or_unload_write", 2, 1),
        ]
        assert [servo.loaded for servo in bench.wires["left"].servos] == [True, True]

    with bench_of(1, 2) as bench:
        run_schedule(bench, test)


def test_the_latest_target_wins() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 500}, 20)
        schedule.enable()
        for units in range(300, 400):
            schedule.aim({1: units}, 20)
        await until(lambda: 399 in moves(bench, 1))
        assert len(moves(bench, 1)) <= 3

    with bench_of(1) as bench:
        run_schedule(bench, test)


def test_a_change_within_the_deadband_is_spared_and_an_old_target_is_repeated() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 500}, 20)
        schedule.enable()
        await until(lambda: moves(bench, 1) == [500])
        schedule.aim({1: 502}, 20)
        await asyncio.sleep(0.05)
        assert moves(bench, 1) == [500]
        assert schedule.counters(1).spared == 1
        schedule.aim({1: 503}, 20)
        await until(lambda: moves(bench, 1)[-1] == 503)
        told = len(moves(bench, 1))
        await until(lambda: len(moves(bench, 1)) > told)
        assert set(moves(bench, 1)) == {500, 503}

    with bench_of(1) as bench:
        run_schedule(bench, test, Pace(deadband_units=2, refresh_s=0.3))


def test_targets_are_clamped_to_what_a_servo_can_be_told() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 1200, 2: -7}, 99_999)
        schedule.enable()
        await until(lambda: moves(bench, 1) == [1000] and moves(bench, 2) == [0])
        assert bench.witness.since(command="move_time_write")[0].values == (1000, 30_000)

    with bench_of(1, 2) as bench:
        run_schedule(bench, test)


def test_the_oldest_is_read_first_so_all_are_read_alike() -> None:
    async def test(schedule: ServoSchedule) -> None:
        await asyncio.sleep(1.0)
        reads = [arrival.address for arrival in bench.witness.since(command="pos_read")]
        counts = [reads.count(servo_id) for servo_id in (1, 2, 3, 4, 5)]
        print(f"position reads of each of five joints in about 1 s: {counts}")
        assert max(counts) - min(counts) <= max(2, max(counts) // 5)
        now_s = time.monotonic()
        assert all(0 < now_s - schedule.feedback(i).stamp_s < 1.0 for i in (1, 2, 3, 4, 5))  # type: ignore[union-attr]

    with bench_of(1, 2, 3, 4, 5) as bench:
        run_schedule(bench, test)


def test_speed_comes_from_real_time_stamps() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 900}, 8000)  # 50 units/s
        schedule.enable()
        await asyncio.sleep(0.3)
        seen = []
        for _ in range(60):
            await asyncio.sleep(0.015)
            feedback = schedule.feedback(1)
            assert feedback is not None
            seen.append(feedback.units_per_s)
        mean = sum(seen) / len(seen)
        print(f"measured {mean:.0f} units/s of 50")
        assert 35 < mean < 65

    with bench_of(1) as bench:
        run_schedule(bench, test)


def test_temperature_and_voltage_come_by_the_way() -> None:
    async def test(schedule: ServoSchedule) -> None:
        with bench.lock:
            bench.wires["left"].servos[1].warm(61)
            bench.wires["left"].servos[1].supply(11_400)
        await until(lambda: schedule.health(2)[:2] == (61.0, 11.4))
        assert 0 < time.monotonic() - schedule.health(2).stamp_s < 5
        assert schedule.health(1)[:2] == (35.0, 12.0)

    with bench_of(1, 2) as bench:
        run_schedule(bench, test, Pace(health_s=0.2))


def test_a_dead_servo_is_asked_seldom_and_does_not_age_its_neighbours() -> None:
    async def test(schedule: ServoSchedule) -> None:
        bench.fault("left/2", FaultKind.OFF)
        took_s = await until(lambda: schedule.counters(2).in_a_row >= 3)
        print(f"three failures in a row after {took_s * 1e3:.0f} ms")
        asked = schedule.counters(2).asked
        others = schedule.counters(1).answered
        await asyncio.sleep(1.0)
        assert schedule.counters(2).asked - asked <= 2 + 1.0 / REST_S + 2
        assert schedule.counters(1).answered - others > 3 * (schedule.counters(2).asked - asked)
        bench.fault("left/2", FaultKind.OK)
        await until(lambda: schedule.counters(2).in_a_row == 0)

    with bench_of(1, 2, 3) as bench:
        run_schedule(bench, test, reply_s=0.03)


def test_a_leap_counts_only_once_it_is_confirmed() -> None:
    async def test(schedule: ServoSchedule) -> None:
        bench.fault("left/1", FaultKind.WRONG)
        await until(lambda: schedule.counters(1).implausible == 1)
        await until(lambda: schedule.feedback(1).units == 900)  # type: ignore[union-attr]
        assert schedule.counters(1).implausible == 1

    with bench_of(1) as bench:
        run_schedule(bench, test)


def test_limp_preempts_what_is_under_way() -> None:
    """The bus waits 30 s for a servo that is off; the unload is on the wire at once all the same."""

    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 500}, 20)
        schedule.enable()
        await until(lambda: not schedule.unconfirmed)
        schedule.bus.reply_s = 30.0
        bench.fault("left/1", FaultKind.OFF)
        await asyncio.sleep(2 * PATIENT_S)  # what was under way with the old patience is over
        bench.fault("left/1", FaultKind.OK)
        asked_s, number = time.monotonic(), bench.witness.seen
        report = await asyncio.wait_for(schedule.limp(), 5.0)
        first = bench.witness.since(number)[0]
        print(f"first unload {(first.stamp_s - asked_s) * 1e3:.1f} ms, confirmed {report.after_s * 1e3:.1f} ms")
        assert (first.command, first.values) == ("load_or_unload_write", (0,))
        assert report.verified
        assert schedule.bus.counters.preempted == 1

    with bench_of(1) as bench:
        run_schedule(bench, test)


def test_after_limp_old_targets_move_nothing() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 400, 2: 600}, 20)
        schedule.enable()
        await until(lambda: not schedule.unconfirmed)
        report = await schedule.limp()
        assert report.verified
        assert not schedule.enabled
        assert not schedule.unconfirmed
        last = bench.witness.seen
        schedule.aim({1: 300}, 20)
        await asyncio.sleep(0.1)
        assert not [a for a in bench.witness.since(last) if a.command.endswith("write")]
        assert not any(servo.loaded for servo in bench.wires["left"].servos)

    with bench_of(1, 2) as bench:
        run_schedule(bench, test, Pace(refresh_s=0.02))


def test_a_servo_that_missed_the_limp_is_tried_until_it_confirms() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 400, 2: 600}, 20)
        schedule.enable()
        await until(lambda: not schedule.unconfirmed)
        bench.fault("left/2", FaultKind.GARBAGE)
        report = await schedule.limp()
        assert report.servos[1].verified
        assert not report.servos[2].verified
        assert schedule.unconfirmed == {2}
        bench.fault("left/2", FaultKind.OK)
        await until(lambda: not schedule.unconfirmed)

    with bench_of(1, 2) as bench:
        run_schedule(bench, test, reply_s=0.03)


def test_a_servo_that_lost_its_load_while_enabled_is_loaded_again_before_it_counts_as_confirmed() -> None:
    async def test(schedule: ServoSchedule) -> None:
        with bench.lock:
            bench.wires["left"].servos[0].warm(95)
        schedule.aim({1: 500}, 20)
        schedule.enable()
        await asyncio.sleep(0.2)
        assert schedule.unconfirmed == {1}
        with bench.lock:
            bench.wires["left"].servos[0].warm(40)
        await until(lambda: not schedule.unconfirmed)

    with bench_of(1) as bench:
        run_schedule(bench, test)


def test_a_servo_that_refuses_its_torque_does_not_keep_temperature_and_positions_from_being_read() -> None:
    async def test(schedule: ServoSchedule) -> None:
        with bench.lock:
            bench.wires["left"].servos[0].warm(95)  # its own protection
        schedule.aim({1: 500, 2: 500}, 20)
        schedule.enable()
        await asyncio.sleep(0.3)
        assert schedule.unconfirmed == {1}
        with bench.lock:
            bench.wires["left"].servos[1].warm(61)
        number, stamp_s = bench.witness.seen, time.monotonic()
        await until(lambda: schedule.health(2).temperature_degc == 61.0)
        await asyncio.sleep(max(0.0, stamp_s + 0.5 - time.monotonic()))
        asked = [arrival.command for arrival in bench.witness.since(number)]
        assert asked.count("pos_read") >= asked.count("load_or_unload_read")

    with bench_of(1, 2) as bench:
        run_schedule(bench, test, Pace(health_s=0.2))


def test_torque_that_a_servo_lost_is_noticed_in_the_round_of_questions() -> None:
    async def test(schedule: ServoSchedule) -> None:
        schedule.aim({1: 500, 2: 500}, 20)
        schedule.enable()
        await until(lambda: not schedule.unconfirmed)
        with bench.lock:
            bench.wires["left"].servos[1].warm(95)
        took_s = await until(lambda: schedule.unconfirmed == {2})
        print(f"noticed after {took_s * 1e3:.0f} ms")

    with bench_of(1, 2) as bench:
        run_schedule(bench, test, Pace(health_s=0.2))
