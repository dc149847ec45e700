"""robotctl dry-run: what is sent and what is not, the same on mock and twin, and a checklist that finds the culprit."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_rig import Robotctl
from dry_run_rig import DryRun
from shown_commands import ROOT, SNIPPET

from contract import assets_dir
from robotd.hal.mock import MockHardware
from robotd.lock import HardwareLock

STANDING = assets_dir() / "bundles" / "standing"
GROUPS = ["signals", "safety", "calibration", "arming", "smoke test"]


@pytest.fixture
def dry_run(robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch) -> DryRun:
    return DryRun(robotctl, monkeypatch)


def lines_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in report["checklist"]}


def failures(report: dict[str, Any]) -> list[str]:
    return [line["name"] for line in report["checklist"] if line["passed"] is False]


class Counting(MockHardware):
    """A mock that counts what it is told."""

    writes = enables = 0

    def write(self, target_rad: Any) -> None:
        self.writes += 1
        super().write(target_rad)

    def enable(self) -> None:
        self.enables += 1
        super().enable()


def counted(hardware: Any) -> None:
    hardware.__class__ = Counting


@pytest.mark.parametrize("hal", ["mock", "sim"])
def test_listening_sends_nothing_and_fills_in_the_whole_checklist(dry_run: DryRun, hal: str) -> None:
    prepare = counted if hal == "mock" else lambda hardware: None
    done = dry_run("--bundle", STANDING, "--hal", hal, "--seconds", "1", "--json", prepare=prepare)
    report = done.said.json
    assert done.said.code == 0 and report["passed"], failures(report)
    assert list(dict.fromkeys(line["group"] for line in report["checklist"])) == GROUPS
    assert report["targets_sent"] == 0 and lines_of(report)["nothing sent"]["passed"]
    assert report["figures"]["policy"]["ticks"] == 50
    for joint in report["figures"]["joints"]:
        assert joint["low_rad"] <= joint["sent_rad"][0] <= joint["sent_rad"][1] <= joint["high_rad"]
    assert all(lines_of(report)[name]["passed"] is None for name in ("off the ground", "low torque on the ground"))
    if hal == "mock":
        assert (done.hardware.writes, done.hardware.enables) == (0, 0)
    else:
        assert not np.any(done.hardware.torque_nm)


@pytest.mark.parametrize("hal", ["mock", "sim"])
def test_off_the_ground_every_joint_is_shown_and_none_is_fast(dry_run: DryRun, hal: str) -> None:
    done = dry_run("--bundle", STANDING, "--hal", hal, "--off-ground", "--seconds", "1", "--json")
    report, lines = done.said.json, lines_of(done.said.json)
    assert done.said.code == 0 and report["passed"], failures(report)
    assert lines["speed"]["passed"] and "1.25 rad/s" in lines["speed"]["found"]
    assert lines["torque"]["passed"] and lines["off the ground"]["passed"]
    assert lines["joints follow"]["found"].startswith("11 of 11 went where they were sent")
    assert report["targets_sent"] > 600 and report["figures"]["policy"]["ticks"] == 50
    for name in (joint["name"] for joint in report["figures"]["joints"]):
        assert f"  {name} +0.20 rad and back" in done.said.err or f"  {name} -0.20 rad and back" in done.said.err


@pytest.mark.parametrize("hal", ["mock", "sim"])
def test_on_the_ground_with_little_torque_the_drift_is_told(dry_run: DryRun, hal: str, zero_bundle_path: Path) -> None:
    bundle = zero_bundle_path if hal == "mock" else STANDING  # without a body the standing policy chatters
    done = dry_run("--bundle", bundle, "--hal", hal, "--ground", "--low-torque", "--json")
    report, lines = done.said.json, lines_of(done.said.json)
    assert done.said.code == 0 and report["passed"], failures(report)
    assert "deg in 10.0 s" in lines["low torque on the ground"]["found"]
    assert report["figures"]["lead_excess_rad"] <= 1e-4 and report["lead_rad"] == 0.1


def test_for_people_it_is_a_table_and_a_list(dry_run: DryRun) -> None:
    said = dry_run("--bundle", STANDING, "--hal", "mock", "--seconds", "1").said
    assert said.code == 0 and "listen: standing on --hal mock, 0 targets sent" in said.out
    assert "left_knee_pitch" in said.out and "would send" in said.out
    assert "pass  IMU, gravity: [0.00 0.00 -1.00], 0.0 deg from straight down" in said.out
    assert said.out.endswith("all passed; - is what another stage shows\n")


def test_a_foot_on_something_refuses_the_air(dry_run: DryRun) -> None:
    def stand(hardware: Any) -> None:
        hardware.place(hardware.read().joint_pos_rad, supported=False)

    done = dry_run("--bundle", STANDING, "--hal", "sim", "--off-ground", "--json", prepare=stand)
    assert done.said.code == 2
    assert done.said.sentence.startswith(
        "--off-ground: left_heel, right_heel are pressed, expected both feet in the air"
    )
    assert not np.any(done.hardware.torque_nm)


def test_a_foot_that_touches_something_meanwhile_turns_torque_off(dry_run: DryRun) -> None:
    def touch_later(hardware: Any) -> None:
        read, periods = hardware.read, iter(range(10_000))

        def touching() -> Any:
            signals = read()
            if next(periods) > 300:
                return signals._replace(foot_switches=np.array([0, 1, 0, 0], np.float32))
            return signals

        hardware.read = touching

    done = dry_run("--bundle", STANDING, "--hal", "sim", "--off-ground", "--json", prepare=touch_later)
    assert done.said.code == 1
    assert "left_heel is pressed while it moved" in lines_of(done.said.json)["to the end"]["found"]
    assert not done.hardware.enabled


def tip(hardware: Any) -> None:
    hardware.place(hardware.read().joint_pos_rad, (0.9239, 0.3827, 0.0, 0.0))


def bend_too_far(hardware: Any) -> None:
    pose = np.array(hardware.read().joint_pos_rad)
    pose[2] = -0.3
    hardware.place(pose)


def turn_the_gyro_round(hardware: Any) -> None:
    """The robot is swung by hand, and the gyro says the opposite."""
    read, periods = hardware.read, iter(range(10_000))

    def swung() -> Any:
        half = 0.2 * np.sin(0.02 * np.pi * next(periods)) / 2
        rate = 0.2 * np.pi * np.cos(2 * half)
        quat = np.array([np.cos(half), 0, np.sin(half), 0], np.float32)
        return read()._replace(quat_wxyz=quat, gyro_rad_s=np.array([0, -rate, 0], np.float32))

    hardware.read = swung


@pytest.mark.parametrize(
    ("prepare", "name", "found"),
    [
        (tip, "IMU, gravity", "45.0 deg from straight down"),
        (bend_too_far, "joint range", "wrong at left_knee_pitch"),
        (turn_the_gyro_round, "IMU, gyro", "from that"),
    ],
)
def test_what_is_wrong_with_the_signals_is_named(dry_run: DryRun, prepare: Any, name: str, found: str) -> None:
    done = dry_run("--bundle", STANDING, "--hal", "mock", "--seconds", "1", "--json", prepare=prepare)
    line = lines_of(done.said.json)[name]
    assert done.said.code == 1 and line["passed"] is False
    assert found in line["found"] and line["fix"]


def test_a_joint_that_goes_the_other_way_is_named(dry_run: DryRun) -> None:
    def mirror(hardware: Any) -> None:
        write = hardware.write

        def mirrored(target_rad: Any) -> None:
            flipped = np.array(target_rad)
            flipped[3] = -flipped[3]
            write(flipped)

        hardware.write = mirrored

    done = dry_run("--bundle", STANDING, "--hal", "mock", "--off-ground", "--json", prepare=mirror)
    report = done.said.json
    assert done.said.code == 1 and not report["passed"]
    assert lines_of(report)["to the end"]["found"] == "stopped by TRACKING (left_ankle_pitch)"


def hold_the_knee(hardware: Any) -> None:
    read, held = hardware.read, hardware.read().joint_pos_rad[2]

    def blocked() -> Any:
        signals = read()
        pose = np.array(signals.joint_pos_rad)
        pose[2] = held
        return signals._replace(joint_pos_rad=pose)

    hardware.read = blocked


def test_a_joint_that_meets_something_off_the_ground_stops_the_robot_and_is_named(dry_run: DryRun) -> None:
    done = dry_run("--bundle", STANDING, "--hal", "mock", "--off-ground", "--json", prepare=hold_the_knee)
    line = lines_of(done.said.json)["to the end"]
    assert done.said.code == 1 and line["found"] == "stopped by TRACKING (left_knee_pitch)"
    assert not done.hardware.enabled, "the crouch cannot arrive, and still torque goes off"
    last = done.ran.records[-1]
    assert last.number * 0.02 < 25 and last.faults.names == ("TRACKING",)


def test_a_robot_that_nobody_sets_down_is_not_waited_for_for_ever(dry_run: DryRun, zero_bundle_path: Path) -> None:
    def hang(hardware: Any) -> None:
        hardware.press = lambda pressed: None
        hardware._feet = np.zeros(4, np.float32)

    words = ("--bundle", zero_bundle_path, "--hal", "mock", "--ground", "--low-torque", "--json")
    done = dry_run(*words, prepare=hang)
    assert done.said.code == 1 and not done.hardware.enabled
    assert lines_of(done.said.json)["to the end"]["found"] == "nobody set the robot on both feet"
    assert lines_of(done.said.json)["low torque on the ground"]["passed"] is False


def test_a_policy_that_jumps_is_called_violent(dry_run: DryRun, monkeypatch: pytest.MonkeyPatch) -> None:
    from robotd.ctl import dry_run_stage

    real = dry_run_stage.setup_for

    class Jumping:
        sign = 1.0

        def __call__(self, observation: Any) -> Any:
            self.sign = -self.sign
            return np.full(11, self.sign, np.float32)

    def jumping(bundle: Any, config: Any) -> Any:
        for policy in bundle.policies.values():
            object.__setattr__(policy, "network", Jumping())
        return real(bundle, config)

    monkeypatch.setattr(dry_run_stage, "setup_for", jumping)
    report = dry_run("--bundle", STANDING, "--hal", "mock", "--seconds", "1", "--json").said.json
    line = lines_of(report)["no violent output"]
    assert line["passed"] is False and "faster than a joint can" in line["found"]


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("--ground",), 2, "--ground: expected --low-torque with it"),
        (("--low-torque",), 2, "--low-torque: expected --ground with it"),
        (("--off-ground", "--ground", "--low-torque"), 2, "expected one stage at a time"),
        (("--hal", "bench", "--off-ground"), 2, "--hal bench: its IMU and feet are emulated, expected a robot"),
        (("--slow", "nan"), 2, "found nan, expected a finite number"),
        (("--bundle", "nowhere"), 2, "nowhere"),
    ],
)
def test_bad_input_is_one_sentence(robotctl: Robotctl, words: tuple[str, ...], code: int, expected: str) -> None:
    said = robotctl("dry-run", "--bundle", STANDING, "--hal", "mock", *words)
    assert said.code == code and expected in said.sentence


def test_the_real_robot_is_locked_and_must_answer(robotctl: Robotctl, tmp_path: Path) -> None:
    config = tmp_path / "robotd.yaml"
    buses = ", ".join(f"{name}: {{port: {tmp_path / name}}}" for name in ("left_leg", "right_leg", "upper"))
    config.write_text(f"hardware: {{buses: {{{buses}}}}}\n")
    words = ("dry-run", "--bundle", STANDING, "--config", config, "--no-realtime")
    with HardwareLock("robotd"):
        refused = robotctl(*words)
    assert refused.code == 2 and "robotd (pid" in refused.sentence
    missing = robotctl(*words)
    assert missing.code == 3 and "no such port" in missing.sentence


def test_the_rows_for_who_comes_from_earlier_scripts_work(dry_run: DryRun, zero_bundle_path: Path) -> None:
    table = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
    rows = [shlex.split(snippet) for snippet in SNIPPET.findall(table) if snippet.startswith("robotctl dry-run")]
    assert [words[4:] for words in rows] == [[], ["--off-ground", "--slow", "0.25"], ["--ground", "--low-torque"]]
    for words in rows:
        bundle = [str(zero_bundle_path) if word == "D" else word for word in words[2:]]
        said = dry_run(*bundle, "--hal", "mock").said
        assert said.code == 0 and "all passed" in said.out
