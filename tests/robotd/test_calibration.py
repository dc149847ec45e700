"""calibration.yaml: written whole, kept with backups, applied to the wiring, and refused in one sentence."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from contract import Bundle, assets_dir, load_robot_config
from robotd.arming import CALIBRATION_S
from robotd.arming_facts import facts_for
from robotd.calibration import (
    Calibration,
    backups,
    calibrated,
    calibration_path,
    load_calibration,
    robot_identity,
    save_calibration,
    standing_of,
)
from robotd.config import RobotdConfig
from robotd.hal.servo_frame import servo_frame, to_rad, unclamped_units
from robotd.limp_plan import plan_of
from robotd.wiring import Wiring

CONFIG = load_robot_config(assets_dir() / "robot_config.yaml")
ROBOT = robot_identity(CONFIG)


def content(**changes: object) -> Calibration:
    """A calibration of our robot that differs from the defaults in everything."""
    wiring = Wiring()
    buses = {"left_leg": "right_leg", "right_leg": "left_leg", "upper": "upper"}
    joints = {
        name: {
            "bus": buses[wire.bus],
            "servo_id": wire.servo_id + 20,
            "direction": -wiring.calibration[name].direction,
            "offset_units": n - 5,
            "q_at_zero_rad": wiring.calibration[name].q_at_zero_rad,
            "range_rad": [-1.0, 1.0],
        }
        for n, (name, wire) in enumerate(wiring.joints.items())
    }
    data = {
        "robot": ROBOT,
        "date": "2026-01-02T03:04:05+00:00",
        "joints": joints,
        "imu": {"mounting_wxyz": [0.0, 1.0, 0.0, 0.0]},
        "foot_switches": {
            "left_toe": {"pin": 19, "pressed_low": False},
            "left_heel": {"pin": 13},
            "right_toe": {"pin": 6},
            "right_heel": {"pin": 5},
        },
        "residuals": {"imu": {"rms_deg": 0.4}},
    }
    return Calibration.model_validate(data | changes)


def test_a_calibration_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "calibration.yaml"
    assert load_calibration(path) is None
    written = content(home_trim_rad={"left_ankle_pitch": 0.1 / 3})
    assert save_calibration(path, written) is None
    assert load_calibration(path, ROBOT) == written


def test_a_file_of_an_older_robotd_that_lacks_a_key_of_today_is_as_good_as_it_was(tmp_path: Path) -> None:
    """Else each key that is added to the schema would call every calibration in the field changed by a hand."""
    data = {name: value for name, value in content().model_dump().items() if name not in ("doubts", "home_trim_rad")}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    data["hash"] = hashlib.sha256(text.encode()).hexdigest()[:32]
    path = tmp_path / "calibration.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    assert load_calibration(path, ROBOT) == content()


def test_the_wiring_gets_all_that_was_found() -> None:
    found, usual = content(), Wiring()
    wiring = calibrated(usual, found)
    assert {name: (wire.bus, wire.servo_id) for name, wire in wiring.joints.items()} == {
        name: (joint.bus, joint.servo_id) for name, joint in found.joints.items()
    }
    assert wiring.calibration["left_hip_roll"].direction == -1
    assert wiring.calibration["left_hip_roll"].offset_units == -4
    assert wiring.imu.mounting_wxyz == [0, 1, 0, 0]
    assert [(wire.pin, wire.pressed_low) for wire in wiring.foot_switches.all.values()] == [
        (19, False),
        (13, True),
        (6, True),
        (5, True),
    ]
    assert (wiring.buses, wiring.baud, wiring.imu.rate_hz) == (usual.buses, usual.baud, usual.imu.rate_hz)
    assert calibrated(wiring, found) == wiring, "once more changes nothing"


def test_a_trim_moves_the_shaft_by_itself_and_the_reading_not_at_all() -> None:
    plain, trimmed = content(), content(home_trim_rad={"left_ankle_pitch": 0.05})
    frames = [servo_frame([calibrated(Wiring(), each).calibration["left_ankle_pitch"]]) for each in (plain, trimmed)]
    straight, moved = (unclamped_units(frame, [0.3])[0] for frame in frames)
    assert moved == pytest.approx(unclamped_units(frames[0], [0.35])[0]) and moved != pytest.approx(straight)
    assert to_rad(frames[1], [moved])[0] == pytest.approx(0.3)


def spoilt(change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda path: path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoilt(lambda text: text.replace("offset_units: 5", "offset_units: 6")), "its hash does not fit its content"),
        (spoilt(lambda text: text.replace("hash:", "# hash:")), "its hash does not fit its content"),
        (
            spoilt(lambda text: text.replace("direction: -1", "direction: 0")),
            "joints.left_hip_pitch.direction: found 0",
        ),
        (spoilt(lambda text: text.replace("imu:", "imus:")), "imu: Field required"),
        (spoilt(lambda text: text.replace("date: '2026", "date: 'tomorrow 2026")), "date 'tomorrow 2026"),
        (spoilt(lambda text: text[: len(text) // 2] + "\n: ["), "not YAML"),
        (spoilt(lambda text: "- 1\n"), "found list, expected a mapping"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "not YAML"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
        (lambda path: save_calibration(path, content(robot="other")), "is of another robot"),
        (
            lambda path: save_calibration(path, content(joints={})),
            "the calibration and hardware.joints differ in left_ankle_pitch",
        ),
        (
            lambda path: save_calibration(path, content(imu={"mounting_wxyz": [1.0, 1.0, 0.0, 0.0]})),
            "has the norm 1.414",
        ),
        (
            lambda path: save_calibration(path, content(foot_switches={"left_toe": {"pin": 6}})),
            "GPIO 6 is used twice",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    spoil: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "calibration.yaml"
    save_calibration(path, content())
    assert standing_of(Wiring(), CONFIG, path).problem is None
    spoil(path)
    standing = standing_of(Wiring(), CONFIG, path)
    assert standing.problem is not None and standing.calibration is None
    assert words in standing.problem and "\n" not in standing.problem
    assert standing.applied(Wiring()) == Wiring()


def test_backups_are_numbered_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "calibration.yaml"
    versions = [content(residuals={"imu": {"rms_deg": float(n)}}) for n in range(12)]
    kept = [save_calibration(path, version) for version in versions]
    assert [each and each.name for each in kept] == [None, *(f"calibration.yaml.{n}" for n in range(1, 12))]
    assert list(backups(path)) == list(range(11, 0, -1))
    assert [load_calibration(each) for each in backups(path).values()] == versions[-2::-1]
    assert load_calibration(path) == versions[-1]


@pytest.mark.parametrize("crash", ["open", "fsync", "replace"])
def test_a_crash_while_writing_leaves_the_old_file(crash: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calibration.yaml"
    save_calibration(path, content())
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError("crash")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="crash"):
        patch.setattr(os, crash, fail)
        save_calibration(path, content(date="2026-02-02T03:04:05+00:00"))
    assert path.read_bytes() == before
    assert save_calibration(path, content(date="2026-02-02T03:04:05+00:00")) is not None


def test_the_identity_is_of_joints_and_not_of_masses_or_poses() -> None:
    from dataclasses import replace

    assert robot_identity(replace(CONFIG, total_mass_kg=4.0, home_pose_rad=CONFIG.crouch_pose_rad)) == ROBOT
    joint = replace(CONFIG.joints["left_knee_pitch"], range_max_rad=1.7)
    assert robot_identity(replace(CONFIG, joints={**CONFIG.joints, "left_knee_pitch": joint})) != ROBOT
    assert robot_identity(replace(CONFIG, robot_name="other")) != ROBOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path))
    return tmp_path


def test_arming_on_ports_knows_the_age_or_the_problem_and_the_twin_needs_neither(
    home: Path, zero_bundle: Bundle
) -> None:
    config = RobotdConfig()
    assert facts_for(zero_bundle, "real", config).calibration_age_s is None
    now = time.time()
    save_calibration(calibration_path(), content(robot=_identity_of(zero_bundle), date=_iso(now - 1000)))
    facts = facts_for(zero_bundle, "real", config)
    assert facts.calibration_problem is None and facts.calibration_age_s == pytest.approx(1000, abs=60)
    assert facts_for(zero_bundle, "emulated", config).calibration_age_s is None
    save_calibration(
        calibration_path(), content(robot=_identity_of(zero_bundle), date=_iso(now - CALIBRATION_S - 86400))
    )
    assert (facts_for(zero_bundle, "real", config).calibration_age_s or 0) > CALIBRATION_S
    save_calibration(calibration_path(), content(robot="other"))
    facts = facts_for(zero_bundle, "bench", config)
    assert facts.calibration_age_s is None and "another robot" in (facts.calibration_problem or "")


def test_the_daemon_takes_ports_and_ids_from_the_calibration(home: Path, zero_bundle_path: Path) -> None:
    from robotd.daemon import Unreachable, start_up

    save_calibration(calibration_path(), content())
    wiring = standing_of(Wiring(), CONFIG).applied(Wiring())
    assert plan_of(wiring).buses["left_leg"][1] == (26, 27, 28, 29, 30)
    with pytest.raises(Unreachable, match="no such port"):  # the wiring is looked at before any port
        start_up(zero_bundle_path, "bench")
    config, _, hardware = start_up(zero_bundle_path, "mock")
    assert config.hardware == Wiring()
    hardware.close()


def _identity_of(bundle: Bundle) -> str:
    assert bundle.robot_config is not None
    return robot_identity(bundle.robot_config)


def _iso(seconds: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(math.floor(seconds), datetime.UTC).isoformat()


def test_numbers_survive_the_file_exactly(tmp_path: Path) -> None:
    path = tmp_path / "calibration.yaml"
    rng = np.random.default_rng(0)
    for number in [1e-9, -0.0, 1 / 3, *rng.normal(size=5)]:
        written = content(residuals={"imu": {"x": float(number)}})
        save_calibration(path, written)
        assert load_calibration(path) == written
    assert os.listdir(tmp_path) and not list(tmp_path.glob(".*.part"))
