"""Deadlines: whole periods are skipped and counted, never made up for. Real ones by count and order only."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from robotd.clock import Deadline, MonotonicClock, SimulatedClock

PERIOD_S = 0.02


def simulate(work_s: list[float]) -> list[Deadline]:
    """The deadlines of ticks that take as long as given."""

    async def run() -> list[Deadline]:
        clock = SimulatedClock()
        ticker = clock.ticker(PERIOD_S)
        found = []
        for duration_s in work_s:
            found.append(await ticker.wait())
            clock.advance(duration_s)
        ticker.close()
        return found

    return asyncio.run(run())


def test_simulated_deadlines_stay_on_the_grid() -> None:
    found = simulate([0.001] * 1000)
    assert [d.skipped for d in found] == [0] * 1000
    assert all(d.at_s == pytest.approx((i + 1) * PERIOD_S) and d.lateness_s == 0 for i, d in enumerate(found))


@pytest.mark.parametrize(
    "work_periods, skipped",
    [(0.999, 0), (1.001, 1), (1.999, 1), (2.001, 2), (49.5, 49)],
)
def test_an_overrun_skips_whole_periods_and_never_bursts(work_periods: float, skipped: int) -> None:
    found = simulate([0.0, work_periods * PERIOD_S, 0.0, 0.0])
    assert [d.skipped for d in found] == [0, 0, skipped, 0]
    times = [round(d.at_s / PERIOD_S, 6) for d in found]
    assert times == [1, 2, 3 + skipped, 4 + skipped]


def test_simulated_time_is_the_only_time() -> None:
    clock = SimulatedClock()
    clock.advance(5.0)
    assert clock.now_s() == 5.0


def test_real_deadlines_come_in_order_on_one_grid_and_none_is_lost() -> None:
    async def run() -> list[tuple[Deadline, float]]:
        clock = MonotonicClock()
        ticker = clock.ticker(0.004)
        found = []
        for _ in range(50):
            deadline = await ticker.wait()
            found.append((deadline, clock.now_s()))
        ticker.close()
        return found

    found = asyncio.run(run())
    for deadline, now_s in found:
        assert now_s >= deadline.at_s and deadline.lateness_s >= 0
    periods = [round((b.at_s - a.at_s) / 0.004, 3) for (a, _), (b, _) in pairwise(found)]
    assert periods == [1 + deadline.skipped for deadline, _ in found[1:]]


@pytest.mark.parametrize("awaiting", [False, True])
def test_real_overruns_are_counted_and_the_next_tick_waits_for_a_new_deadline(awaiting: bool) -> None:
    async def run() -> list[tuple[Deadline, float]]:
        clock = MonotonicClock()
        ticker = clock.ticker(0.01)
        found = []
        for i in range(4):
            found.append((await ticker.wait(), clock.now_s()))
            if i == 1:  # a tick that takes at least three and a half periods, blocking or awaiting
                await asyncio.sleep(0.035) if awaiting else time.sleep(0.035)
        ticker.close()
        return found

    found = asyncio.run(run())
    slow, after = found[1], found[2]
    assert after[0].skipped >= 3
    assert after[0].at_s >= slow[1] + 0.035 - 1e-6  # its deadline came after the slow tick's end
    assert round((after[0].at_s - slow[0].at_s) / 0.01, 3) == 1 + after[0].skipped


@pytest.mark.parametrize("early_s", [0.002, 0.0039, 1.0])
def test_a_ticker_that_wakes_early_begins_no_tick_early(early_s: float) -> None:
    async def run() -> list[tuple[Deadline, float]]:
        clock = MonotonicClock(early_s)
        ticker = clock.ticker(0.004)
        found = [(await ticker.wait(), clock.now_s()) for _ in range(20)]
        ticker.close()
        return found

    found = asyncio.run(run())
    assert all(now_s >= deadline.at_s and deadline.lateness_s >= 0 for deadline, now_s in found)
    periods = [round((b.at_s - a.at_s) / 0.004, 3) for (a, _), (b, _) in pairwise(found)]
    assert periods == [1 + deadline.skipped for deadline, _ in found[1:]]


def test_a_deadline_announced_while_the_tick_was_at_work_is_served_if_it_has_not_passed() -> None:
    async def run() -> tuple[Deadline, Deadline, float]:
        clock = MonotonicClock(early_s=0.3)
        ticker = clock.ticker(0.5)
        first = await ticker.wait()
        time.sleep(0.3)  # ends between the timer's call and the deadline
        second = await ticker.wait()
        ticker.close()
        return first, second, clock.now_s()

    first, second, now_s = asyncio.run(run())
    assert second.skipped == 0
    assert second.at_s == pytest.approx(first.at_s + 0.5)
    assert now_s >= second.at_s


def test_a_closed_ticker_leaves_no_reader_behind() -> None:
    async def run() -> bool:
        ticker = MonotonicClock().ticker(0.001)
        await ticker.wait()
        ticker.close()
        await asyncio.sleep(0.01)
        return True

    assert asyncio.run(run())
