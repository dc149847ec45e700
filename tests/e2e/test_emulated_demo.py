"""robotctl demo --hal emulated as a user runs it: the main job through the bytes, in wall time."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_demo import KEYS, Demo, run_demo

TRIES = 3
"""Wall time is real: a machine that is busy elsewhere stops the robot as it should, and then a run says nothing."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Three seconds of the shipped standing policy with a push, on a machine that had the time for it."""
    for _ in range(TRIES):
        done = run_demo(None, tmp_path_factory.mktemp("demo"), "--hal", "emulated", "--seconds", "3")
        if done.code == 0:
            break
    return done


def test_it_stands_through_the_bytes(demo: Demo) -> None:
    assert demo.code == 0, demo.err
    assert demo.json["fell"] is False and demo.json["faults"] == []
    assert demo.json["ticks"] == 150 and demo.json["hal"] == "emulated"
    assert 0.1 < demo.json["max_abs_torque_nm"] <= 4.0


def test_json_has_the_age_of_the_legs_feedback_and_else_the_same_keys(demo: Demo) -> None:
    assert list(demo.json) == [*KEYS, "feedback_age_ms"]
    ages = demo.json["feedback_age_ms"]
    assert list(ages) == ["p50", "p95", "max"]
    assert 2 < ages["p50"] <= ages["p95"] <= ages["max"] <= 160  # over a wire nothing is younger than its answer


def test_there_are_pictures_of_the_twin_behind_the_wires(demo: Demo) -> None:
    assert demo.strip.std() > 10 and len(demo.frames) > 10


def test_a_number_of_buses_that_cannot_be_is_refused(tmp_path: Path) -> None:
    done = run_demo(None, tmp_path, "--hal", "emulated", "--buses", "12")
    assert done.code == 2 and "12 buses for 11 joints" in done.err and done.out == ""
