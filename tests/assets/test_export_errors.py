"""What is wrong with an export or a robot's YAML is said in one sentence that names the element and the rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from workshop import copy_strider, copy_wildrobot, edit

from contract.errors import ContractError
from contract.paths import assets_dir


class Break(NamedTuple):
    """An edit of a file, and words that the sentence must hold."""

    file: str
    old: str
    new: str
    words: tuple[str, ...]


KNEE = 'axis="0 0 1" name="left_knee_pitch" type="hinge" range="0 1.8"'
XML, YAML = "robot.xml", "wildrobot.yaml"
EXPORT_BREAKS = {
    "cut off": Break(XML, "</mujoco>", "", ("robot.xml", "not XML")),
    "degrees": Break(XML, 'angle="radian"', 'angle="degree"', ("compiler", "'degree'", "radian")),
    "a joint renamed": Break(
        XML, 'name="left_knee_pitch" type', 'name="left_knee" type', ("joint left_knee_pitch", "missing")
    ),
    "a joint too many": Break(YAML, "  waist_yaw: {axis: [0, 0, 1]}\n", "", ("joint waist_yaw", "not among")),
    "a slider": Break(XML, KNEE, KNEE.replace("hinge", "slide"), ("left_knee_pitch", "'slide'", "hinge")),
    "no joint": Break(XML, f"<joint {KNEE}/>", "", ("body left_shank", "no joint", "one hinge")),
    "no range": Break(XML, KNEE, KNEE.replace(' range="0 1.8"', ""), ("left_knee_pitch", "no range")),
    "range upside down": Break(XML, KNEE, KNEE.replace("0 1.8", "1.8 0"), ("left_knee_pitch", "low < high")),
    "ranges differ": Break(
        XML, KNEE, KNEE.replace("0 1.8", "0 1.5"), ("right_knee_pitch", "left_knee_pitch", "mirror")
    ),
    "a crooked mate": Break(
        XML, KNEE, KNEE.replace("0 0 1", "0.1 0 1"), ("left_knee_pitch", "turns about", "+-[0.0, 1.0")
    ),
    "no number": Break(XML, KNEE, KNEE.replace("0 1.8", "0 x"), ("left_knee_pitch", "range", "2 finite numbers")),
    "no mass": Break(XML, 'mass="0.381"', 'mass="0.0"', ("body left_shank", "mass is 0", "more than 0")),
    "heavier on one side": Break(XML, 'mass="0.381"', 'mass="0.42"', ("body right_shank", "0.381 kg", "0.42 kg", "1%")),
    "no inertial": Break(XML, "<inertial ", "<inertia ", ("body pelvis", "no inertial")),
    "a frame lost": Break(XML, '<site group="0" name="imu"', '<site group="0" name="chip"', ("frame imu", "no body")),
    "a switch lost": Break(
        XML, 'name="right_heel"', 'name="right_hell"', ("frame right_heel", "foot switch right_heel")
    ),
    "a mesh lost": Break(XML, '<mesh file="torso.stl"/>', "", ("mesh torso", "not in <asset>")),
    "a mesh still collides": Break(
        YAML, "  head: {fit: ellipsoid}\n", "", ("body chassis", "mesh head", "still collides")
    ),
    "a part unknown": Break(YAML, "  head: {fit", "  skull: {fit: box}\n  head: {fit", ("part skull", "no mesh")),
    "a poor fit": Break(
        YAML, "shin_guard: {fit: box", "shin_guard: {fit: sphere", ("part shin_guard", "4.7 times the mesh's volume")
    ),
    "too round": Break(YAML, "eye: {fit: sphere", "eye: {fit: capsule", ("mesh eye", "too round")),
    "no pad": Break(
        YAML, "toe: {fit: capsule, touches: sole}", "toe: {fit: capsule}", ("geom left_toe", "pad that touches")
    ),
    "another base": Break(YAML, "base: pelvis", "base: chassis", ("body pelvis", "the rule is chassis")),
    "another order": Break(
        YAML,
        "  left_hip_roll: {axis: [1, 0, 0]}\n  left_knee_pitch: {axis: [0, 1, 0]}\n",
        "  left_knee_pitch: {axis: [0, 1, 0]}\n  left_hip_roll: {axis: [1, 0, 0]}\n",
        ("joint left_hip_roll", "number 2", "left_knee_pitch"),
    ),
    "a pose out of range": Break(
        YAML, "knee_pitch: 0.8,", "knee_pitch: 1.9,", ("pose home", "left_knee_pitch", "range 0 to 1.8")
    ),
    "a pose on its heels": Break(YAML, "ankle_pitch: 0.42", "ankle_pitch: 0.6", ("pose home", "mm above the floor")),
    "a pose of nobody": Break(YAML, "crouch: {hip_pitch", "crouch: {elbow: 1, hip_pitch", ("pose crouch", "elbow")),
    "not square": Break(YAML, "base: pelvis\n", "base: pelvis\nforward: [0, 0, 1]\n", ("forward", "right angle")),
    "added to nothing": Break(YAML, "link: left_foot", "link: left_boot", ("added flank", "no body left_boot")),
    "a key unknown": Break(YAML, "base: pelvis", "bass: pelvis", ("unknown key 'bass'", "did you mean 'base'")),
    "a fit unknown": Break(
        YAML, "head: {fit: ellipsoid", "head: {fit: elipsoid", ("parts.head.fit", "did you mean 'ellipsoid'")
    ),
    "two axes": Break(
        YAML, "waist_yaw: {axis: [0, 0, 1]}", "waist_yaw: {axis: [0, 1]}", ("joints.waist_yaw.axis", "expected 3")
    ),
    "no option of MuJoCo": Break(YAML, "solver: Newton", "solver: Euler", ("wildrobot.xml", "MuJoCo cannot load")),
    "no such export": Break(YAML, "export: robot.xml", "export: robots.xml", ("robots.xml", "no such file")),
}


def refusal(robot: Path) -> str:
    """The sentence that `produce` refuses with."""
    from cad.export import RuleError
    from post_process import produce

    with pytest.raises((RuleError, ContractError)) as caught:
        produce(robot)
    return str(caught.value)


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each broken export is refused with."""
    said = {}
    for name, broken in EXPORT_BREAKS.items():
        robot = copy_wildrobot(tmp_path_factory.mktemp("broken"))
        edit(robot.parent / broken.file, broken.old, broken.new)
        said[name] = refusal(robot)
    return said


@pytest.mark.parametrize("name", EXPORT_BREAKS)
def test_a_broken_rule_is_named(sentences: dict[str, str], name: str) -> None:
    assert len(sentences[name].splitlines()) == 1
    for word in EXPORT_BREAKS[name].words:
        assert word in sentences[name]


def test_no_two_mistakes_get_the_same_sentence(sentences: dict[str, str]) -> None:
    assert len(set(sentences.values())) == len(EXPORT_BREAKS) > 15


def _inertia(robot: Path, link: str, new: str) -> None:
    """Another inertia for a link of the export."""
    file = robot.parent / XML
    text = file.read_text(encoding="utf-8")
    start = text.index('fullinertia="', text.index(f'<body name="{link}"'))
    end = text.index('"', start + len('fullinertia="'))
    file.write_text(f'{text[:start]}fullinertia="{new}{text[end:]}', encoding="utf-8")


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("0 0 0 0 0 0", ("body left_shank", "principal value 0", "more than 0")),
        ("0.001 0.001 0.003 0 0 0", ("body left_shank", "0.001 + 0.001 < 0.003")),
        ("0.001 0.001 0.0005 0 0 0", ("body right_shank", "inertia differs", "mirror image of left_shank")),
    ],
)
def test_an_inertia_that_is_none_is_named(tmp_path: Path, new: str, words: tuple[str, ...]) -> None:
    robot = copy_wildrobot(tmp_path)
    _inertia(robot, "left_shank", new)
    said = refusal(robot)
    for word in words:
        assert word in said, said


def test_a_part_that_is_not_where_its_twin_is_is_named(tmp_path: Path) -> None:
    robot = copy_wildrobot(tmp_path)
    text = (robot.parent / XML).read_text(encoding="utf-8")
    start = text.index('<body name="left_hip" pos="')
    edit(robot.parent / XML, text[start : start + 45], text[start : start + 45].replace("0.0536", "0.0566"))
    said = refusal(robot)
    assert "body right_hip" in said and "3.0 mm from the mirror image of left_hip" in said


@pytest.mark.parametrize("content", [b"", b"solid x\n", b"solid x\nvertex 1 2\n", b"\0" * 84, b"\0" * 90])
def test_a_mesh_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    robot = copy_wildrobot(tmp_path)
    (robot.parent / "assets" / "torso.stl").write_bytes(content)
    said = refusal(robot)
    assert "mesh torso.stl" in said and "not an STL" in said


def test_a_mesh_that_is_not_there_is_named(tmp_path: Path) -> None:
    robot = copy_wildrobot(tmp_path)
    (robot.parent / "assets" / "torso.stl").unlink()
    assert "mesh torso.stl: No such file" in refusal(robot)


URDF_BREAKS = {
    "cut off": Break("strider.urdf", "</robot>", "", ("not XML",)),
    "a slider": Break(
        "strider.urdf",
        'name="l_knee" type="revolute"',
        'name="l_knee" type="prismatic"',
        ("joint l_knee", "'prismatic'", "revolute"),
    ),
    "endless": Break(
        "strider.urdf", 'name="l_knee" type="revolute"', 'name="l_knee" type="continuous"', ("l_knee", "no range")
    ),
    "no such link": Break(
        "strider.urdf", '<parent link="l_thigh"/>', '<parent link="l_thai"/>', ("joint l_knee", "'l_thai'")
    ),
    "two bases": Break(
        "strider.urdf",
        '<link name="imu_mount"/>',
        '<link name="imu_mount"/><link name="loose"/>',
        ("'loose'", "one base"),
    ),
    "no inertial": Break("strider.urdf", '<mass value="0.7"/>', "", ("link trunk", "no inertial")),
    "a shape of its own": Break("strider.urdf", "<cylinder radius", "<cone radius", ("link l_thigh", "'cone'")),
    "a shape that collides": Break(
        "strider.yaml", "shapes_touch: limb\n", "", ("body l_thigh", "cylinder collides", "shapes_touch")
    ),
    "a servo unknown": Break(
        "strider.yaml", "servo: strong", "servo: string", ("l_knee.servo", "did you mean 'strong'")
    ),
    "no home": Break("strider.yaml", "  home:", "  hom:", ("poses.home", "missing")),
}


@pytest.mark.parametrize("name", URDF_BREAKS)
def test_a_broken_urdf_is_named(tmp_path: Path, name: str) -> None:
    robot, broken = copy_strider(tmp_path), URDF_BREAKS[name]
    edit(robot.parent / broken.file, broken.old, broken.new)
    said = refusal(robot)
    for word in broken.words:
        assert word in said, said


def test_the_command_refuses_with_one_line_and_writes_nothing(tmp_path: Path) -> None:
    robot = copy_wildrobot(tmp_path)
    edit(robot.parent / XML, 'mass="0.381"', 'mass="-1"')
    command = [sys.executable, "post_process.py", "--robot", str(robot), "--out", str(tmp_path / "out")]
    result = subprocess.run(command, cwd=assets_dir(), capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 2
    assert result.stderr.startswith("post_process: body left_shank: mass is -1.0 kg")
    assert len(result.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()
