"""Transactions of the real driver on an emulated wire behind a real pty."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest
from servo_rig import bench_of, run_on_bus, until

from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.hiwonder import READS, WRITES, Command
from firmware_bridge.serial_line import GarbledReply, NoReply, PortError, Preempted, SerialLine
from firmware_bridge.servo_bus import LOST, ServoBus

EXAMPLES = {"position": 480, "time_ms": 40, "id": 2, "offset": -12, "low": 100, "high": 900, "low_mv": 9000}
EXAMPLES |= {"high_mv": 12_600, "max_degc": 80, "loaded": 1, "dark": 1, "causes": 5}


@pytest.mark.parametrize("echo", [False, True])
def test_every_read_is_answered_and_echoes_are_skipped(echo: bool) -> None:
    async def main(bus: ServoBus) -> None:
        for command in READS:
            answer = await bus.ask(2, command, attempts=3)
            assert len(answer.values) == len(READS[command])
        assert (await bus.ask(2, Command.POS_READ, attempts=3)).values == (500,)
        assert (await bus.ask(2, Command.ID_READ, attempts=3)).values == (2,)
        assert bool(bus.counters.echoes) == echo
        assert not bus.stream.noise_bytes

    with bench_of(1, 2, echo=echo) as bench:
        run_on_bus(bench, main)


@pytest.mark.parametrize("echo", [False, True])
def test_every_write_reaches_the_servo_as_it_was_meant(echo: bool) -> None:
    async def main(bus: ServoBus) -> None:
        for command, fields in WRITES.items():
            await bus.room()
            bus.tell(2, command, *(EXAMPLES[field.name] for field in fields))
        await until(lambda: bench.witness.seen >= len(WRITES))

    with bench_of(1, 2, echo=echo) as bench:
        run_on_bus(bench, main)
        arrivals = bench.witness.since()
    assert [arrival.command for arrival in arrivals] == [command.name.lower() for command in WRITES]
    for arrival, fields in zip(arrivals, WRITES.values(), strict=True):
        assert arrival.values == tuple(EXAMPLES[field.name] for field in fields)
        assert (arrival.address, arrival.heard) == (2, (2,))


def test_a_stamp_is_not_younger_than_what_was_measured() -> None:
    async def main(bus: ServoBus) -> None:
        before_s = time.monotonic()
        answer = await bus.ask(1, Command.POS_READ, attempts=3)
        assert before_s <= answer.stamp_s <= time.monotonic()
        assert answer.stamp_s <= bench.witness.since()[-1].stamp_s + 1e-4

    with bench_of(1) as bench:
        run_on_bus(bench, main)


def test_a_servo_that_is_not_there_gives_no_reply_within_the_deadline() -> None:
    async def main(bus: ServoBus) -> None:
        begin_s = time.monotonic()
        with pytest.raises(NoReply, match="left: servo 9 did not answer pos_read in time"):
            await bus.ask(9, Command.POS_READ, attempts=3)
        took_s = time.monotonic() - begin_s
        print(f"three attempts on a silent id: {took_s * 1e3:.1f} ms")
        assert took_s >= 3 * bus.reply_s
        counters = bus.count(9)
        assert (counters.asked, counters.no_reply, counters.in_a_row, counters.failed) == (3, 3, 3, 3)
        await bus.ask(1, Command.POS_READ, attempts=3)

    with bench_of(1) as bench:
        run_on_bus(bench, main, reply_s=0.03)


def test_garbage_is_told_from_silence() -> None:
    async def main(bus: ServoBus) -> None:
        bench.fault("left/1", FaultKind.GARBAGE)
        with pytest.raises(GarbledReply, match="servo 1 answered pos_read with garbage"):
            await bus.ask(1, Command.POS_READ)
        assert bus.count(1).garbled == 1
        bench.fault("left/1", FaultKind.OK)
        assert (await bus.ask(1, Command.POS_READ, attempts=3)).values == (500,)
        assert bus.count(1).in_a_row == 0

    with bench_of(1) as bench:
        run_on_bus(bench, main)


def test_a_lost_message_is_asked_for_again() -> None:
    async def main(bus: ServoBus) -> None:
        bench.fault("left/1", FaultKind.INTERMITTENT)
        for _ in range(5):
            assert (await bus.ask(1, Command.POS_READ, attempts=50)).values == (500,)
        assert bus.count(1).answered == 5

    with bench_of(1) as bench:
        run_on_bus(bench, main, reply_s=0.03)


@pytest.mark.parametrize("baud", [9600, 57600])
def test_at_the_wrong_baud_rate_nobody_answers(baud: int) -> None:
    async def main(bus: ServoBus) -> None:
        with pytest.raises(NoReply):
            await bus.ask(1, Command.POS_READ, attempts=3)
        assert not bench.witness.since()

    with bench_of(1) as bench:
        run_on_bus(bench, main, baud=baud, reply_s=0.03)


def test_at_9600_baud_it_is_slow_and_works() -> None:
    async def main(bus: ServoBus) -> None:
        begin_s = time.monotonic()
        assert (await bus.ask(1, Command.POS_READ, attempts=3)).values == (500,)
        assert time.monotonic() - begin_s >= 14 * 10 / 9600

    with bench_of(1, baud=9600) as bench:
        run_on_bus(bench, main, baud=9600)


def test_a_preempted_question_ends_at_once() -> None:
    async def main(bus: ServoBus) -> None:
        asking = asyncio.ensure_future(bus.ask(9, Command.POS_READ))
        await asyncio.sleep(0.01)
        bus.preempt()
        with pytest.raises(Preempted):
            await asking
        assert bus.counters.preempted == 1

    with bench_of(1) as bench:
        run_on_bus(bench, main, reply_s=30.0)


def test_a_port_is_held_by_one_alone() -> None:
    with bench_of(1) as bench:
        first = SerialLine(bench.ports["left"], 115200)
        with pytest.raises(PortError, match="another process holds it"):
            SerialLine(bench.ports["left"], 115200)
        first.close()
        SerialLine(bench.ports["left"], 115200).close()


def test_a_missing_port_is_named() -> None:
    with pytest.raises(PortError, match="/dev/no-such-port: no such port; plug the adapter in"):
        SerialLine("/dev/no-such-port", 115200)


def test_a_pulled_plug_ends_what_is_under_way_and_all_that_comes() -> None:
    async def main(bus: ServoBus) -> None:
        asking = asyncio.ensure_future(bus.ask(9, Command.POS_READ))
        await asyncio.sleep(0.01)
        bench.unplug("left")
        with pytest.raises(PortError, match="gone"):
            await asking
        with pytest.raises(PortError, match="gone"):
            await bus.ask(1, Command.POS_READ)
        with pytest.raises(PortError, match="gone"):
            bus.tell(1, Command.MOVE_STOP)
        assert bus.lost
        assert bus.counters.port_errors == 1

    with bench_of(1) as bench:
        run_on_bus(bench, main, reply_s=30.0)


async def fail(bus: ServoBus, *servo_ids: int) -> list[int]:
    """Ask servos that do not answer; the count after each."""
    counts = []
    for servo_id in servo_ids:
        with pytest.raises(NoReply):
            await bus.ask(servo_id, Command.POS_READ)
        counts.append(bus.failed_in_a_row)
    return counts


def test_one_dead_servo_is_no_dead_bus() -> None:
    async def main(bus: ServoBus) -> None:
        for servo_id in (1, 2, 3):
            bus.count(servo_id)
        assert bus.failed_in_a_row == 0
        bench.fault("left/2", FaultKind.OFF)
        assert await fail(bus, 2, 2, 2, 2) == [1, 1, 1, 1]
        await bus.ask(1, Command.POS_READ, attempts=9)
        assert bus.failed_in_a_row == 0
        bench.fault("left", FaultKind.OFF)
        assert await fail(bus, 1, 1, 2, 3, 3, 1) == [1, 1, 2, 3, 3, 4]

    with bench_of(1, 2, 3) as bench:
        run_on_bus(bench, main)


def test_where_there_is_one_servo_every_failure_is_the_buss_own() -> None:
    async def main(bus: ServoBus) -> None:
        bench.fault("left", FaultKind.OFF)
        assert await fail(bus, 1, 1, 1) == [1, 2, 3]
        bench.unplug("left")
        with pytest.raises(PortError):
            await bus.ask(1, Command.POS_READ)
        assert bus.failed_in_a_row == LOST

    with bench_of(1) as bench:
        run_on_bus(bench, main)


def test_what_fails_leaves_no_garbage_that_grows_for_as_long_as_nothing_answers() -> None:
    async def main(bus: ServoBus) -> None:
        bench.fault("left", FaultKind.OFF)
        await fail(bus, 1)
        gc.collect()
        gc.disable()
        try:
            await fail(bus, *[1, 2] * 20)
            assert gc.collect() < 20, "objects in cycles"
            bench.unplug("left")
            await until(lambda: bus.lost is not None)
            gc.collect()
            for _ in range(20):
                with pytest.raises(PortError):
                    await bus.reopen()
            found = gc.collect()
        finally:
            gc.enable()
        assert found < 20, "objects in cycles"

    with bench_of(1, 2) as bench:
        run_on_bus(bench, main, reply_s=0.002)
