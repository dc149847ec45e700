"""robotctl imu test: the real driver on the emulated chip, and what a machine without one is told."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
from bench_rig import Robotctl

from firmware_bridge.imu_track import ImuSample
from robotd.ctl import imu_trial

FIELDS = (
    "passed problems product health rate_hz asked_hz age_ms gravity_body tilt_deg gyro_mean_rad_s gyro_noise_rad_s "
    "reports lost repeated implausible rejected unknown chip_resets hard_resets"
)


def test_the_emulated_chip_at_rest_is_described(robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imu_trial, "MIN_RATE", 0.1)  # this machine may be busy
    monkeypatch.setattr(imu_trial, "MAX_LOST", 0.5)
    said = robotctl("imu", "test", "--emulated", "--seconds", "1", "--json")
    report = said.json
    assert list(report) == FIELDS.split()
    assert report["product"] == {"reset_cause": 4, "version": "3.2.7", "part_number": 10003608, "build": 370}
    assert report["asked_hz"] == 200 and 20 < report["rate_hz"] < 210
    assert report["gravity_body"] == pytest.approx([0, 0, -1], abs=1e-3)
    assert report["tilt_deg"] == 0
    assert max(map(abs, report["gyro_mean_rad_s"])) < 0.002
    assert all(0.001 < noise < 0.006 for noise in report["gyro_noise_rad_s"]), "the chip's 0.003 rad/s"
    assert 0 < report["age_ms"]["p50"] <= report["age_ms"]["p95"] <= report["age_ms"]["max"]
    assert report["hard_resets"] == 1 and report["reports"] > 40
    assert (said.code == 0) is report["passed"] is (not report["problems"])


def test_the_rate_is_asked_of_the_chip(robotctl: Robotctl) -> None:
    report = robotctl("imu", "test", "--emulated", "--seconds", "1", "--rate-hz", "100", "--json").json
    assert report["asked_hz"] == 100 and report["rate_hz"] < 105


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("off", "p95 of age"),
        ("stuck", "p95 of age"),
        ("garbage", "samples/s of 200 asked"),
        ("wrong", "the gyro turns; keep the robot still"),
        ("slow", "samples/s of 200 asked"),
        ("intermittent", "reports are missing in sequence"),
    ],
)
def test_a_faulty_chip_fails_the_test(fault: str, words: str, robotctl: Robotctl) -> None:
    said = robotctl("imu", "test", "--emulated", "--seconds", "1", "--fault", fault, "--json")
    table = robotctl("imu", "test", "--emulated", "--seconds", "0.5", "--fault", fault)
    assert (said.code, said.json["passed"]) == (1, False)
    assert any(words in problem for problem in said.json["problems"]), said.json["problems"]
    assert table.code == 1 and "  FAILED: " in table.out and "passed" not in table.out


def test_the_table_is_for_people(robotctl: Robotctl) -> None:
    said = robotctl("imu", "test", "--emulated", "--seconds", "0.5")
    assert "part 10003608, version 3.2.7, build 370" in said.out
    assert "down is near -z, tilt 0 deg" in said.out


@pytest.mark.parametrize(
    ("quat_wxyz", "expected"),
    [
        ((1.0, 0.0, 0.0, 0.0), (0, 0, -1)),
        (
            (math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0),
            (0, -1, 0),
        ),  # rolled to the right by 90 deg: its right side is down
        ((math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0), (1, 0, 0)),  # pitched forward by 90 deg: its front is down
        ((0.0, 1.0, 0.0, 0.0), (0, 0, 1)),
    ],
)
def test_gravity_points_where_the_body_is_down(quat_wxyz: tuple[float, ...], expected: tuple[int, ...]) -> None:
    w, x, y, z = quat_wxyz
    assert imu_trial._gravity(ImuSample((w, x, y, z), (0.0, 0.0, 0.0), 0.0)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("module", ["spidev", "RPi.GPIO"])
def test_without_the_libraries_of_a_pi_it_says_what_to_install(
    module: str, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("spidev", "RPi", "RPi.GPIO"):
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type]
    said = robotctl("imu", "test")
    assert said.code == 3
    assert module in said.sentence and "pip install 'wildrobot[pi5]'" in said.sentence


def test_mounting_and_pins_of_robotd_yaml_are_used(tmp_path: Path, robotctl: Robotctl) -> None:
    config = tmp_path / "robotd.yaml"
    config.write_text(
        "hardware: {imu: {int_pin: 23, rate_hz: 125.0, spi_device: 1, mounting_wxyz: [0.0, 1.0, 0.0, 0.0]}}\n"
    )
    report = robotctl("imu", "test", "--emulated", "--seconds", "0.5", "--config", config, "--json").json
    assert report["asked_hz"] == 125
    assert report["gravity_body"] == pytest.approx([0, 0, -1], abs=1e-3), "the emulated robot stands upright"
    config.write_text("hardware: {imu: {mounting_wxyz: [2.0, 0.0, 0.0, 0.0]}}\n")
    refused = robotctl("imu", "test", "--config", config)
    assert refused.code == 2 and "norm 2.000, expected 1" in refused.sentence


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--fault", "off"), "--fault is for the emulated chip, expected --emulated with it"),
        (("--emulated", "--fault", "tired"), "--fault"),
        (("--rate-hz", "500"), "--rate-hz"),
        (("--seconds", "nan"), "found nan, expected a finite number"),
        (("--speed-hz", "9000000"), "--speed-hz"),
    ],
)
def test_bad_options_are_one_sentence(words: tuple[str, ...], expected: str, robotctl: Robotctl) -> None:
    said = robotctl("imu", "test", *words)
    assert said.code == 2
    assert expected in said.sentence
