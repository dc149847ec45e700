"""The servo model of sysid: ramps, play and friction, against the emulator's own mechanics and against textbooks."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_bridge.emulator.joints import FirstOrderJoints, Mechanics
from robotd.ctl.identification.excitation import Bounds, bounds_of, duration_s, excitation
from robotd.ctl.identification.fit import Record, fit_servo
from robotd.ctl.identification.servo_model import Servo, Told, set_point, shaft
from robotd.ctl.identification.session import turns_of
from robotd.hal.servo_frame import servo_frame
from robotd.wiring import UNITS_PER_RAD, JointCalibration

BOUNDS = bounds_of((-0.7, 1.571), 0.38, 0.25, 0.05, 7.5, 5.0)
MIDDLE = JointCalibration(q_at_zero_rad=0.4355)


def told_of(bounds: Bounds = BOUNDS) -> tuple[list[Told], float, float]:
    """The excitation as it would arrive without any delay; where it starts, units, and how long it takes, s."""
    targets = excitation(bounds, bounds.middle_rad)
    turns = turns_of(targets, servo_frame([MIDDLE]), bounds.top_speed_rad_s, 487)
    return [Told(turn.at_s, turn.units, turn.time_ms / 1000) for turn in turns], 487.0, duration_s(targets)


def test_a_set_point_runs_straight_and_turns_where_a_new_move_meets_it() -> None:
    moves = [Told(1.0, 600.0, 0.1), Told(1.05, 500.0, 0.2), Told(2.0, 900.0, 0.0)]
    times_s, units = set_point(Servo(delay_s=0.02, speed_units_s=1000), moves, 500.0)
    at_s, expected = [1.0, 1.02, 1.07, 1.17, 1.27, 2.02, 2.22, 2.42, 3.0], [500, 500, 550, 525, 500, 500, 700, 900, 900]
    np.testing.assert_allclose(np.interp(at_s, times_s, units), expected)
    assert (np.diff(times_s) > 0).all()


@pytest.mark.parametrize(
    "mechanics",
    [
        Mechanics(),
        Mechanics(delay_s=0.03, units_per_s=600, time_constant_s=0.02),
        Mechanics(delay_s=0.011, units_per_s=900, time_constant_s=0.045, backlash_units=5),
        Mechanics(time_constant_s=0.03, backlash_units=2, friction_units=3),
    ],
)
def test_the_model_does_what_the_emulated_servo_does(mechanics: Mechanics) -> None:
    """They are two programs: one steps through time as it is asked, the other solves a whole record."""
    told, start, end_s = told_of()
    now_s = 0.0
    joints = FirstOrderJoints([1], start, {1: mechanics}, lambda: now_s)
    joints.load(1, True)
    times_s, path, left = np.arange(0.0, end_s, 0.004), [], list(told)
    for time_s in times_s.tolist():
        while left and left[0].at_s <= time_s:
            now_s = left[0].at_s
            move = left.pop(0)
            joints.target(1, move.units, round(move.time_s * 1000))
        now_s = time_s
        path.append(joints.read(1))
    servo = Servo(
        mechanics.delay_s,
        mechanics.units_per_s,
        mechanics.time_constant_s,
        0.0,
        mechanics.backlash_units,
        mechanics.friction_units,
    )
    off = shaft(servo, told, start, times_s) - np.array(path)
    assert np.ptp(path) > 100
    assert np.abs(off).max() < 1.5 and np.sqrt(np.mean(off**2)) < 0.3


def test_a_heavy_shaft_swings_as_the_textbook_says() -> None:
    servo = Servo(lag_s=0.02, inertia_s2=1 / 25**2)
    times_s = np.arange(0.0, 1.5, 0.002)
    path = shaft(servo, [Told(0.0, 100.0, 0.0)], 0.0, times_s)
    decay = 0.02 * 25**2 / 2
    swing = np.sqrt(25**2 - decay**2)
    wave = np.cos(swing * times_s) + decay / swing * np.sin(swing * times_s)
    expected = 100 * (1 - np.exp(-decay * times_s) * wave)
    assert np.abs(path - expected).max() < 4
    assert path.max() == pytest.approx(expected.max(), rel=0.02)


@pytest.mark.parametrize("play", [0.0, 3.0])
def test_friction_of_a_heavy_shaft_is_told_from_play(play: float) -> None:
    """Play shifts where it swings about, friction damps the swing."""
    true = Servo(delay_s=0.015, speed_units_s=900, lag_s=0.02, inertia_s2=1 / 26**2, friction_units=2.0)
    fit = fitted(true._replace(play_units=play))
    assert fit.servo.friction_units == pytest.approx(2.0, rel=0.15)
    assert fit.uncertainty["friction_units"] < 1.0
    assert fit.servo.play_units == pytest.approx(play, abs=0.3)


def test_a_servo_is_found_again_in_readings_of_whole_units_with_losses_and_gravity() -> None:
    true = Servo(delay_s=0.022, speed_units_s=700, lag_s=0.03, play_units=3.0)
    fit = fitted(true, gain=0.96, offset=-8.0, lost=0.2, wild=0.01)
    assert fit.servo.delay_s == pytest.approx(0.022, rel=0.1)
    assert fit.servo.speed_units_s == pytest.approx(700, rel=0.05)
    assert fit.servo.lag_s == pytest.approx(0.03, rel=0.1)
    assert fit.hysteresis_units[0] == pytest.approx(3.0, rel=0.1)
    assert (fit.gain, fit.offset_units) == (pytest.approx(0.96, abs=0.005), pytest.approx(-8.0, abs=1.0))
    assert 1.0 < fit.rms_units < 6.0, "a few wild readings stay in what is left"


def test_a_speed_limit_that_was_never_met_is_no_figure() -> None:
    fit = fitted(Servo(delay_s=0.01, speed_units_s=1e5))
    assert fit.uncertainty["speed_units_s"] == np.inf or fit.servo.speed_units_s > 0.97 * 7.5 * UNITS_PER_RAD


def fitted(true: Servo, gain: float = 1.0, offset: float = 0.0, lost: float = 0.0, wild: float = 0.0):  # type: ignore[no-untyped-def]
    """The fit of what a servo would have answered every 4 ms or so."""
    told, start, end_s = told_of()
    dice = np.random.default_rng(1)
    times_s = np.arange(0.0, end_s, 0.0038)
    times_s = times_s[dice.uniform(size=len(times_s)) >= lost]
    units = offset + gain * shaft(true, told, start, times_s)
    units += np.where(dice.uniform(size=len(units)) < wild, dice.uniform(-60, 60, len(units)), 0.0)
    return fit_servo(Record(told, times_s, np.rint(units), start), 7.5 * UNITS_PER_RAD)
