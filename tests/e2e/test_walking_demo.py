"""robotctl demo with many episodes, another physics and the rehearsed gap, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bundle_builder import WALKING_LAYOUT, make_real_bundle, real_spec, to_json, zero_network
from test_demo import Demo, run_demo

from contract import assets_dir
from contract.bundle_files import save_bundle

WALKING = assets_dir() / "bundles" / "walking"
BUSY = {"IMU_STALE", "JOINT_STALE", "OVERRUN"}  # the faults that a busy machine explains
TOTALS = [
    "trials",
    "survived",
    "success_rate",
    "push_survival",
    "episode_length_mean",
    "forward_velocity_m_s",
    "mean_abs_torque_nm",
    "p99_abs_torque_nm",
    "heading_drift_deg",
    "lateral_drift_m",
]
EPISODE = [
    "survived",
    "success",
    "verdict",
    "ticks",
    "pushes",
    "forward_velocity_m_s",
    "distance_m",
    "lateral_drift_m",
    "heading_drift_deg",
    "mean_abs_torque_nm",
    "p99_abs_torque_nm",
    "faults",
    "overruns",
    "lateness_us",
    "feedback_age_ms",
]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Standing, the default, and walking with the layout and mapping of the real one; both hold home."""
    folder = tmp_path_factory.mktemp("bundles")
    walking: dict[str, Any] = {"layout": WALKING_LAYOUT, "mapping_id": "pos_target_home_scaled_v1"}
    make_real_bundle(folder / "standing", zero_network(real_spec()))
    make_real_bundle(folder / "walking", zero_network(real_spec(**walking)), **walking)
    files = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    files["deployment.json"] = to_json({"policies": {n: n for n in ("standing", "walking")}, "default": "standing"})
    save_bundle(folder / "wildrobot", files)
    return folder / "wildrobot"


def episodes(bundle: Path | None, out: Path, *arguments: str) -> Demo:
    """A fast series on the twin."""
    return run_demo(bundle, out, "--fast", *arguments)


@pytest.fixture(scope="module")
def series(deployment: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Three episodes with the walking policy that only holds home, in another world than its own."""
    arguments = ("--policy", "walking", "--velocity", "0.3", "--physics", "other", "--push-n", "3")
    return episodes(deployment, tmp_path_factory.mktemp("demo"), "--episodes", "3", "--seconds", "6", *arguments)


def test_figures_of_each_and_of_all(series: Demo, deployment: Path) -> None:
    assert series.code == 0, series.err
    found = series.json
    assert list(found)[: len(TOTALS)] == TOTALS
    assert [list(episode) for episode in found["episodes"]] == [EPISODE] * 3
    assert (found["success_rate"], found["push_survival"], found["episode_length_mean"]) == (1.0, 1.0, 300.0)
    assert found["bundle"] == str(deployment / "walking") and found["physics"] == "other"
    assert all(episode["pushes"] in (1, 2) for episode in found["episodes"])
    assert abs(found["forward_velocity_m_s"]) < 0.05  # it holds home, whatever is commanded
    assert 0 < found["mean_abs_torque_nm"] < found["p99_abs_torque_nm"] <= 4.1
    speeds = {episode["mean_abs_torque_nm"] for episode in found["episodes"]}
    assert len(speeds) == 3  # another robot and other pushes each time
    assert found["lateness_us"]["p50"] is None  # nothing is late on a simulated clock


def test_progress_names_the_episode_and_one_of_them_is_filmed(series: Demo) -> None:
    assert "episode 1/3" in series.err
    assert len(series.frames) >= 20 and series.strip.std() > 10


def test_the_default_policy_runs_where_none_is_named(deployment: Path, tmp_path: Path) -> None:
    demo = episodes(deployment, tmp_path, "--episodes", "1", "--seconds", "1", "--push-n", "0", "--no-pictures")
    assert demo.code == 0, demo.err
    assert demo.json["bundle"].endswith("standing") and demo.json["push_survival"] is None


def test_a_gap_too_wide_gives_1_and_says_where(deployment: Path, tmp_path: Path) -> None:
    file = tmp_path / "eval.json"
    promised = {"forward_velocity_m_s": 0.4, "success_rate": 1.0, "mean_abs_torque_nm": 0.8}
    file.write_text(json.dumps({"undisturbed": promised}))
    arguments = ("--gap", str(file), "--episodes", "2", "--seconds", "2", "--push-n", "0", "--no-pictures")
    demo = episodes(deployment, tmp_path / "out", *arguments)
    assert demo.code == 1, demo.err
    gap = demo.json["gap"]
    rows = {row["figure"]: row for row in gap["rows"]}
    assert gap["passed"] is False and gap["section"] == "undisturbed"
    assert rows["forward_velocity_m_s"]["passed"] is False and rows["forward_velocity_m_s"]["drop_percent"] > 80
    assert rows["success_rate"]["passed"] is True and rows["success_rate"]["drop_percent"] == 0
    assert rows["mean_abs_torque_nm"]["passed"] is None


def test_episodes_through_the_bytes(tmp_path: Path) -> None:
    """Wall time is real, and a busy machine stops the robot: that too is accounted for, and the next episode begins."""
    arguments = ("--hal", "emulated", "--physics", "other", "--episodes", "2", "--seconds", "1", "--push-n", "0")
    demo = run_demo(None, tmp_path, *arguments, "--no-pictures")
    assert len(demo.json["episodes"]) == 2 and demo.json["stuck"] is None
    assert demo.code == (0 if demo.json["survived"] == 2 else 1)
    for episode in demo.json["episodes"]:
        assert set(episode["faults"]) <= BUSY and not episode["verdict"].startswith("fell"), demo.err
        assert episode["survived"] == (episode["ticks"] == 50 and not episode["faults"])
        assert episode["survived"] or episode["faults"] or episode["verdict"] == "never active", demo.err
        if episode["ticks"]:
            assert 2 < episode["feedback_age_ms"]["p50"] <= episode["feedback_age_ms"]["max"]
            assert 0 < episode["lateness_us"]["p50"] <= episode["lateness_us"]["max"]
    assert list(tmp_path.iterdir()) == []


def test_the_shipped_policy_walks(tmp_path: Path) -> None:
    """At 0.4 m/s commanded, unpushed; the bounds of velocity and torque are the trainer's gate.

    In another physics it survives too, and its velocity holds.
    """
    arguments = ("--no-pictures", "--velocity", "0.4", "--seconds", "10", "--push-n", "0", "--episodes", "3")
    calm = episodes(WALKING, tmp_path / "calm", *arguments)
    assert calm.code == 0, calm.err
    assert calm.json["survived"] == 3
    assert 0.3 <= calm.json["forward_velocity_m_s"] <= 0.8 and calm.json["mean_abs_torque_nm"] < 2.5
    file = tmp_path / "calm.json"
    file.write_text(calm.out)
    again = episodes(WALKING, tmp_path / "again", "--physics", "other", "--gap", str(file), *arguments)
    rows = {row["figure"]: row for row in again.json["gap"]["rows"]}
    assert rows["forward_velocity_m_s"]["passed"], again.out
    assert again.json["survived"] == 3 and again.json["gap"]["passed"] and again.code == 0, again.out
