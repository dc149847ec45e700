"""post_process.py: the committed files are what it writes, always the same bytes, and it tells what changed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workshop import copy_strider, copy_wildrobot, edit

from contract.paths import assets_dir

FILES = ("wildrobot.xml", "robot_config.yaml")


@pytest.fixture
def robot(tmp_path: Path) -> Path:
    return copy_wildrobot(tmp_path)


def post_process(robot: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user calls it, on a copy of the sources and into the folder above them."""
    command = [sys.executable, "post_process.py", "--robot", str(robot), "--out", str(robot.parent.parent), *options]
    return subprocess.run(command, cwd=assets_dir(), capture_output=True, text=True, check=False, timeout=120)


def digests(robot: Path) -> list[str]:
    return [hashlib.sha256((robot.parent.parent / name).read_bytes()).hexdigest() for name in FILES]


def test_the_committed_files_are_what_it_writes() -> None:
    command = [sys.executable, "post_process.py", "--check"]
    result = subprocess.run(command, cwd=assets_dir(), capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, (
        f"run `cd assets && python post_process.py` and commit:\n{result.stdout}{result.stderr}"
    )
    assert "wildrobot.xml: up to date" in result.stdout and "robot_config.yaml: up to date" in result.stdout


def test_twice_gives_the_same_bytes_and_says_so(robot: Path) -> None:
    first = post_process(robot)
    assert first.returncode == 0, first.stderr
    assert "wildrobot.xml: written" in first.stdout
    before = digests(robot)
    second = post_process(robot, "--json")
    assert json.loads(second.stdout)["files"] == {"wildrobot.xml": "up to date", "robot_config.yaml": "up to date"}
    assert digests(robot) == before
    assert before == [hashlib.sha256((assets_dir() / name).read_bytes()).hexdigest() for name in FILES]


def test_a_change_is_reported_and_check_writes_nothing(robot: Path) -> None:
    post_process(robot)
    before = digests(robot)
    edit(robot.parent / "robot.xml", 'name="left_knee_pitch" type="hinge" range="0 1.8"',
         'name="left_knee_pitch" type="hinge" range="0 1.7"')  # fmt: skip
    edit(robot.parent / "robot.xml", 'name="right_knee_pitch" type="hinge" range="0 1.8"',
         'name="right_knee_pitch" type="hinge" range="0 1.7"')  # fmt: skip
    result = post_process(robot, "--check")
    assert result.returncode == 1 and "robot_config.yaml: would be changed" in result.stdout
    assert "-    range_max_rad: 1.8" in result.stdout and "+    range_max_rad: 1.7" in result.stdout
    assert digests(robot) == before
    assert post_process(robot).returncode == 0
    assert digests(robot) != before


def test_the_report_has_masses_and_what_became_of_the_meshes(robot: Path) -> None:
    report = json.loads(post_process(robot, "--json").stdout)
    assert report["mass_kg"]["total"] == 3.561 and report["mass_kg"]["left_foot"] == 0.414
    assert report["asymmetry"]["mass"] < 1e-9 and report["asymmetry"]["length_m"] < 1e-9
    assert any(note.startswith("thigh: capsule 30 x 52.5 mm") for note in report["notes"])


SHEET = {
    "weighings": [
        {"what": "all of it", "mass_kg": 3.60},
        {
            "what": "left leg",
            "mass_kg": 1.15,
            "links": [f"left_{x}" for x in ("hip", "thigh", "shank", "ankle", "foot")],
        },
    ]
}


@pytest.mark.parametrize(("foot_kg", "code"), [(0.42, 0), (0.5, 1)])
def test_the_scale_has_a_say(robot: Path, foot_kg: float, code: int) -> None:
    sheet = {
        **SHEET,
        "weighings": [*SHEET["weighings"], {"what": "left foot", "mass_kg": foot_kg, "links": ["left_foot"]}],
    }
    (robot.parent.parent / "measured.yaml").write_text(yaml.safe_dump(sheet))
    result = post_process(robot)
    assert result.returncode == code, result.stderr
    line = next(line for line in result.stdout.splitlines() if "left foot" in line)
    assert line.split()[0] == ("pass" if code == 0 else "FAIL") and f"{foot_kg:.3f} kg on the scale, 0.414 kg" in line
    assert ("correct its material" in line) == (code == 1)


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ("weighings: [{what: arm, mass_kg: 1, links: [left_arm]}]", ["arm", "no link 'left_arm'", "known: pelvis"]),
        ("weighings: [{what: arm, mass_kg: 0}]", ["arm", "0.0 kg"]),
        ("weighing: []", ["unknown key 'weighing'", "did you mean 'weighings'"]),
        ("[", ["measured.yaml", "not YAML", "weigh-in sheet"]),
    ],
)
def test_a_sheet_that_is_none_is_refused(robot: Path, sheet: str, words: list[str]) -> None:
    file = robot.parent.parent / "measured.yaml"
    file.write_text(sheet)
    result = post_process(robot, "--measured", str(file))
    assert result.returncode == 2 and "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_another_robot_is_another_yaml(tmp_path: Path) -> None:
    robot = copy_strider(tmp_path)
    report = json.loads(post_process(robot, "--json").stdout)
    assert report["files"] == {"strider.xml": "new", "robot_config.yaml": "new"}
    assert report["mass_kg"]["total"] == 1.42


def test_another_robot_is_written_beside_its_yaml(tmp_path: Path) -> None:
    robot = copy_strider(tmp_path)
    command = [sys.executable, assets_dir() / "post_process.py", "--robot", robot, "--measured", tmp_path / "none.yaml"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert refused.returncode == 2 and "none.yaml: No such file" in refused.stderr
    assert not (robot.parent / "strider.xml").exists()
    done = subprocess.run(command[:-2], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0 and "strider.xml: written" in done.stdout
    assert (robot.parent / "strider.xml").is_file() and (robot.parent / "robot_config.yaml").is_file()


# what onshape-to-robot 1.x reads from config.json for an export to MuJoCo
TOOL_KEYS = {
    "url", "document_id", "version_id", "workspace_id", "element_id", "assembly_name", "robot_name", "output_format",
    "output_filename", "assets_directory", "configuration", "include_configuration_suffix", "ignore", "ignore_limits",
    "draw_frames", "no_dynamics", "color", "joint_properties", "geom_properties", "equalities", "additional_xml",
    "round_decimals", "merge_stls", "simplify_stls", "max_stl_size", "processors", "post_import_commands",
}  # fmt: skip


def test_the_tools_config_exports_what_the_yaml_names() -> None:
    folder = assets_dir() / "onshape"
    config = json.loads((folder / "config.json").read_text())
    facts = yaml.safe_load((folder / "wildrobot.yaml").read_text())
    assert set(config) <= TOOL_KEYS
    assert config["output_format"] == "mujoco" and config["output_filename"] + ".xml" == facts["export"]
    assert config["robot_name"] == facts["robot_name"]
    assert f'meshdir="{config["assets_directory"]}"' in (folder / facts["export"]).read_text()
