"""What hangs on an emulated servo, in simulated time: delay, speed limit, lag, play and friction do what they say."""

from __future__ import annotations

import math

import pytest

from firmware_bridge.emulator.joints import FirstOrderJoints, Mechanics

STIFF = Mechanics(time_constant_s=0.001)


class Bench:
    """A loaded servo with id 1 at 500 units."""

    def __init__(self, mechanics: Mechanics) -> None:
        self.now_s = 10.0
        self.joints = FirstOrderJoints([1], mechanics={1: mechanics}, clock_s=lambda: self.now_s)
        self.joints.load(1, True)

    def at(self, after_s: float) -> float:
        """Where the shaft is after some more time."""
        self.now_s += after_s
        return self.joints.read(1)

    def settle(self, units: float) -> float:
        """Go there in a second, and rest."""
        self.joints.target(1, units, 1000)
        return self.at(2.0)


def test_a_move_is_obeyed_after_the_delay() -> None:
    bench = Bench(STIFF._replace(delay_s=0.05))
    bench.joints.target(1, 600, 100)
    assert bench.at(0.049) == 500
    assert bench.at(0.051) == pytest.approx(550, abs=2)
    assert bench.at(0.2) == pytest.approx(600, abs=0.1)


def test_moves_on_their_way_are_obeyed_one_after_the_other() -> None:
    bench = Bench(STIFF._replace(delay_s=0.05))
    bench.joints.target(1, 600, 0)
    bench.now_s += 0.02
    bench.joints.target(1, 400, 0)
    assert bench.at(0.045) == pytest.approx(518, abs=3), "15 ms at 1200 units/s towards the first"
    assert bench.at(0.3) == pytest.approx(400, abs=0.1)


def test_no_move_is_faster_than_the_speed_limit() -> None:
    bench = Bench(STIFF._replace(units_per_s=400))
    bench.joints.target(1, 600, 0)
    assert bench.at(0.1) == pytest.approx(540, abs=1)


def test_the_shaft_lags_by_its_time_constant() -> None:
    bench = Bench(Mechanics(time_constant_s=0.1, units_per_s=1e6))
    bench.joints.target(1, 600, 0)
    assert bench.at(0.1) == pytest.approx(600 - 100 * math.exp(-1), abs=1)


def test_how_often_it_is_read_does_not_matter() -> None:
    mechanics = Mechanics(delay_s=0.013, time_constant_s=0.04, backlash_units=3)
    seldom, often = Bench(mechanics), Bench(mechanics)
    for bench in (seldom, often):
        bench.joints.target(1, 560, 100)
    for _ in range(90):
        here = often.at(0.001)
    assert seldom.at(0.09) == pytest.approx(here, abs=0.2)


@pytest.mark.parametrize("flaw", ["backlash_units", "friction_units"])
def test_play_and_friction_stop_short_by_as_much_on_both_sides(flaw: str) -> None:
    bench = Bench(STIFF._replace(**{flaw: 4.0}))
    assert bench.settle(600) == pytest.approx(596, abs=0.1)
    assert bench.settle(594) == pytest.approx(596, abs=0.1), "inside of the dead band nothing moves"
    assert bench.settle(500) == pytest.approx(504, abs=0.1)


def test_without_torque_it_stays_and_forgets_what_was_on_its_way() -> None:
    bench = Bench(Mechanics(delay_s=0.05))
    bench.joints.target(1, 700, 0)
    bench.now_s += 0.01
    bench.joints.load(1, False)
    assert bench.at(1.0) == 500
    bench.joints.load(1, True)
    assert bench.at(1.0) == 500
