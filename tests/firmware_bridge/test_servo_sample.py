"""Speed and plausibility of positions."""

from __future__ import annotations

import math

import pytest

from firmware_bridge.hiwonder import Command
from firmware_bridge.servo_sample import Gauge, Track


def test_speed_over_a_window_where_positions_are_dense() -> None:
    track = Track()
    for step in range(100):  # 60 units/s in whole units, read every 5 ms
        assert track.take_position(round(0.3 * step), step * 0.005)
    assert track.feedback is not None
    assert abs(track.feedback.units_per_s - 60) <= 1 / 0.03


def test_speed_from_the_last_two_where_they_are_far_apart() -> None:
    track = Track()
    for stamp_s, units in ((0.0, 500), (0.1, 510), (0.35, 460)):
        assert track.take_position(units, stamp_s)
    assert track.feedback == pytest.approx((460, -200.0, 0.35))


def test_the_first_position_has_no_speed() -> None:
    track = Track()
    assert track.feedback is None
    assert track.take_position(-3, 1.0)
    assert track.feedback == (-3, 0.0, 1.0)


def test_one_leap_is_refused_and_forgotten() -> None:
    track = Track()
    assert track.take_position(500, 1.00)
    assert not track.take_position(900, 1.02)
    assert track.take_position(501, 1.04)
    assert not track.take_position(900, 1.06)
    assert track.feedback is not None
    assert track.feedback.units == 501


def test_two_leaps_that_agree_are_the_truth_and_bring_no_false_speed() -> None:
    track = Track()
    assert track.take_position(500, 1.00)
    assert not track.take_position(900, 1.02)
    assert track.take_position(902, 1.04)
    assert track.feedback is not None
    assert track.feedback.units == 902
    assert track.feedback.units_per_s < 150


def test_no_shaft_stands_beyond_what_offsets_can_add() -> None:
    track = Track()
    assert not track.take_position(32_767, 1.0)
    assert not track.take_position(-501, 1.1)
    assert track.feedback is None


def test_temperature_and_voltage_take_turns() -> None:
    track = Track()
    assert math.isnan(track.health.temperature_degc)
    asked = []
    for second in range(1, 5):
        asked.append(track.next_health)
        track.take_health(track.next_health, 40, float(second))
    assert asked == [Command.TEMP_READ, Command.VIN_READ] * 2
    assert track.health == (40.0, 0.04, 3.0)


def gauge_after(gauge: Gauge, values: list[float]) -> tuple[list[float], list[bool]]:
    shown, leaps = [], []
    for second, value in enumerate(values, 1):
        leaps.append(gauge.take(value, float(second)))
        shown.append(gauge.value)
    return shown, leaps


@pytest.mark.parametrize(
    ("values", "shown", "leaps"),
    [
        ([12_000], [12_000], [False]),
        ([12_000, 9800, 12_000], [12_000, 12_000, 12_000], [False, True, False]),
        ([12_000, 9800, 9700, 9700], [12_000, 12_000, 9800, 9700], [False, True, False, False]),
        ([12_000, 11_601, 11_202], [12_000, 12_000, 11_601], [False, False, False]),
        ([12_000, 11_600], [12_000, 12_000], [False, True]),
        ([9000, 12_000, 12_000], [9000, 12_000, 12_000], [False, False, False]),
        ([12_000, 9800, 12_000, 9800], [12_000, 12_000, 12_000, 12_000], [False, True, False, True]),
    ],
)
def test_a_voltage_is_worse_only_where_two_answers_say_so(
    values: list[float], shown: list[float], leaps: list[bool]
) -> None:
    assert gauge_after(Gauge(-1, 400), values) == (shown, leaps)
    turned = gauge_after(Gauge(1, 400), [-value for value in values])  # as a temperature, which is worse above
    assert turned == ([-value for value in shown], leaps)


def test_what_leapt_is_doubted_for_a_while() -> None:
    track = Track()
    for stamp_s, command, value in (
        (1.0, Command.TEMP_READ, 40),
        (1.5, Command.VIN_READ, 12_000),
        (2.0, Command.TEMP_READ, 41),
        (2.5, Command.VIN_READ, 9800),
    ):
        assert track.doubtful_health(stamp_s) is None
        assert track.take_health(command, value, stamp_s) == (value == 9800)
    assert track.health == (40.0, 12.0, 2.0)
    assert track.doubtful_health(2.5) is track.doubtful_health(3.49) is Command.VIN_READ
    assert track.doubtful_health(3.51) is None
    assert not track.take_health(Command.VIN_READ, 9700, 2.6)
    assert track.health == (40.0, 9.8, 2.0) and track.next_health is Command.TEMP_READ
