"""The rehearsed gap: which figures of a trainer's file count, and what is a miss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contract import ConfigError
from robotd.ctl import cli
from robotd.ctl.gap import Row, gap_table, measure_gap, read_reference
from robotd.ctl.outcome import Quantiles
from robotd.ctl.tally import Tally

CALM = {"forward_velocity_m_s": 0.42, "success_rate": 1.0, "mean_abs_torque_nm": 0.8}
PUSHED = {"forward_velocity_m_s": 0.4, "success_rate": 0.9, "push_survival": 0.96, "heading_drift_deg": 0.0}


def total_of(**figures: Any) -> Tally:
    """A run's totals; 0.4 m/s and all survived unless told otherwise."""
    nothing = (None,) * 4
    return Tally(20, 20, 1.0, 1.0, 500.0, 0.4, *nothing, 0, Quantiles(None, None, None), None)._replace(**figures)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "eval.json"
    path.write_text(json.dumps({"undisturbed": CALM, "pushed": PUSHED}))
    return path


def test_of_two_sections_the_one_like_this_run_counts(file: Path) -> None:
    pushed, calm = read_reference(file, True), read_reference(file, False)
    assert pushed.section == "pushed" and calm.section == "undisturbed"
    assert pushed.figures == {"forward_velocity_m_s": 0.4, "push_survival": 0.96, "heading_drift_deg": 0.0}
    assert calm.figures == CALM


@pytest.mark.parametrize(
    ("data", "name", "survival"),
    [
        (PUSHED, "push_survival", 0.96),
        ({"pushed 10 N": {"forward_velocity_m_s": 0.4, "success_rate": 0.9}, "iteration": 3}, "success_rate", 0.9),
        ({"forward_velocity_m_s": 0.4, "pushed": {"push_survival": 0.7}}, "push_survival", 0.7),
        ({"pushed": CALM | {"forward_velocity_m_s": 0.4, "trials": 64, "survived": 48}}, "survival", 0.75),
    ],
)
def test_other_shapes_and_the_best_measure_of_survival(
    file: Path, data: dict[str, Any], name: str, survival: float
) -> None:
    file.write_text(json.dumps(data))
    reference = read_reference(file, True)
    assert (reference.figures["forward_velocity_m_s"], reference.figures[name]) == (0.4, survival)
    gap = measure_gap(reference, total_of(survived=5, push_survival=0.25, success_rate=0.25))
    assert {row.figure: row.passed for row in gap.rows if row.passed is False} == {name: False}


@pytest.mark.parametrize(
    ("velocity", "survival", "passed"),
    [
        (0.4, 0.96, True),
        (0.33, 0.8, True),
        (0.31, 1.0, False),
        (0.5, 0.75, False),
        (-0.4, 1.0, False),
        (None, 1.0, False),
        (0.4, None, False),
    ],
)
def test_a_fifth_less_is_a_miss(file: Path, velocity: float | None, survival: float | None, passed: bool) -> None:
    total = total_of(forward_velocity_m_s=velocity, push_survival=survival)
    gap = measure_gap(read_reference(file, True), total)
    assert gap.passed is passed and gap.to_json()["passed"] is passed
    assert ("MISSED" in gap_table(gap)) is not passed


def test_exactly_a_fifth_is_a_miss_and_other_figures_are_only_told(file: Path) -> None:
    file.write_text(json.dumps(PUSHED | {"forward_velocity_m_s": 0.5, "mean_abs_torque_nm": 0.5}))
    gap = measure_gap(read_reference(file, True), total_of(forward_velocity_m_s=0.4 - 1e-9, mean_abs_torque_nm=2.0))
    rows = {row.figure: row for row in gap.rows}
    assert rows["forward_velocity_m_s"].passed is False
    assert rows["mean_abs_torque_nm"] == Row("mean_abs_torque_nm", 0.5, 2.0, -3.0, None)
    assert rows["heading_drift_deg"].drop is None  # no part of nothing


def test_backwards_is_compared_backwards(file: Path) -> None:
    file.write_text(json.dumps(PUSHED | {"forward_velocity_m_s": -0.2}))
    reference = read_reference(file, True)
    assert measure_gap(reference, total_of(forward_velocity_m_s=-0.19)).passed
    assert not measure_gap(reference, total_of(forward_velocity_m_s=0.19)).passed


BAD = [
    ("{", "not JSON"),
    ("[1]", "found a list, expected an object"),
    ("{}", "forward_velocity_m_s is missing"),
    ('{"undisturbed": {"forward_velocity_m_s": 0.4, "success_rate": 1}}', "expected 'pushed'"),
    ('{"forward_velocity_m_s": 0.4}', "success_rate is missing"),
    ('{"forward_velocity_m_s": 0.4, "trials": 0, "survived": 0}', "survival: found 0, expected a part above 0"),
    ('{"forward_velocity_m_s": 0.001, "push_survival": 1}', "found 0.001, expected at least 0.05 m/s"),
    ('{"forward_velocity_m_s": 0.4, "push_survival": 0}', "found 0, expected a part above 0"),
    ('{"forward_velocity_m_s": 0.4, "push_survival": 96}', "found 96, expected a part above 0 and at most 1"),
    ('{"forward_velocity_m_s": NaN, "push_survival": 1}', "found nan, expected a finite number"),
    ('{"forward_velocity_m_s": "fast", "push_survival": 1}', "found 'fast', expected a finite number"),
    ('{"forward_velocity_m_s": true, "push_survival": 1}', "found True, expected a finite number"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_a_file_that_says_nothing_is_refused(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_reference(file, True)
    assert words in str(caught.value) and str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gap", "no/such.json"], "no/such.json: No such file"),
        (["--gap", "FILE", "--hal", "mock"], "--hal mock"),
        (["--episodes", "2", "--fast", "--hal", "emulated"], "--fast"),
        (["--fast"], "--episodes"),
        (["--episodes", "0"], "--episodes"),
        (["--physics", "others"], "--physics"),
        (["--physics", "other", "--hal", "mock"], "no physics twin"),
        (["--policy", "walk", "--hal", "mock", "--bundle", "BUNDLE"], "--policy walk"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(
    file: Path, zero_bundle_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"FILE": str(file), "BUNDLE": str(zero_bundle_path)}
    assert cli.run(["demo", *(places.get(word, word) for word in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and words in err
