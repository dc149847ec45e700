"""validate-setup passes here, and sees what is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import validate as checks
from trainer.config import TrainConfig
from trainer.env import Env
from trainer.feasibility.verdict import Finding, Verdict
from trainer.validate import validate


def test_the_verb_passes_on_this_machine(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from trainer.cli import main; main()", "validate-setup", "--json"]
    done = subprocess.run([*command, "--runs", str(tmp_path)], capture_output=True, text=True, timeout=200)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["passed"], done.stdout + done.stderr
    (torque,) = (check for check in report["checks"] if check["name"] == "torque test")
    assert torque["passed"] and torque["warned"] and torque["found"].endswith("see docs/feasibility.md")
    names = [check["name"] for check in report["checks"]]
    assert names == [
        "packages",
        "env",
        "golden poses",
        "stands",
        "rewards",
        "symmetry",
        "drop test",
        "torque test",
        "speed test",
        "reach test",
        "export",
        "runs folder",
        "machine",
    ]


def line_of(*findings: Finding, test: str = "torque", notes: tuple[str, ...] = ("a note",)) -> str:
    return checks.twin_check(Verdict(test, findings, notes)).line()


def test_a_line_has_one_status_and_what_is_nearest_to_its_limit() -> None:
    nothing, near = Finding("explosion", None, 0.0, 0.0, 0.5, ""), Finding("tilt", "waist_yaw", 0.02, 0.05, 0.2, "rad")
    assert line_of(nothing) == "pass  torque test   a note"
    assert line_of(nothing, notes=()) == "pass  torque test   nothing found"
    told = "pass  torque test   nearest to its limit: tilt, waist_yaw, 0.02 rad, passes up to 0.05"
    assert line_of(nothing, near) == told
    assert line_of() == "pass  torque test   a note"
    assert line_of(Finding("balance", None, 0.0, -0.015, 0.1, "m", "widen it")).startswith(
        "warn  torque test   balance, 0 m"
    )


@pytest.mark.parametrize(
    ("joint", "value", "known"),
    [("left_knee_pitch", 3.15, True), ("left_knee_pitch", 3.3, False), ("waist_yaw", 3.0, False)],
)
def test_a_warning_says_so_and_whether_the_shipped_robot_has_it(joint: str, value: float, known: bool) -> None:
    line = line_of(Finding("gait 0.3 ahead", joint, value, 2.5, 3.5, "Nm", "take 1 kg off it"))
    found = f"warn  torque test   gait 0.3 ahead, {joint}, {value:.3g} Nm, passes up to 2.5, fails above 3.5: "
    assert line.startswith(f"{found}take 1 kg off it") and "pass  " not in line
    assert line.endswith("; known for the shipped robot, see docs/feasibility.md") == known


def test_a_fail_names_its_cure_once() -> None:
    line = line_of(Finding("squat", "waist_yaw", 9.0, 2.5, 3.5, "Nm", "cure it"))
    assert line == "FAIL  torque test   squat, waist_yaw, 9 Nm, passes up to 2.5, fails above 3.5; cure it"


def test_a_folder_that_cannot_be_written_fails(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check = checks._writable(tmp_path / "file" / "runs")
    assert not check.passed and "Not a directory" in check.found


def test_a_missing_package_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PACKAGES", ("numpy", "no-such-package"))
    check = checks._versions()
    assert not check.passed and "missing: no-such-package" in check.found


def test_a_robot_that_cannot_stand_fails(plain_env: Env) -> None:
    model = plain_env.robot.model
    gain, bias = model.actuator_gainprm.copy(), model.actuator_biasprm.copy()
    try:
        model.actuator_gainprm[:, 0], model.actuator_biasprm[:, 1] = 1.0, -1.0
        assert not checks._stands(plain_env).passed
    finally:
        model.actuator_gainprm[:], model.actuator_biasprm[:] = gain, bias
    assert checks._stands(plain_env).passed


def test_what_the_contract_refuses_is_a_failed_check(config: TrainConfig, tmp_path: Path) -> None:
    env = config.env.model_copy(update={"model": "none.xml"})
    *_, last = validate(config.model_copy(update={"env": env}), tmp_path)
    assert (last.name, last.passed) == ("env", False) and "none.xml" in last.found
