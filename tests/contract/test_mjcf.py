"""Includes are followed inside the folder of the MJCF, and nowhere else."""

from pathlib import Path

import pytest

from contract import ContractError
from contract.mjcf import actuated_joint_names, read_mjcf

INNER = "<mujoco><actuator><position joint='b'/></actuator></mujoco>"


def outer(folder: Path, include: str) -> Path:
    file = folder / "robot.xml"
    file.write_text(f"<mujoco><actuator><motor joint='a'/></actuator><include file='{include}'/></mujoco>")
    return file


def test_an_include_inside_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.xml").write_text(INNER)
    assert actuated_joint_names(outer(tmp_path, "more/b.xml")) == ("a", "b")


@pytest.mark.parametrize("absolute", [False, True])
def test_an_include_that_leads_out_is_refused(tmp_path: Path, absolute: bool) -> None:
    (tmp_path / "b.xml").write_text(INNER)
    (tmp_path / "bundle").mkdir()
    include = str(tmp_path / "b.xml") if absolute else "../b.xml"
    with pytest.raises(ContractError, match=r"leads out of the folder, expected a file inside it"):
        actuated_joint_names(outer(tmp_path / "bundle", include))


@pytest.mark.parametrize(
    "element",
    [
        "<asset><mesh file='../secret.stl'/></asset>",
        "<asset><texture fileright='/etc/passwd'/></asset>",
        "<asset><hfield file='a/../../b.png'/></asset>",
        "<compiler meshdir='/home'/>",
        "<compiler assetdir='..'/>",
        "<compiler texturedir='a\\..\\..'/>",
        "<include file='..\\b.xml'/>",
        "<include file='&#46;&#x2e;/b.xml'/>",
    ],
)
def test_a_file_that_leads_out_is_refused_whatever_reads_it(tmp_path: Path, element: str) -> None:
    file = tmp_path / "robot.xml"
    file.write_text(f"<mujoco>{element}</mujoco>")
    with pytest.raises(ContractError, match=r"leads out of the folder, expected a file inside it"):
        read_mjcf(file)


@pytest.mark.parametrize(
    "text, words",
    [
        ("<!DOCTYPE mujoco [<!ENTITY x '<mujoco/>'>]><mujoco/>", "has a DOCTYPE"),
        ("<mujoco><include xmlns='any' file='b.xml'/></mujoco>", "found xmlns"),
        ("<mujoco><asset><model name='o' file='b.xml'/></asset></mujoco>", "found <model>"),
        ("<mujoco><extension><plugin plugin='p'/></extension></mujoco>", "found <plugin>"),
        ("<robot name='r'><link name='l'/></robot>", "begins with <robot>, expected <mujoco>"),
        ("<mujoco><include file='.'/></mujoco>", "Is a directory"),
    ],
)
def test_what_mujoco_would_read_otherwise_or_from_elsewhere_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "robot.xml"
    file.write_text(text)
    with pytest.raises(ContractError, match=words):
        actuated_joint_names(file)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp037"])
def test_another_encoding_than_utf8_is_refused(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "robot.xml"
    file.write_bytes("<!DOCTYPE mujoco [<!ENTITY x 'y'>]><mujoco/>".encode(encoding))
    with pytest.raises(ContractError, match="not XML"):
        read_mjcf(file)


def test_meshes_and_textures_inside_the_folder_are_no_matter(tmp_path: Path) -> None:
    file = tmp_path / "robot.xml"
    assets = "<mesh file='a.stl'/><texture fileup='sky/up.png'/><mesh name='m' vertex='0 0 0 1 0 0 0 1 0 0 0 1'/>"
    file.write_text(f"<mujoco><compiler meshdir='meshes'/><asset>{assets}</asset></mujoco>")
    assert len(read_mjcf(file).findall("asset/*")) == 3


def test_mujoco_sees_what_the_checks_see(tmp_path: Path) -> None:
    """The two readers of XML differ in what a DOCTYPE and a namespace hide; both are refused before MuJoCo reads."""
    mujoco = pytest.importorskip("mujoco")
    (tmp_path / "b.xml").write_text("<mujoco><worldbody><body name='elsewhere'/></worldbody></mujoco>")
    (tmp_path / "bundle").mkdir()
    hidden = "<mujoco><include file='../b.xml'/></mujoco>"
    tricks = (
        f"<!DOCTYPE mujoco [<!ENTITY x '>{hidden}<!-- '>]><mujoco/><!-- -->",
        hidden.replace("<include", "<include xmlns='any'"),
        hidden.replace("../", "..\\"),
    )
    for trick in tricks:
        file = tmp_path / "bundle" / "robot.xml"
        file.write_text(trick)
        assert mujoco.MjModel.from_xml_path(str(file)).body("elsewhere").id == 1
        with pytest.raises(ContractError):
            read_mjcf(file)
