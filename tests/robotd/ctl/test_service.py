"""robotctl service: what it writes, that it can be done twice and undone, and what systemd thinks of the unit."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("folder", ["etc/udev", "etc/systemd/system", "etc/robotd"])
@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_a_link_in_an_image_that_leads_out_of_it_is_not_followed(
    verb: str, folder: str, robotctl: Robotctl, tmp_path: Path
) -> None:
    image, outside = tmp_path / "image", tmp_path / "outside"
    robotctl("service", "install", "--root", outside)
    before = tree(outside)
    (image / folder).parent.mkdir(parents=True)
    (image / folder).symlink_to(outside / folder)
    said = robotctl("service", verb, "--root", image)
    assert said.code == 2 and f"leads to {outside / folder}" in said.sentence and "inside" in said.sentence
    assert tree(outside) == before and [path for path in image.rglob("*") if path.is_file()] == []


def test_a_link_inside_an_image_is_followed(robotctl: Robotctl, tmp_path: Path) -> None:
    (tmp_path / "usr" / "etc").mkdir(parents=True)
    (tmp_path / "etc").symlink_to("usr/etc")
    assert robotctl("service", "install", "--root", tmp_path).code == 0
    assert (tmp_path / "usr" / UNIT).is_file()


def test_a_link_in_place_of_a_file_is_a_persons_own(robotctl: Robotctl, tmp_path: Path) -> None:
    victim, unit, config = tmp_path / "victim", tmp_path / "root" / UNIT, tmp_path / "root" / "etc/robotd/robotd.yaml"
    victim.write_text("secret\n")
    for path in (unit, config):
        path.parent.mkdir(parents=True)
        path.symlink_to(victim)
    said = robotctl("service", "install", "--root", tmp_path / "root")
    assert said.code == 2 and f"{unit} was edited by hand" in said.sentence
    assert robotctl("service", "install", "--root", tmp_path / "root", "--force").code == 0
    assert not unit.is_symlink() and config.is_symlink() and victim.read_text() == "secret\n"


@pytest.mark.parametrize("name", ["my bin", "50%h", "a$b", 'a"b', "a\\b", "a\nb"])
@pytest.mark.parametrize("verb", [("show",), ("install", "--root", "ROOT")])
def test_a_folder_that_a_unit_cannot_hold_is_refused(
    verb: tuple[str, ...], name: str, robotctl: Robotctl, tmp_path: Path
) -> None:
    odd = tmp_path / name
    odd.mkdir()
    for command in ("robotd", "robotctl"):
        (odd / command).touch(0o755)
    words = [tmp_path / "root" if word == "ROOT" else word for word in verb]
    said = robotctl("service", *words, "--bin", odd)
    assert said.code == 2 and "expected a path that fits a unit" in said.sentence
    assert not (tmp_path / "root").exists()


def test_the_headers_uart_is_for_the_group_too() -> None:
    rules = (units_folder() / "99-wildrobot.rules").read_text()
    unit = (units_folder() / "robotd.service").read_text()
    for port in ("ttyUSB", "ttyACM", "ttyAMA", "ttyS"):
        group = [line for line in rules.splitlines() if port in line and 'GROUP="robot", MODE="0660"' in line]
        assert group and f"DeviceAllow=char-{port} rw" in unit, port


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("systemd-tmpfiles") is None, reason="needs root and systemd-tmpfiles"
)
@pytest.mark.parametrize("before", ["nothing", "a bundle", "what an older version left"])
def test_state_is_robots_bundles_are_roots_and_the_lock_is_the_groups(before: str, tmp_path: Path) -> None:
    state, run, ids = tmp_path / "var/lib/robotd", tmp_path / "run/robotd", (1234, 1300)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nrobot:x:1234:1300::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nrobot:x:1300:\n")
    if before != "nothing":
        (state / "bundles/walking").mkdir(parents=True)  # by root, before the first start
    if before == "what an older version left":
        run.mkdir(parents=True)
        (run / "lock").touch(0o644)
        for path in (run, run / "lock", state):
            os.chown(path, *ids)
    command = ["systemd-tmpfiles", "--create", f"--root={tmp_path}", units_folder() / "wildrobot.tmpfiles"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rights = {
        path: (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777)
        for path in (run, run / "lock", state, state / "bundles")
    }
    assert rights == {
        run: (*ids, 0o750),
        run / "lock": (*ids, 0o660),
        state: (*ids, 0o755),
        state / "bundles": (0, 0, 0o755),
    }
    if before != "nothing":
        assert (state / "bundles/walking").stat().st_uid == 0


def test_the_unit_lets_only_the_group_into_the_run_folder() -> None:
    assert "RuntimeDirectoryMode=0750" in (units_folder() / "robotd.service").read_text().splitlines()


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
