"""validate-setup passes here, and sees what is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainer import validate as checks
from trainer.config import TrainConfig
from trainer.env import Env
from trainer.validate import validate


def test_the_verb_passes_on_this_machine(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from trainer.cli import main; main()", "validate-setup", "--json"]
    done = subprocess.run([*command, "--runs", str(tmp_path)], capture_output=True, text=True, timeout=200)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["passed"], done.stdout + done.stderr
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
