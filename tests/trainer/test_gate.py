"""The gate: each line can fail, and says when it is not asked on its own terms. The report, end to end."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from trainer.assessment import Terms, assess
from trainer.config import TrainConfig
from trainer.exam import LADDER_DIRECTIONS_DEG, LADDER_N, Ladder
from trainer.gate import WALKING_COMMAND, departures, gate
from trainer.tally import Evaluation
from trainer.verbs.eval import command

GOOD = Evaluation(
    **{field.name: 0.0 for field in fields(Evaluation)}
    | {"trials": 100, "steps": 500, "survived": 100, "survived_interval": (0.96, 1.0), "success_rate": 1.0}
    | {"forward_velocity_m_s": 0.4, "mean_abs_torque_nm": 1.0, "p99_abs_torque_nm": 2.0}
)  # type: ignore[arg-type]
STYLE = {"style_reward": 0.75, "discriminator_accuracy": 0.7}


def verdicts(task: str = "walking", calm: Evaluation = GOOD, pushed: Evaluation = GOOD, **more) -> dict[str, bool]:
    return {name: line.passed for name, line in gate(task, calm, pushed, **more).items()}


def test_a_good_walker_passes_every_line() -> None:
    found = verdicts(long_run=GOOD, style=STYLE)
    assert len(found) == 8 and all(found.values())


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("forward_velocity_m_s", {"forward_velocity_m_s": 0.29}),
        ("forward_velocity_m_s", {"forward_velocity_m_s": 0.81}),
        ("mean_abs_torque_nm", {"mean_abs_torque_nm": 2.5}),
        ("p99_abs_torque_nm", {"p99_abs_torque_nm": 2.6}),
        ("success_rate", {"success_rate": 0.94}),
        ("forward_velocity_m_s", {"forward_velocity_m_s": float("nan")}),
    ],
)
def test_each_line_fails_alone(line: str, changes: dict[str, float]) -> None:
    found = verdicts(calm=replace(GOOD, **changes))
    assert [name for name, passed in found.items() if not passed] == [line]


def test_pushes_long_run_and_style_fail_alone() -> None:
    assert not verdicts(pushed=replace(GOOD, survived=94))["push_survival"]
    assert verdicts(pushed=replace(GOOD, survived=95))["push_survival"]
    assert not verdicts(long_run=replace(GOOD, survived=99))["long_run"], "one fall in two minutes is one too many"
    for name, value in {"style_reward": 0.7, "discriminator_accuracy": 0.91}.items():
        assert not verdicts(style=STYLE | {name: value})[name]
    assert not verdicts(style=STYLE | {"discriminator_accuracy": 0.5})["discriminator_accuracy"]


def test_to_stand_is_judged_by_pushes_alone() -> None:
    assert verdicts("standing") == {"push_survival": True}
    assert verdicts("standing", pushed=replace(GOOD, survived=3)) == {"push_survival": False}


def test_other_terms_are_named() -> None:
    assert departures("walking", WALKING_COMMAND, 10.0, 500, None) == []
    found = departures("walking", (0.2, 0.0, 0.0), 5.0, 50, "rough")
    assert [word for word in ("command", "pushes", "steps", "rough") if any(word in line for line in found)] == [
        "command",
        "pushes",
        "steps",
        "rough",
    ]


def test_ladder_says_survival_by_size_and_direction() -> None:
    survived = np.full((len(LADDER_N), len(LADDER_DIRECTIONS_DEG)), 4)
    survived[4, 2] = 1
    ladder = Ladder(LADDER_N, LADDER_DIRECTIONS_DEG, survived, 4)
    assert ladder.as_dict()["survival"]["20"][2] == 0.25
    assert ladder.as_dict()["mean"]["5"] == 1.0
    row = ladder.table().splitlines()[-1].split()
    assert row[0] == "20" and row[-1] == "91" and row[7] == "25"


def test_report_has_the_sections_that_others_read(config: TrainConfig) -> None:
    report = assess(
        config,
        lambda obs: np.zeros((len(obs), 11), np.float32),
        Terms((0.0, 0.0, 0.0), trials=4, steps=10, push_n=5.0),
    )
    data = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert {"undisturbed", "pushed", "ladder", "long_run", "gate"} <= set(data)
    wanted = {"forward_velocity_m_s", "mean_abs_torque_nm", "p99_abs_torque_nm", "episode_length_mean", "success_rate"}
    wanted |= {"style_reward", "discriminator_accuracy", "heading_drift_deg", "lateral_drift_m", "reward_per_step"}
    assert wanted <= set(data["undisturbed"])
    assert data["undisturbed"]["style_reward"] is None
    assert data["pushed"]["push_survival"] == report.pushed.survived / 4
    assert set(data["gate"]["push_survival"]) == {"value", "target", "pass"}
    assert data["gate_terms"] is False and "not the gate's own terms" in report.table()
    assert report.table().startswith("undisturbed    reward_per_step")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--bundle", "nowhere"], "nowhere: no such bundle folder"),
        (["--checkpoint", "x", "--velocity", "1", "--command", "0", "0", "0"], "both --velocity and --command"),
        (["--checkpoint", "x", "--bundle", "y"], "both or neither"),
    ],
)
def test_eval_refuses_in_one_sentence(words: list[str], sentence: str) -> None:
    done = CliRunner().invoke(command, words)
    assert done.exception is not None and sentence in str(done.exception)


def test_eval_refuses_a_missing_log_before_it_runs(tmp_path: Path) -> None:
    bundle = Path(__file__).resolve().parents[2] / "assets" / "bundles" / "standing"
    config = tmp_path / "config.yaml"
    config.write_text((Path(__file__).resolve().parents[2] / "trainer" / "configs" / "standing.yaml").read_text())
    words = ["--bundle", str(bundle), "--config", str(config), "--compare-metrics", str(tmp_path / "none.jsonl")]
    done = CliRunner().invoke(command, words)
    assert "none.jsonl: No such file" in str(done.exception)
