"""robotctl check-pose: passes on a sound bundle, names limits out of reach, fails when the way back is broken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bundle_builder import make_bundle, make_spec_data

from contract import PoseCheck
from robotd.ctl import check_pose, cli


def test_sound_bundle_passes(zero_bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check-pose", "--bundle", str(zero_bundle_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is True
    assert set(report["error_rad"]) == {"home", "random", "limits"}
    assert max(report["error_rad"].values()) <= 1e-4


def test_limits_out_of_reach_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle(tmp_path / "b", make_spec_data(mapping_id="pos_target_home_025_v1"))
    assert cli.run(["check-pose", "--bundle", str(bundle)]) == 0
    out = capsys.readouterr().out
    assert "out of reach: left_hip_pitch lower limit" in out
    assert "passed" in out and "FAILED" not in out


@pytest.mark.parametrize("error_rad", [2e-4, np.nan])
def test_an_error_over_the_bound_fails(
    error_rad: float, zero_bundle_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check_pose, "check_pose", lambda spec: PoseCheck({"home": 0.0, "limits": error_rad}, ()))
    assert cli.run(["check-pose", "--bundle", str(zero_bundle_path)]) == 1
    assert "FAILED" in capsys.readouterr().out
