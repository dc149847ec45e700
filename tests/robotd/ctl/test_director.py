"""The demo's operator, fed with records: when it arms, activates, pushes, gives up and ends."""

from __future__ import annotations

import numpy as np
import pytest

from contract import Command, Signals
from robotd.ctl.director import Director, Script, plan_pushes
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault

DT = 0.02


def make_record(mode: Mode, faults: Fault = Fault.NONE) -> TickRecord:
    """A record of which only mode and faults matter."""
    zero = np.zeros(1, np.float32)
    signals = Signals(zero, zero, zero, zero, zero, zero, zero, zero)
    nothing = (None,) * 6
    return TickRecord(0, mode, signals, Command(np.zeros(3)), *nothing, faults, Fault.NONE, 0)


def feed(director: Director, mode: Mode, count: int = 1) -> Orders:
    """The orders after `count` records of one mode."""
    orders = Orders()
    for _ in range(count):
        orders = director(make_record(mode))
    return orders


def test_arms_until_it_is_armed_then_waits_for_standby_and_settles() -> None:
    director = Director(Script(1.0, velocity_x=0.3), DT)
    assert director(None) == Orders()
    assert feed(director, Mode.IDLE).events == (Event.ARM,)
    assert feed(director, Mode.IDLE).events == (Event.ARM,)
    assert feed(director, Mode.HOMING, 50) == Orders()
    assert feed(director, Mode.STANDBY, 25) == Orders()
    assert feed(director, Mode.STANDBY) == Orders((Event.ACTIVATE,))


def test_the_velocity_is_blended_in_from_rest_within_half_a_second() -> None:
    director = Director(Script(2.0, velocity_x=0.4), DT)
    speeds = [feed(director, Mode.ACTIVE).velocity[0] for _ in range(50)]
    assert speeds[0] < 0.02 and speeds[11] == pytest.approx(0.192) and speeds[23] < 0.4
    assert np.all(np.diff(speeds[:25]) > 0) and set(speeds[24:]) == {0.4}


def test_waits_on_the_stand_before_it_counts_the_settling() -> None:
    on_feet = [False]
    director = Director(Script(1.0), DT, on_feet=lambda: on_feet[0])
    assert feed(director, Mode.STANDBY, 100) == Orders()
    on_feet[0] = True
    assert feed(director, Mode.STANDBY, 25) == Orders()
    assert feed(director, Mode.STANDBY).events == (Event.ACTIVATE,)


def test_ends_after_exactly_the_active_ticks_and_stays_silent_then() -> None:
    director = Director(Script(1.0, velocity_x=0.3), DT)
    assert feed(director, Mode.ACTIVE, 49) == Orders(velocity=(0.3, 0.0, 0.0))
    assert feed(director, Mode.ACTIVE).shutdown
    assert director.active_ticks == director.ticks_wanted == 50
    assert director.ending and not director.interrupted
    assert feed(director, Mode.STOPPING, 200) == Orders()


def test_gives_up_when_it_never_gets_active() -> None:
    director = Director(Script(1.0), DT)
    orders = [feed(director, Mode.IDLE) for _ in range(1100)]
    assert any(o.shutdown for o in orders)
    assert director.active_ticks == 0


def test_watches_a_fault_for_a_second_and_does_not_call_it_its_own_end() -> None:
    director = Director(Script(1.0), DT)
    assert feed(director, Mode.STOPPING, 75) == Orders()
    assert not feed(director, Mode.FAULT, 49).shutdown
    assert feed(director, Mode.FAULT).shutdown
    assert not director.ending


def test_pushes_fall_where_the_script_says() -> None:
    script = Script(seconds=10.0, push_n=5.0, push_s=0.2, push_every_s=3.0)
    pushes: list[tuple[int, float, float]] = []
    director = Director(
        script, DT, lambda force, duration: pushes.append((director.active_ticks, np.linalg.norm(force), duration))
    )
    feed(director, Mode.ACTIVE, 500)
    assert [tick for tick, _, _ in pushes] == [75, 225, 375]
    assert all(force == pytest.approx(5.0) and duration == 0.2 for _, force, duration in pushes)
    assert director.pushes == 3


def test_push_directions_are_horizontal_differ_and_follow_the_seed() -> None:
    def forces(seed: int) -> np.ndarray:
        return np.array(list(plan_pushes(Script(30.0, seed=seed), DT).values()))

    assert np.array_equal(forces(0), forces(0))
    assert not np.allclose(forces(0), forces(1))
    assert np.all(forces(0)[:, 2] == 0)
    assert len(np.unique(forces(0).round(3), axis=0)) == len(forces(0)) == 10


def test_random_intervals_stay_in_their_bounds_and_follow_the_seeds() -> None:
    def starts(seed: tuple[int, ...]) -> list[float]:
        return [tick * DT for tick in plan_pushes(Script(300.0, push_spread_s=1.0, seed=seed), DT)]

    times = starts((0, 1))
    intervals = np.diff([0.0, *times])
    assert len(times) > 80 and 2 - DT <= intervals.min() < 2.2 and 3.8 < intervals.max() <= 4 + DT
    assert times == starts((0, 1)) != starts((0, 2))


@pytest.mark.parametrize("script", [Script(20.0, push_n=0.0), Script(20.0, push_s=0.0), Script(2.0)])
def test_no_pushes(script: Script) -> None:
    assert plan_pushes(script, DT) == {}


def test_without_physics_nothing_is_pushed() -> None:
    director = Director(Script(10.0), DT, push=None)
    feed(director, Mode.ACTIVE, 500)
    assert director.pushes == 0


def test_interrupt_ends_it() -> None:
    director = Director(Script(10.0), DT)
    director.interrupt()
    assert director.ending and director.interrupted
    assert feed(director, Mode.ACTIVE) == Orders()
