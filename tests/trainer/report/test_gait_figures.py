"""Contacts as bars, gait in shares, loads against the servos' limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from run_folders import config_of

from contract import FOOT_SWITCHES
from trainer.physics.robot_model import RobotModel
from trainer.report.gait import gait, gait_figure, histograms, joint_pairs, load_rows, spans
from trainer.report.moments import words
from trainer.report.runs import Run
from trainer.report.trials import Trial, watch_policy
from trainer.view.frames import Frame

DT = 0.02
LEVEL = np.array([1.0, 0, 0, 0])


def stepping(seconds: float = 8.0, push_at: float = 4.0) -> list[Frame]:
    """Half a second of the left foot, half a second of the right one; a push of 0.2 s."""
    frames = []
    for n in range(1, round(seconds / DT) + 1):
        left = (n - 1) * DT % 1.0 < 0.5
        touch = np.array([name.startswith("left") == left for name in FOOT_SWITCHES])
        push = np.array([0, 10.0 if push_at <= n * DT < push_at + 0.2 - 1e-9 else 0, 0])
        frames.append(Frame(n * DT, np.zeros(18), push, np.zeros(11), touch, np.array([0.4, 0, 0]), 0.4, LEVEL, False))
    return frames


@pytest.fixture(scope="module")
def trial(walking_robot: RobotModel) -> Trial:
    torque, speed = np.full((1000, 11), 1.0), np.full((1000, 11), 2.0)
    knee = walking_robot.config.actuator_names.index("left_knee_pitch")
    torque[:300, knee], speed[:40, knee] = 3.0, 6.0
    return Trial(
        Run("one", Path("one"), config_of(), [], None), walking_robot, stepping(), torque, speed, 3, 4, (0.4, 0, 0)
    )


def test_spans_are_runs_of_true() -> None:
    starts, lengths = spans(np.array([1, 1, 0, 1, 0, 0, 1], bool))
    assert starts.tolist() == [0, 3, 6] and lengths.tolist() == [2, 1, 1]
    assert spans(np.zeros(4, bool))[0].size == 0


def test_gait_is_told_in_shares_and_steps() -> None:
    found = gait(stepping())
    assert (found.both, found.one, found.none) == (0, 1, 0)
    assert found.steps_per_s == pytest.approx(2.0, rel=0.1)


def test_bars_begin_and_end_with_the_contact_and_pushes_are_shaded(trial: Trial) -> None:
    figure = gait_figure(trial).content
    heel = next(trace for trace in figure["data"] if trace["y"][:1] == ["left heel"])
    assert heel["x"][1] == pytest.approx(0.5) and heel["base"][1] == pytest.approx(2.0)
    (box,) = figure["layout"]["shapes"]
    assert (box["x0"], box["x1"]) == (pytest.approx(3.98), pytest.approx(4.18))
    assert figure["layout"]["annotations"][0]["text"] == "push 10 N"


def test_histograms_hold_all_of_the_time_and_mark_the_limit(trial: Trial) -> None:
    figures = {figure.title: figure for figure in histograms([trial], "torque")}
    assert set(figures) == {f"{name}: torque" for name in joint_pairs(trial.robot.config)} and len(figures) == 6
    knee = figures["knee pitch: torque"].content
    assert sum(knee["data"][0]["y"]) == pytest.approx(100)
    assert knee["layout"]["shapes"][0]["x0"] == pytest.approx(4.0)
    assert "limit of 5 rad/s: 2.0%" in next(f.caption for f in histograms([trial], "speed") if "knee" in f.title)


def test_loads_are_told_beside_their_limits(trial: Trial) -> None:
    row = next(row for row in load_rows([trial]) if row[0] == "knee pitch")
    assert row[1] == "one" and [cell.text for cell in row[2:]] == ["1.30", "3.00", "4.00", "15%", "6.00", "5.00"]


def test_moments_say_what_is_seen() -> None:
    frames = stepping()
    assert words(frames[9]) == "0.2 s"
    assert words(frames[200]._replace(fell=True)) == "4.0 s, push 10 N, fell"


def test_a_watched_policy_is_counted_until_it_falls() -> None:
    """Robots that only stand and are pushed by 10 N fall, nearly all of them, and then no longer count."""
    steps: list[None] = []
    run = Run("two", Path("two"), config_of("standing"), [], None)
    found = watch_policy(run, lambda obs: np.zeros((len(obs), 11), np.float32), 4, 300, 0, lambda: steps.append(None))
    assert found.survived < found.robots == 4 and len(steps) == len(found.frames) <= 300
    assert len(found.frames) < len(found.torque_nm) < 4 * len(found.frames)
    assert found.torque_nm.shape == found.speed_rad_s.shape and found.torque_nm.min() >= 0
    assert any(np.any(f.push) for f in found.frames) and found.command == (0.0, 0.0, 0.0)
    assert found.frames[-1].fell == (found.survived == 0)
