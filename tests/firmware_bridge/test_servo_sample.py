"""Speed and plausibility of positions."""

from __future__ import annotations

import math

import pytest

from firmware_bridge.hiwonder import Command
from firmware_bridge.servo_sample import Track


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
