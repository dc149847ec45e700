"""Ids and limits: written, read back, and refused where a bus is not as it should be."""

from __future__ import annotations

import pytest
from servo_rig import bench_of, run_on_bus

from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.hiwonder import CodecError, Command
from firmware_bridge.serial_line import BusError, ReadBackError
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_registers import Limits, read_limits, set_id, write_limits

LIMITS = Limits(low_units=120, high_units=880, low_mv=9000, high_mv=12_600, max_degc=75)


def test_limits_are_written_and_read_back() -> None:
    async def main(bus: ServoBus) -> None:
        await write_limits(bus, 1, LIMITS)
        assert await read_limits(bus, 1) == LIMITS
        assert await read_limits(bus, 2) == Limits(0, 1000, 4500, 14_000, 85)

    with bench_of(1, 2) as bench:
        run_on_bus(bench, main)


def test_limits_survive_the_loss_of_power_and_hold_a_move_back() -> None:
    async def main(bus: ServoBus) -> None:
        await write_limits(bus, 1, LIMITS)
        bench.fault("left/1", FaultKind.OFF)
        bench.fault("left/1", FaultKind.OK)
        assert await read_limits(bus, 1) == LIMITS
        bus.tell(1, Command.MOVE_TIME_WRITE, 1000, 0)
        position = 0
        while position < 879:
            (position,) = (await bus.ask(1, Command.POS_READ, attempts=5)).values
            assert position <= 880

    with bench_of(1) as bench:
        run_on_bus(bench, main)


def test_writes_that_get_lost_are_repeated() -> None:
    async def main(bus: ServoBus) -> None:
        bench.fault("left/1", FaultKind.INTERMITTENT)
        for _ in range(3):
            try:
                await write_limits(bus, 1, LIMITS)
            except BusError:
                continue  # bounded: after five lost messages in a row it gives up and says so
        bench.fault("left/1", FaultKind.OK)
        assert await read_limits(bus, 1) == LIMITS

    with bench_of(1) as bench:
        run_on_bus(bench, main, reply_s=0.03)


@pytest.mark.parametrize(
    ("limits", "error", "words"),
    [
        (LIMITS._replace(low_units=900), ReadBackError, "not below its high one"),
        (LIMITS._replace(high_mv=9000), ReadBackError, "not below its high one"),
        (LIMITS._replace(high_units=1001), CodecError, "high 1001, expected 0 to 1000"),
        (LIMITS._replace(max_degc=120), CodecError, "max_degc 120, expected 50 to 100"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: Limits, error: type[Exception], words: str) -> None:
    async def main(bus: ServoBus) -> None:
        with pytest.raises(error, match=words):
            await write_limits(bus, 1, limits)

    with bench_of(1) as bench:
        run_on_bus(bench, main)


def test_an_id_is_changed_and_proven() -> None:
    async def main(bus: ServoBus) -> None:
        await set_id(bus, 1, 7)
        assert (await bus.ask(7, Command.ID_READ, attempts=5)).values == (7,)
        assert [servo.servo_id for servo in bench.wires["left"].servos] == [7, 2]
        await set_id(bus, 7, 7)

    with bench_of(1, 2) as bench:
        run_on_bus(bench, main, reply_s=0.05)


@pytest.mark.parametrize(
    ("old_id", "new_id", "words"),
    [
        (9, 5, "no servo answers to id 9"),
        (1, 2, "id 2 is taken"),
        (3, 5, "more than one servo answers to id 3"),
        (1, 254, "id 254, expected 0 to 253"),
    ],
)
def test_an_id_is_not_changed_blindly(old_id: int, new_id: int, words: str) -> None:
    async def main(bus: ServoBus) -> None:
        with pytest.raises(BusError, match=words):
            await set_id(bus, old_id, new_id)
        assert not bench.witness.since(command="id_write")

    with bench_of(1, 2, 3, 3) as bench:
        with bench.lock:
            bench.wires["left"].servos[3].supply(11_000)
        run_on_bus(bench, main, reply_s=0.05)
