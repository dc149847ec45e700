"""Files written whole: what a crash leaves, which rights they get, and that nobody's link leads them elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from robotd.calibration import calibration_path
from robotd.ctl.service import install
from robotd.limp_plan import LimpPlan, leave_plan
from robotd.whole_file import write_whole

BIN = Path("/usr/local/bin")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_text_and_bytes_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_whole(path, "Grüße\n")
    assert path.read_text(encoding="utf-8") == "Grüße\n"
    write_whole(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert os.listdir(path.parent) == ["file"]


def test_a_new_file_has_the_usual_mode_an_old_one_keeps_its_own_and_a_chosen_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "a")
    assert mode(path) == 0o644
    path.chmod(0o600)
    write_whole(path, "b")
    assert (mode(path), path.read_text()) == (0o600, "b")
    os.umask(0o077)
    write_whole(path, "c", 0o644)
    assert mode(path) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_anew_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a")
    os.chown(path, 1234, 1300)
    write_whole(path, "b")
    assert (path.stat().st_uid, path.stat().st_gid, path.read_text()) == (1234, 1300, "b")


def test_a_link_of_that_name_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_text("secret\n")
    victim.chmod(0o600)
    path.symlink_to(victim)
    write_whole(path, "mine\n")
    assert (victim.read_text(), mode(victim)) == ("secret\n", 0o600)
    assert not path.is_symlink() and path.read_text() == "mine\n" and mode(path) == 0o644


@pytest.mark.parametrize("crash", ["open", "fchmod", "fsync", "replace"])
def test_a_crash_leaves_the_old_file_alone(crash: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise OSError("crash")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="crash"):
        patch.setattr(os, crash, fail)
        write_whole(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


WRITERS: dict[str, Callable[[Path], object]] = {
    "run/robotd/limp.json": lambda _: leave_plan(LimpPlan(115_200, {"left": ("/dev/ttyUSB0", (1, 2))})),
    "var/lib/robotd/calibration.yaml": lambda _: write_whole(calibration_path(), "a: 1\n"),
    "etc/robotd/robotd.yaml": lambda home: install(home, BIN),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("draft", [".{name}.part", ".{name}.draft", "{stem}.draft", "{name}.part"])
def test_no_link_that_lies_in_wait_beside_a_file_of_ours_is_followed(
    name: str, draft: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path))
    victim, path = tmp_path / "victim", tmp_path / name
    victim.write_text("secret\n")
    victim.chmod(0o600)
    path.parent.mkdir(parents=True)
    (path.parent / draft.format(name=path.name, stem=path.stem)).symlink_to(victim)
    WRITERS[name](tmp_path)
    assert (victim.read_text(), mode(victim)) == ("secret\n", 0o600)
    assert path.is_file() and not path.is_symlink()
