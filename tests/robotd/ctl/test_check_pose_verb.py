"""robotctl check-pose: passes on a sound bundle, names limits out of reach, fails when the way back is broken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from bundle_builder import make_bundle, make_spec_data

from contract import PoseCheck, assets_dir
from robotd.ctl import check_pose, cli
from robotd.wiring import Wiring


def test_sound_bundle_passes(zero_bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check-pose", "--bundle", str(zero_bundle_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is True
    assert set(report["error_rad"]) == {"home", "random", "limits"}
    assert max(report["error_rad"].values()) <= 1e-4


def test_every_policy_of_a_deployment_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check-pose", "--bundle", str(assets_dir() / "bundles" / "wildrobot"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["policies"] == ["standing", "walking"] and max(report["error_rad"].values()) <= 1e-4


def test_the_way_through_servo_units_costs_half_a_unit_and_uses_this_robots_wiring(
    zero_bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check-pose", "--bundle", str(zero_bundle_path), "--json"]) == 0
    units = json.loads(capsys.readouterr().out)["units"]
    assert 1e-4 < units["error_rad"] <= 0.5 * np.radians(0.24) + 1e-6
    assert 0 <= units["low"] < 500 < units["high"] <= 1000
    config = tmp_path / "robotd.yaml"
    rows = {name: row.model_dump() for name, row in Wiring().calibration.items()}
    rows["left_knee_pitch"] = {"direction": 1, "offset_units": 0, "q_at_zero_rad": -0.5}
    config.write_text(yaml.safe_dump({"hardware": {"calibration": rows}}))
    assert cli.run(["check-pose", "--bundle", str(zero_bundle_path), "--config", str(config)]) == 2
    assert "hardware.calibration.left_knee_pitch: its range needs the units" in capsys.readouterr().err


def test_another_robot_is_looked_at_without_our_servos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle(tmp_path / "b", make_spec_data(joints=8))
    assert cli.run(["check-pose", "--bundle", str(bundle)]) == 0
    assert "servos  not looked at" in capsys.readouterr().out


def test_limits_out_of_reach_are_counted_and_listed_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = make_bundle(tmp_path / "b", make_spec_data(mapping_id="pos_target_home_025_v1"))
    assert cli.run(["check-pose", "--bundle", str(bundle)]) == 0
    short = capsys.readouterr().out
    assert cli.run(["check-pose", "--bundle", str(bundle), "--verbose"]) == 0
    out = capsys.readouterr().out
    listed = [line for line in out.splitlines() if line.startswith("  out of reach: ")]
    assert "out of reach: left_hip_pitch lower limit" in out and "out of reach" not in short
    assert f"  reach   {len(listed)} ends of joint ranges are never reached, by design" in short
    assert all("passed" in text and "FAILED" not in text for text in (short, out))


@pytest.mark.parametrize("error_rad", [2e-4, np.nan])
def test_an_error_over_the_bound_fails(
    error_rad: float, zero_bundle_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check_pose, "check_pose", lambda spec: PoseCheck({"home": 0.0, "limits": error_rad}, ()))
    assert cli.run(["check-pose", "--bundle", str(zero_bundle_path)]) == 1
    assert "FAILED" in capsys.readouterr().out
