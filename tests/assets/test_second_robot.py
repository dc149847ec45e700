"""A robot with other joints, names, masses and signs goes from its URDF to a demo, and nothing but its files differs.

Short form: ten iterations (`--verify`). WILDROBOT_SECOND_ROBOT=long trains as its YAML says, about two minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workshop import copy_strider

from contract.paths import assets_dir

LONG = os.environ.get("WILDROBOT_SECOND_ROBOT") == "long"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def trainer(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "trainer", *words, cwd=cwd)


@pytest.mark.timeout(1800)  # five processes that compile for a while; a busy machine needs patience
def test_from_urdf_to_demo(tmp_path: Path) -> None:
    robot = copy_strider(tmp_path)
    run(sys.executable, assets_dir() / "post_process.py", "--robot", robot, cwd=tmp_path)
    config = robot.parent / "standing.yaml"
    data = yaml.safe_load(config.read_text())
    data["env"] |= {key: str(robot.parent / data["env"][key]) for key in ("model", "robot_config")}
    config.write_text(yaml.safe_dump(data))

    report = json.loads(
        trainer("validate-setup", "--config", config, "--runs", tmp_path, "--json", cwd=tmp_path).stdout
    )
    assert report["passed"], report
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert found["env"].startswith("8 joints, observation 35,")

    trainer("train", "--config", config, "--run", tmp_path / "run", *([] if LONG else ["--verify"]), cwd=tmp_path)
    bundle = tmp_path / "bundle"
    trainer("export", "--checkpoint", tmp_path / "run", "--output-dir", bundle, cwd=tmp_path)
    spec = json.loads((bundle / "policy_spec.json").read_text())
    assert spec["robot"]["robot_name"] == "strider" and spec["model"]["action_dim"] == 8

    pushes = ("--push-n", "2") if LONG else ("--push-n", "0")
    demo = ("--bundle", bundle, "--headless", "--no-pictures", "--episodes", "2", "--fast", "--seconds", "4", "--json")
    done = run(sys.executable, "-m", "robotd.ctl.entry", "demo", *demo, *pushes, cwd=tmp_path)
    shown = json.loads(done.stdout)
    assert shown["survived"] == shown["trials"] == 2, shown
