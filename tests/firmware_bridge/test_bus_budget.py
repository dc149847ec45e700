"""Arithmetic of a bus against the figures of the hardware facts, and against the emulated wire."""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest
from servo_rig import bench_of, one_bus, until

from firmware_bridge.bus_budget import Conditions, bus_budget, suggested_split
from firmware_bridge.servo_schedule import ServoSchedule


def test_eleven_joints_need_more_wire_than_a_tick_has() -> None:
    budget = bus_budget(11)
    assert budget.wire_s == pytest.approx(22.9e-3, abs=0.05e-3)
    assert not budget.fits


def test_one_read_takes_what_was_measured_in_the_field() -> None:
    budget = bus_budget(5)
    assert budget.read_s == pytest.approx(3.64e-3, abs=0.05e-3)
    assert budget.read_s + budget.write_s == pytest.approx(4.54e-3, abs=0.1e-3)


def test_a_leg_on_a_bus_of_its_own_is_read_as_often_as_in_the_field() -> None:
    budget = bus_budget(5)
    assert budget.reads_hz == pytest.approx(38, rel=0.15)
    assert budget.fits


@pytest.mark.parametrize("joints", range(1, 12))
def test_ages_are_in_order_and_grow_with_the_joints(joints: int) -> None:
    budget, more = bus_budget(joints), bus_budget(joints + 1)
    assert 0 < budget.age_mean_s < budget.age_p95_s < budget.age_max_s < more.age_max_s
    assert more.reads_hz < budget.reads_hz


@pytest.mark.parametrize(
    ("conditions", "split"),
    [
        (Conditions(), (6, 5)),
        (Conditions(max_age_s=0.030), (4, 4, 3)),
        (Conditions(max_age_s=1.0), (11,)),
        (Conditions(adapter_latency_s=0.016), (2, 2, 2, 2, 2, 1)),
        (Conditions(baud=9600, max_age_s=0.01), None),
    ],
)
def test_the_split_is_the_coarsest_that_fits(conditions: Conditions, split: tuple[int, ...] | None) -> None:
    assert suggested_split(11, conditions) == split
    if split is not None:
        assert sum(split) == 11
        assert all(bus_budget(joints, conditions).fits for joints in split)
        if len(split) > 1:
            assert not bus_budget(-(-11 // (len(split) - 1)), conditions).fits


def test_a_bus_without_joints_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        bus_budget(0)


def test_writes_that_fill_the_tick_do_not_fit_however_old_feedback_may_be() -> None:
    assert not bus_budget(11, Conditions(baud=9600, max_age_s=100.0)).fits


def test_the_schedule_reads_about_as_often_as_the_budget_says() -> None:
    """Five joints written every 20 ms. Only a broad band is asserted: other work on this machine takes its share."""

    async def main() -> list[float]:
        with one_bus(bench, reply_s=0.05) as bus:
            schedule = ServoSchedule(bus, (1, 2, 3, 4, 5))
            schedule.start()
            schedule.aim(dict.fromkeys(schedule.servo_ids, 500), 20)
            schedule.enable()
            await until(lambda: not schedule.unconfirmed and all(schedule.feedback(i) for i in schedule.servo_ids))
            ages_s = []
            for tick in range(100):
                await asyncio.sleep(0.02)
                schedule.aim(dict.fromkeys(schedule.servo_ids, 500 + tick), 20)
                for servo_id in schedule.servo_ids:
                    feedback = schedule.feedback(servo_id)
                    assert feedback is not None
                    ages_s.append(time.monotonic() - feedback.stamp_s)
            await schedule.stop()
            return ages_s

    with bench_of(1, 2, 3, 4, 5) as bench:
        ages_s = asyncio.run(main())
    budget = bus_budget(5, Conditions(host_s=0.0))
    p95_s = statistics.quantiles(ages_s, n=20)[-1]
    print(
        f"age of feedback: mean {statistics.mean(ages_s) * 1e3:.1f}, p95 {p95_s * 1e3:.1f} ms; "
        f"budget without a host: mean {budget.age_mean_s * 1e3:.1f}, p95 {budget.age_p95_s * 1e3:.1f} ms"
    )
    assert statistics.median(ages_s) > budget.age_mean_s / 3
    assert statistics.median(ages_s) < 10 * budget.age_mean_s
