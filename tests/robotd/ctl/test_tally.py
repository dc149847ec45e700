"""Figures of an episode, from the path of a base that is made by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from robotd.ctl.director import Director, Script
from robotd.ctl.series import Episode
from robotd.ctl.tally import Figures, figures_of, tally, tally_table
from robotd.ctl.witness import Witness
from robotd.safety import Fault

DT = 0.02


def episode_of(
    speed_m_s: float = 0.4,
    turn_rad_s: float = 0.0,
    side_m_s: float = 0.0,
    ticks: int = 101,
    fell_at: int | None = None,
    pushes: int = 0,
    torque_nm: float = 1.0,
) -> Episode:
    """A robot that goes at `speed_m_s` where it looks and at `side_m_s` to its left, while it turns; 0.02 s a tick."""
    director = Director(Script(2.0), DT)
    director.ticks_wanted, director.pushes = 101, pushes
    witness = Witness(director, None)
    place = np.zeros(2)
    for tick in range(ticks):
        middle = turn_rad_s * (tick - 0.5) * DT
        forward, left = (math.cos(middle), math.sin(middle)), (-math.sin(middle), math.cos(middle))
        place = place + DT * (speed_m_s * np.array(forward) + side_m_s * np.array(left)) * (tick > 0)
        witness.base_m.append(np.array([*place, 0.4]))
        witness.heading_rad.append(math.remainder(turn_rad_s * tick * DT, 2 * math.pi))
        witness.time_s.append(tick * DT)
        witness.tick_s.append(1e-4)
        witness.lateness_s.append(1e-4)
        witness.torque_nm.append(np.full(11, torque_nm))
    witness.fell_at = fell_at
    return Episode(director, witness, lambda record: None)


def test_straight_on() -> None:
    figures = figures_of(episode_of(side_m_s=-0.1), DT)
    assert figures.survived and figures.ticks == 101
    assert figures.forward_velocity_m_s == pytest.approx(0.4)
    assert figures.lateral_drift_m == pytest.approx(-0.2) and figures.distance_m == pytest.approx(math.hypot(0.8, 0.2))
    assert figures.heading_drift_deg == pytest.approx(0)


def test_forward_is_where_the_robot_looks_also_after_a_whole_turn() -> None:
    circle = figures_of(episode_of(turn_rad_s=4.0), DT)  # 8 rad in 2 s
    assert circle.forward_velocity_m_s == pytest.approx(0.4)
    assert circle.distance_m is not None and circle.distance_m < 0.2
    assert circle.heading_drift_deg == pytest.approx(math.degrees(8.0))


def test_drift_counts_from_where_it_looked_at_the_start() -> None:
    episode = episode_of()
    episode.witness.heading_rad[:] = [0.3] * 101
    figures = figures_of(episode, DT)
    assert figures.lateral_drift_m == pytest.approx(-0.8 * math.sin(0.3))
    assert figures.forward_velocity_m_s == pytest.approx(0.4 * math.cos(0.3))


def test_nothing_after_a_fall_counts() -> None:
    episode = episode_of(fell_at=51)
    episode.witness.base_m[51:] = [np.array([9.0, 9.0, 0.0])] * 50
    episode.witness.torque_nm[51:] = [np.full(11, 4.0)] * 50
    figures = figures_of(episode, DT)
    assert (figures.survived, figures.ticks, figures.verdict) == (False, 51, "fell after 1.0 s")
    assert figures.forward_velocity_m_s is None and figures.distance_m == pytest.approx(0.4)  # after the first second
    assert figures.p99_abs_torque_nm == 1.0


def test_a_live_twin_goes_on_while_ticks_are_missed() -> None:
    episode = episode_of()
    episode.witness.time_s[:] = [2 * time_s for time_s in episode.witness.time_s]
    assert figures_of(episode, DT).forward_velocity_m_s == pytest.approx(0.2)


@pytest.mark.parametrize("ticks", [0, 1, 100])
def test_an_episode_that_ends_early_did_not_survive(ticks: int) -> None:
    figures = figures_of(episode_of(ticks=ticks), DT)
    assert not figures.survived
    assert figures.verdict == ("ended early" if ticks else "never active")
    assert (figures.forward_velocity_m_s is None) == (ticks < 2) == (not figures.success)


def test_velocity_counts_after_the_first_second_and_success_after_80_percent() -> None:
    episode = episode_of()
    episode.witness.base_m[:50] = [episode.witness.base_m[50]] * 50  # it stood for a second
    figures = figures_of(episode, DT)
    assert figures.forward_velocity_m_s == pytest.approx(0.4) and figures.distance_m == pytest.approx(0.4)
    late, later = (figures_of(episode_of(fell_at=ticks), DT) for ticks in (80, 81))
    assert (late.survived, late.success, later.survived, later.success) == (False, False, False, True)


def test_a_fault_is_a_failure_although_the_robot_stayed_up() -> None:
    episode = episode_of()
    episode.witness.faults = Fault.TRACKING
    figures = figures_of(episode, DT)
    assert (figures.survived, figures.verdict, figures.faults) == (False, "stopped: TRACKING", ["TRACKING"])


def test_totals_weigh_ticks_and_take_pushed_episodes_apart() -> None:
    episodes = [
        episode_of(speed_m_s=0.4, pushes=2, torque_nm=1.0, turn_rad_s=0.05),
        episode_of(speed_m_s=0.1, pushes=1, torque_nm=3.0, turn_rad_s=-0.05, ticks=91, fell_at=76),
        episode_of(speed_m_s=0.4, torque_nm=1.0),
    ]
    figures = [figures_of(episode, DT) for episode in episodes]
    total = tally(episodes, figures)
    assert (total.success_rate, total.push_survival) == (2 / 3, 1 / 2)
    assert (total.trials, total.survived) == (3, 2)
    assert total.episode_length_mean == (101 + 76 + 101) / 3
    assert total.forward_velocity_m_s == pytest.approx((0.4 * 50 + 0.1 * 25 + 0.4 * 50) / 125)
    assert total.mean_abs_torque_nm == pytest.approx((101 + 3 * 76 + 101) / 278)
    assert total.p99_abs_torque_nm == 3.0
    assert total.heading_drift_deg == pytest.approx(math.degrees((0.1 + 0.075 + 0) / 3))
    assert json.loads(json.dumps(total.to_json(), allow_nan=False))["lateness_us"]["p50"] == 100.0
    text = tally_table(figures, total)
    assert "2/3 survived" in text and "fell after 1.5 s" in text and "50% survived" in text


def test_without_physics_or_a_real_clock_nothing_is_made_up() -> None:
    director = Director(Script(1.0), DT)
    witness = Witness(director, None)
    witness.tick_s, witness.lateness_s = [0.0] * 50, [0.0] * 50
    figures: Figures = figures_of(Episode(director, witness, lambda record: None), DT, timed=False)
    assert figures.survived and figures.lateness_us == (None, None, None)
    assert (figures.forward_velocity_m_s, figures.mean_abs_torque_nm, figures.p99_abs_torque_nm) == (None, None, None)
    assert json.loads(json.dumps(figures.to_json(), allow_nan=False))["feedback_age_ms"] is None
