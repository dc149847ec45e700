"""Several episodes in one run: what happens between two of them, on the twin with robotd's own loop."""

from __future__ import annotations

import asyncio

import numpy as np
from test_director import DT, make_record

from contract import Bundle
from robotd.clock import SimulatedClock
from robotd.config import RobotdConfig
from robotd.ctl.director import Director, Script
from robotd.ctl.series import Episode, Series, TimeLeft
from robotd.ctl.tally import figures_of, tally
from robotd.ctl.witness import Witness
from robotd.daemon import run
from robotd.hal.sim import open_twin
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault


def feed(series: Series, mode: Mode, count: int = 1) -> Orders:
    """The orders after `count` records of one mode."""
    orders = Orders()
    for _ in range(count):
        orders = series(make_record(mode))
    return orders


def make_series(count: int, put_back: list[int]) -> Series:
    """Episodes of two ticks without a twin; `put_back` gets the number of each episode that was cleared away."""

    def begin(number: int) -> Episode:
        director = Director(Script(2 * DT), DT)
        return Episode(director, Witness(director, None), lambda record: None)

    series = Series(count, begin, lambda: put_back.append(len(series.episodes)), DT)
    return series


def test_after_an_episode_the_robot_is_stopped_put_back_cleared_and_armed_again() -> None:
    put_back: list[int] = []
    series = make_series(2, put_back)
    assert feed(series, Mode.IDLE).events == (Event.ARM,)
    feed(series, Mode.ACTIVE)
    assert feed(series, Mode.ACTIVE) == Orders((Event.STOP,))  # neither a shutdown nor a fault
    assert feed(series, Mode.STOPPING, 75) == Orders() and put_back == []
    assert feed(series, Mode.FAULT, 25) == Orders() and put_back == [1]
    assert feed(series, Mode.FAULT, 3).events == (Event.CLEAR,) and put_back == [1]
    assert feed(series, Mode.IDLE).events == (Event.ARM,)
    assert len(series.episodes) == 2 and not series.stuck
    feed(series, Mode.ACTIVE)
    assert feed(series, Mode.ACTIVE).shutdown and put_back == [1]


def test_a_fault_ends_only_its_episode() -> None:
    series = make_series(2, [])
    feed(series, Mode.ACTIVE)
    series.watch(make_record(Mode.FAULT, Fault.TILT))
    assert feed(series, Mode.FAULT, 50) == Orders((Event.STOP,))
    feed(series, Mode.FAULT, 30)
    series.watch(make_record(Mode.FAULT, Fault.OPERATOR))  # between two episodes nobody looks
    feed(series, Mode.IDLE)
    assert [episode.witness.faults for episode in series.episodes] == [Fault.TILT, Fault.NONE]


def test_a_robot_that_cannot_be_cleared_ends_the_series() -> None:
    series = make_series(3, [])
    feed(series, Mode.ACTIVE, 2)
    assert not feed(series, Mode.FAULT, 1000).shutdown
    assert feed(series, Mode.FAULT).shutdown and series.stuck


def test_an_interrupt_holds_in_an_episode_and_between_two() -> None:
    for ticks in (1, 2):
        series = make_series(3, [])
        feed(series, Mode.ACTIVE, ticks)
        series.interrupt()
        assert series.interrupted and series.episodes[-1].director.interrupted
        assert feed(series, Mode.FAULT, 100) == Orders()


def test_time_left_learns_from_the_episodes_that_are_done() -> None:
    now = [0.0]
    left, blind = TimeLeft(4, 10.0, lambda: now[0]), TimeLeft(4, None, lambda: now[0])
    left.begin()
    blind.begin()
    now[0] = 4.0
    assert left.text() == "episode 1/4, 1:00 left" and blind.text() == "episode 1/4"
    now[0] = 30.0
    left.begin()
    assert left.text() == "episode 2/4, 1:30 left"
    now[0] = 500.0
    assert left.text() == "episode 2/4, 0:00 left"


def play(bundle: Bundle, count: int, disturb: int) -> tuple[Series, list[TickRecord]]:
    """Episodes of one second on the twin; in the one numbered `disturb` the robot is thrown over."""
    twin = open_twin(bundle)
    records: list[TickRecord] = []

    def begin(number: int) -> Episode:
        director = Director(Script(1.0, push_n=0.0), bundle.spec.runtime.ctrl_dt, twin.push, lambda: not twin.supported)
        return Episode(director, Witness(director, twin), lambda record: None)

    series = Series(count, begin, twin.pick_up, bundle.spec.runtime.ctrl_dt)

    def throw(record: TickRecord) -> None:
        records.append(record)
        if record.mode is Mode.ACTIVE and len(series.episodes) == disturb + 1:
            twin.push(np.array([60.0, 0.0, 0.0]), 0.3)

    hooks = [twin.attend, series.watch, throw]
    asyncio.run(run(twin, bundle, RobotdConfig(), series, SimulatedClock(), hooks))
    return series, records


def test_on_the_twin_a_fall_leaves_no_trace_in_the_next_episode(zero_bundle: Bundle) -> None:
    series, records = play(zero_bundle, 3, disturb=1)
    figures = [figures_of(episode, DT) for episode in series.episodes]
    assert [figure.survived for figure in figures] == [True, False, True]
    assert figures[1].verdict.startswith("fell after") and figures[1].faults == ["TILT"]
    assert figures[1].ticks < 50 and figures[0].ticks == figures[2].ticks == 50
    assert figures[0].faults == figures[2].faults == []
    starts = [record for record in records if record.event is Event.ACTIVATE]
    assert len(starts) == 3 and all(abs(record.signals.quat_wxyz[0]) > 0.99 for record in starts)
    total = tally(series.episodes, figures)
    assert (total.survived, total.success_rate, total.push_survival) == (2, 2 / 3, None)
    assert total.episode_length_mean == (100 + figures[1].ticks) / 3
