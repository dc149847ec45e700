"""robotctl service: what it writes, that it can be done twice and undone, and what systemd thinks of the unit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench_rig import Robotctl

from robotd.ctl.service import FILES, units_folder

BIN = Path(sys.executable).parent
UNIT = FILES["robotd.service"]


def tree(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_install_twice_is_install_once_and_uninstall_takes_all_of_ours_away(robotctl: Robotctl, tmp_path: Path) -> None:
    said = robotctl("service", "install", "--root", tmp_path)
    assert said.code == 0 and said.out.count("written") == 5
    first = tree(tmp_path)
    assert set(first) == {*FILES.values(), "etc/robotd/robotd.yaml"}
    assert f"ExecStopPost={BIN}/robotctl limp" in first[UNIT] and "@BIN@" not in "".join(first.values())
    again = robotctl("service", "install", "--root", tmp_path)
    assert again.code == 0 and again.out.count("unchanged") == 4 and "kept" in again.out
    assert tree(tmp_path) == first
    gone = robotctl("service", "uninstall", "--root", tmp_path)
    assert gone.code == 0 and gone.out.count("removed") == 4
    assert set(tree(tmp_path)) == {"etc/robotd/robotd.yaml"}
    assert robotctl("service", "uninstall", "--root", tmp_path).out.count("absent") == 4


def test_what_a_person_has_edited_is_neither_replaced_nor_removed(robotctl: Robotctl, tmp_path: Path) -> None:
    robotctl("service", "install", "--root", tmp_path)
    with (tmp_path / UNIT).open("a") as file:
        file.write("# mine\n")
    (tmp_path / "etc/robotd/robotd.yaml").write_text("motion: {homing_s: 3.0}\n")
    before = tree(tmp_path)
    for verb in ("install", "uninstall"):
        said = robotctl("service", verb, "--root", tmp_path)
        assert said.code == 2 and "edited by hand" in said.sentence and str(tmp_path / UNIT) in said.sentence
        assert tree(tmp_path) == before
    assert robotctl("service", "install", "--root", tmp_path, "--force").code == 0
    after = tree(tmp_path)
    assert "# mine" not in after[UNIT] and after["etc/robotd/robotd.yaml"] == "motion: {homing_s: 3.0}\n"


def test_a_file_of_an_older_version_is_replaced(robotctl: Robotctl, tmp_path: Path) -> None:
    older = tmp_path / "older"
    for name in ("robotd", "robotctl"):
        (older / name).parent.mkdir(exist_ok=True)
        (older / name).touch(0o755)
    robotctl("service", "install", "--root", tmp_path / "root", "--bin", older)
    said = robotctl("service", "install", "--root", tmp_path / "root")
    assert said.code == 0 and "replaced" in said.out
    assert str(older) not in (tmp_path / "root" / UNIT).read_text()


def test_a_folder_without_the_commands_is_refused(robotctl: Robotctl, tmp_path: Path) -> None:
    said = robotctl("service", "install", "--root", tmp_path, "--bin", tmp_path)
    assert said.code == 2 and "has no robotd and no robotctl" in said.sentence
    assert tree(tmp_path) == {}


def test_a_root_that_cannot_be_written_is_one_sentence(robotctl: Robotctl, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = robotctl("service", "install", "--root", tmp_path / "file")
    assert said.code == 2 and str(tmp_path / "file") in said.sentence


def test_the_default_config_is_taken_by_robotd(robotctl: Robotctl, tmp_path: Path) -> None:
    from robotd.config import RobotdConfig, load_config

    robotctl("service", "install", "--root", tmp_path)
    assert load_config(tmp_path / "etc/robotd/robotd.yaml") == RobotdConfig()


def test_install_compiles_what_limp_imports() -> None:
    from robotd.ctl.service import _code

    assert [Path(folder).name for folder in _code()] == ["contract", "firmware_bridge", "robotd", "serial"]


def test_the_folder_is_carried_by_the_wheel() -> None:
    import tomllib

    project = tomllib.loads((units_folder().parent / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]["systemd"] == "robotd/_systemd"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_and_the_exposure_is_low(
    robotctl: Robotctl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    robotctl("service", "install", "--root", tmp_path)
    unit = str(tmp_path / UNIT)
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and verified.stderr == "", verified.stderr
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=40", unit]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    overall = [line for line in judged.stdout.splitlines() if "Overall exposure" in line]
    assert overall and judged.returncode == 0, judged.stdout + judged.stderr
    with capsys.disabled():
        print(f"\n{overall[0].strip()} (wanted: at most 4.0)")
