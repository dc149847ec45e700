"""What the tests of the servo bus share: the real driver on an emulated wire, and patience that is bounded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.hiwonder import BAUD
from firmware_bridge.serial_line import SerialLine
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_schedule import Pace, ServoSchedule

PATIENT_S = 0.1
"""Deadline of a transaction where a test is not about time: other work on this machine must not fail it."""
ScheduleTest = Callable[[ServoSchedule], Awaitable[None]]
LONG_S = 10.0
"""The most that any test waits for something that comes in milliseconds."""


@contextmanager
def one_bus(
    bench: ServoBench, name: str = "left", *, baud: int = BAUD, reply_s: float = PATIENT_S
) -> Iterator[ServoBus]:
    """An open bus of a bench. Inside a running event loop."""
    bus = ServoBus(name, SerialLine(bench.ports[name], baud), reply_s)
    try:
        yield bus
    finally:
        bus.close()


def run_on_bus(
    bench: ServoBench, main: Callable[[ServoBus], Awaitable[None]], *, baud: int = BAUD, reply_s: float = PATIENT_S
) -> None:
    """Run a test on the bus `left` of a bench, in an event loop of its own."""

    async def inside() -> None:
        with one_bus(bench, baud=baud, reply_s=reply_s) as bus:
            await main(bus)

    asyncio.run(inside())


def bench_of(*servo_ids: int, **options: float | bool) -> ServoBench:
    """A bench with one bus `left`."""
    buses: dict[str, Sequence[int]] = {"left": servo_ids}
    return ServoBench(buses, **options)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool], longest_s: float = LONG_S) -> float:
    """Wait for something; return how long it took in s. Fails the test if it never comes."""
    begin_s = time.monotonic()
    while not condition():
        assert time.monotonic() - begin_s < longest_s, "it never came"
        await asyncio.sleep(0.002)
    return time.monotonic() - begin_s


def run_schedule(bench: ServoBench, test: ScheduleTest, pace: Pace | None = None, reply_s: float = PATIENT_S) -> None:
    """Run a test on a started schedule of all servos of the bench's only bus."""

    async def main() -> None:
        with one_bus(bench, reply_s=reply_s) as bus:
            ids = [servo.servo_id for servo in bench.wires["left"].servos]
            schedule = ServoSchedule(bus, ids, pace)
            schedule.start()
            await until(lambda: all(schedule.feedback(i) for i in ids))
            await test(schedule)
            await schedule.stop()

    asyncio.run(main())


def moves(bench: ServoBench, servo_id: int) -> list[int]:
    """Positions that this servo was told."""
    arrivals = bench.witness.since(command="move_time_write")
    return [arrival.values[0] for arrival in arrivals if arrival.address == servo_id]
