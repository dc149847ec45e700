"""Where robotd's things are: one rule, the same for every user of a robot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from robotd import lock, places
from robotd.bundle_store import bundles_folder
from robotd.calibration import calibration_path
from robotd.lock import lock_path
from robotd.places import blackbox_path, config_path, may_write, own_config, run_folder, socket_path, state_folder


@pytest.fixture
def member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who is not root, on a machine that is no robot; where its robotd.yaml would be."""
    monkeypatch.delenv("WILDROBOT_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(lock, "SYSTEM_LOCK", tmp_path / "lock")
    monkeypatch.setattr(places, "SYSTEM_SOCKET", tmp_path / "robotd.sock")
    monkeypatch.setattr(places, "SYSTEM_CONFIG", tmp_path / "robotd.yaml")
    return tmp_path / "robotd.yaml"


def test_on_a_robot_every_user_sees_the_files_of_its_service(member: Path) -> None:
    member.touch()
    assert config_path() == Path("/etc/robotd/robotd.yaml")
    assert blackbox_path() == Path("/var/lib/robotd/blackbox.bin")
    assert calibration_path() == Path("/var/lib/robotd/calibration.yaml")
    assert bundles_folder() == Path("/var/lib/robotd/bundles")
    assert lock_path() == Path("/run/robotd/lock")
    assert socket_path().parent == run_folder() == Path("/run/robotd")


def test_on_another_machine_a_user_has_a_tree_of_his_own(member: Path, tmp_path: Path) -> None:
    assert state_folder() == tmp_path / "state" / "wildrobot" / "var" / "lib" / "robotd"
    assert own_config(None) is None
    assert own_config(Path("mine.yaml")) == Path("mine.yaml")


def test_a_chosen_tree_counts_on_a_robot_too(member: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    member.touch()
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path / "home"))
    assert run_folder() == tmp_path / "home" / "run" / "robotd"
    assert own_config(None) is None
    config_path().parent.mkdir(parents=True)
    config_path().touch()
    assert own_config(None) == config_path() == tmp_path / "home" / "etc" / "robotd" / "robotd.yaml"


def test_whether_a_file_can_be_put_somewhere_is_known_before_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert may_write(tmp_path / "folder" / "file")
    asked: list[object] = []
    monkeypatch.setattr(os, "access", lambda path, mode: asked.append(path) or False)
    assert not may_write(tmp_path / "folder" / "file")
    assert asked == [tmp_path]
