"""A bus that is silent, slow or dead takes nothing from the tick: the loop's own lateness, printed side by side."""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest
from servo_rig import bench_of, one_bus

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.servo_schedule import ServoSchedule

TICK_S, TICKS = 0.02, 75
IDS = (1, 2, 3, 4, 5)


async def ticks_beside(bench: ServoBench | None, host_baud: int) -> tuple[list[float], int]:
    """How late each tick began, s, and the number of answers that the bus gave meanwhile."""
    if bench is None:
        return await _tick(None), 0
    with one_bus(bench, baud=host_baud, reply_s=0.01) as bus:
        schedule = ServoSchedule(bus, IDS)
        schedule.start()
        schedule.aim(dict.fromkeys(IDS, 500), 20)
        schedule.enable()
        late_s = await _tick(schedule)
        await schedule.stop()
        return late_s, sum(schedule.counters(i).answered for i in IDS)


async def _tick(schedule: ServoSchedule | None) -> list[float]:
    due_s, late_s = time.monotonic(), []
    for number in range(TICKS):
        due_s += TICK_S
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        late_s.append(time.monotonic() - due_s)
        if schedule is not None:
            schedule.aim(dict.fromkeys(IDS, 500 + number), 20)
    return late_s


@pytest.mark.parametrize(
    ("case", "servo_baud", "host_baud", "dead", "answers"),
    [
        ("no bus", 0, 0, False, False),
        ("healthy", 115_200, 115_200, False, True),
        ("silent", 115_200, 115_200, True, False),
        ("servos at 9600 baud", 9600, 115_200, False, False),
        ("all at 9600 baud", 9600, 9600, False, True),
    ],
)
def test_the_tick_goes_on_beside_any_bus(case: str, servo_baud: int, host_baud: int, dead: bool, answers: bool) -> None:
    if case == "no bus":
        late_s, answered = asyncio.run(ticks_beside(None, host_baud))
    else:
        with bench_of(*IDS, baud=servo_baud) as bench:
            if dead:
                bench.fault("left", "off")
            late_s, answered = asyncio.run(ticks_beside(bench, host_baud))
    p95_s = statistics.quantiles(late_s, n=20)[-1]
    print(
        f"{case}: tick lateness median {statistics.median(late_s) * 1e3:.2f}, p95 {p95_s * 1e3:.2f}, "
        f"max {max(late_s) * 1e3:.2f} ms; {answered} answers"
    )
    assert bool(answered) == answers
    assert statistics.median(late_s) < TICK_S  # a driver that waits for an answer would be late by its deadline
