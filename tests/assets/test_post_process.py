"""post_process.py: the committed config is what it writes, always the same bytes, and it names what breaks a rule."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract.paths import assets_dir

INPUTS = ("wildrobot.xml", "post_process.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what the script needs, with no config yet."""
    for name in INPUTS:
        shutil.copy(assets_dir() / name, tmp_path / name)
    return tmp_path


def post_process(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "post_process.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "wildrobot.xml"
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in wildrobot.xml any more: correct this test"
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_committed_config_is_what_it_writes(folder: Path) -> None:
    result = post_process(folder)
    assert result.returncode == 0, result.stderr
    assert "written" in result.stdout
    assert (folder / "robot_config.yaml").read_bytes() == (assets_dir() / "robot_config.yaml").read_bytes(), (
        "robot_config.yaml is stale: run `cd assets && python post_process.py` and commit"
    )


def test_a_second_run_changes_nothing_and_says_so(folder: Path) -> None:
    post_process(folder)
    first = folder / "robot_config.yaml"
    before, stamp = first.read_bytes(), first.stat().st_mtime_ns
    result = post_process(folder)
    assert (result.returncode, first.read_bytes(), first.stat().st_mtime_ns) == (0, before, stamp)
    assert "already up to date" in result.stdout


def test_a_change_is_reported(folder: Path) -> None:
    post_process(folder)
    edit(folder, 'range="0 1.8"', 'range="0 1.7"')
    result = post_process(folder)
    assert "-    range_max_rad: 1.8" in result.stdout and "+    range_max_rad: 1.7" in result.stdout
    assert "1.7" in (folder / "robot_config.yaml").read_text(encoding="utf-8")


LEFT_KNEE = '<position name="left_knee_pitch" class="wildrobot" joint="left_knee_pitch"/>'
LEFT_ANKLE = '<position name="left_ankle_pitch" class="wildrobot" joint="left_ankle_pitch"/>'

# Each drives the right joint, but the names are exchanged.
MISNAMED = LEFT_KNEE.replace('name="left_knee', 'name="left_ankle') + LEFT_ANKLE.replace(
    'name="left_ankle', 'name="left_knee'
)
NOT_FREE = (
    '<joint type="slide"/><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/><joint type="ball"/>'
)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (f"{LEFT_KNEE}\n    {LEFT_ANKLE}", MISNAMED, ["actuator", "named as its joint"]),
        (f"{LEFT_KNEE}\n    {LEFT_ANKLE}", f"{LEFT_ANKLE}\n    {LEFT_KNEE}", ["actuator", "joint order"]),
        ('name="waist_yaw" axis="0 0 1" range="-.524 .524"', 'name="waist_yaw" axis="0 0 1"', ["waist_yaw", "range"]),
        ('forcerange="-4 4"', 'forcerange="-4 3"', ["left_hip_pitch", "forcerange", "symmetric"]),
        ('inheritrange="1"', 'ctrlrange="-1 1"', ["left_hip_pitch", "ctrlrange"]),
        ('"right_hip_pitch" axis="0 -1 0"', '"right_hip_pitch" axis="0 -1 1"', ["right_hip_pitch", "axis", "mirror"]),
        (
            '"right_hip_pitch" axis="0 -1 0" range="-.7 1.571"',
            '"right_hip_pitch" axis="0 -1 0" range="-.7 1"',
            ["mirror"],
        ),
        ('<touch name="left_heel" site="left_heel"/>', "", ["left_heel", "touch"]),
        ('<site name="right_toe"', '<site name="right_tow"', ["right_toe"]),
        ('key name="crouch"', 'key name="squat"', ["key crouch", "missing"]),
        ('ctrl=".38 0', 'ctrl=".39 0', ["key home", "ctrl"]),
        ('<freejoint name="pelvis"/>', NOT_FREE, ["freejoint", "rule"]),
        ('<freejoint name="pelvis"/>', "", ["wildrobot.xml", "keyframe 'home'"]),
        ("</mujoco>", "", ["wildrobot.xml"]),
    ],
)
def test_a_broken_rule_is_named_and_nothing_is_written(folder: Path, old: str, new: str, names: list[str]) -> None:
    edit(folder, old, new)
    result = post_process(folder)
    assert result.returncode == 2, result.stdout
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    for name in names:
        assert name in result.stderr
    assert not (folder / "robot_config.yaml").exists()
