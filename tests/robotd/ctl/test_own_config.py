"""The robot's own robotd.yaml counts for every verb that touches the robot, without --config."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from bench_rig import PATIENT, Robotctl, bench_of

from robotd.ctl import imu_trial

SIGNED_ONLY = {"require_signature": True, "trusted_keys": {"mine": "A" * 43 + "="}}


def own(home: Path, **sections: object) -> Path:
    """Write the robot's own robotd.yaml."""
    file = home / "etc" / "robotd" / "robotd.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump(sections))
    return file


def test_a_bus_is_that_of_the_robot(own_home: Path, tmp_path: Path, robotctl: Robotctl) -> None:
    port = tmp_path / "leg"
    own(own_home, hardware={"buses": {name: {"port": str(port)} for name in ("left_leg", "right_leg", "upper")}})
    with bench_of(tmp_path, 1, 2):
        scan = robotctl("bus", "scan", "--bus", "left_leg", "--ids", "1-2", "--json", *PATIENT)
        show = robotctl("servo", "show", "--bus", "left_leg", "--id", 2, "--json", *PATIENT)
    assert scan.json["port"] == show.json["port"] == str(port)


def test_imu_and_bus_budget_are_those_of_the_robot(
    own_home: Path, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(own_home, hardware={"imu": {"rate_hz": 125.0}, "baud": 57_600})
    monkeypatch.setattr(imu_trial, "_try_real", lambda config, seconds: {"passed": True, "rate_hz": config.rate_hz})
    assert robotctl("imu", "test", "--json").json["rate_hz"] == 125.0
    assert robotctl("bus-budget", "--json").json["conditions"]["baud"] == 57_600


def test_a_robot_that_wants_signatures_gives_no_torque_to_a_bundle_without_one(
    own_home: Path, robotctl: Robotctl, zero_bundle_path: Path
) -> None:
    own(own_home, bundles=SIGNED_ONLY)
    said = robotctl("dry-run", "--bundle", zero_bundle_path, "--off-ground")
    assert said.code == 2 and "sign" in said.sentence


def test_a_broken_file_is_named(own_home: Path, robotctl: Robotctl) -> None:
    file = own(own_home, hardware={"baud": "fast"})
    for words in (("servo", "show", "--bus", "left_leg", "--id", 1), ("imu", "test"), ("sysid",), ("calibrate",)):
        said = robotctl(*words)
        assert said.code == 2 and said.sentence.startswith(f"{file}: hardware.baud"), words


@pytest.mark.parametrize(("words", "option"), [(("calibrate",), "--file"), (("sysid", "--yes"), "--output")])
def test_who_cannot_keep_the_outcome_is_told_before_anything_moves(
    words: tuple[str, ...], option: str, own_home: Path, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    said = robotctl(*words)
    assert said.code == 2
    assert said.sentence.startswith(f"{own_home}/var/lib/robotd/")
    assert said.sentence.endswith(f": this user cannot write there; use sudo, or {option} for another place")


def test_without_bundle_the_one_in_use_is_meant_and_a_name_will_do(
    own_home: Path, robotctl: Robotctl, zero_bundle_path: Path
) -> None:
    nothing = robotctl("check-pose")
    assert nothing.code == 2 and "no bundle is installed" in nothing.sentence
    full = robotctl("bundle", "install", zero_bundle_path, "--json").json["bundle"]
    folder = own_home / "var" / "lib" / "robotd" / "bundles" / full
    for words in ((), ("--bundle", "zero"), ("--bundle", full)):
        assert robotctl("check-pose", *words, "--json").json["bundle"] == str(folder)
    assert "no black box" not in robotctl("replay").sentence
    for verb in ("dry-run", "replay"):
        assert "required" not in robotctl(verb, "--help").out
