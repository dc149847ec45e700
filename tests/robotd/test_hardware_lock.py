"""The hardware lock: where it is, that one holds it alone, and that it goes with its holder."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from robotd import lock
from robotd.lock import HardwareLock, HardwareLockError, holder_of, lock_path
from robotd.places import run_folder, socket_path, tree_root

HOLD = """
import time
from robotd.lock import HardwareLock
held = HardwareLock('robotd')
print('held', flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def no_system_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine, and whoever runs the tests."""
    monkeypatch.setattr(lock, "SYSTEM_LOCK", tmp_path / "system" / "lock")
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path / "home"))


def test_the_tree_is_chosen_by_the_environment_then_by_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tree_root() == tmp_path / "home"
    monkeypatch.delenv("WILDROBOT_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert tree_root() == Path("/")
    assert lock_path() == Path("/run/robotd/lock")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert lock_path() == tmp_path / "state" / "wildrobot" / "run" / "robotd" / "lock"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert tree_root() == tmp_path / "me" / ".local" / "state" / "wildrobot"


def test_the_lock_of_the_systems_robotd_counts_for_a_user_unless_he_has_a_home_of_his_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "system" / "lock"
    system.parent.mkdir()
    system.touch()
    assert lock_path() == tmp_path / "home" / "run" / "robotd" / "lock"
    monkeypatch.delenv("WILDROBOT_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert lock_path() == system


def test_one_holds_it_alone_and_is_named_to_the_next() -> None:
    with (
        HardwareLock("robotctl bus scan") as held,
        pytest.raises(HardwareLockError, match=rf"^robotctl bus scan \(pid {os.getpid()}\) holds the hardware"),
    ):
        HardwareLock("robotd")
    with HardwareLock("robotd", held.path):
        assert held.path.read_text() == f"robotd (pid {os.getpid()})\n"
    assert held.path.read_text() == ""


def test_a_refused_one_leaves_the_name_of_the_holder() -> None:
    with HardwareLock("robotd") as held:
        for _ in range(2):
            with pytest.raises(HardwareLockError, match=r"^robotd \(pid"):
                HardwareLock("robotctl bus scan")
        assert held.path.read_text().startswith("robotd ")


def test_it_is_held_against_other_processes_and_goes_when_they_are_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(HardwareLockError, match=rf"robotd \(pid {holder.pid}\)"):
            HardwareLock("robotctl bus scan")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        HardwareLock("robotctl bus scan").close()


def test_a_file_that_may_only_be_read_is_locked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real_open = tmp_path / "lock", os.open
    path.write_text("robotd (pid 7)\n")

    def foreign(file: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return real_open(file, flags, mode)

    monkeypatch.setattr(os, "open", foreign)
    with HardwareLock("robotctl bus scan", path), pytest.raises(HardwareLockError, match="holds the hardware"):
        HardwareLock("robotctl bus test", path)
    assert path.read_text() == "robotd (pid 7)\n"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_only_its_owner_and_group_can_open_it(mask: int, tmp_path: Path) -> None:
    path, before = tmp_path / "lock", os.umask(mask)
    try:
        HardwareLock("robotd", path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    path.chmod(0o644)  # as an older version left it
    with HardwareLock("robotd", path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_lock_that_root_makes_belongs_to_whom_the_folder_belongs_to(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1300)
    with HardwareLock("robotctl bus scan", tmp_path / "lock") as held:
        assert (held.path.stat().st_uid, held.path.stat().st_gid) == (1234, 1300)


def plant(kind: str, path: Path, victim: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(victim)
    elif kind == "hard link":
        path.hardlink_to(victim)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text(victim.read_text() * 100)


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder", "long file"])
def test_what_lies_in_its_place_is_neither_written_nor_taken(kind: str, tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "lock"
    victim.write_text("root:secret\n")
    plant(kind, path, victim)
    for look in (lambda: HardwareLock("robotctl limp", path), lambda: holder_of(path)):
        with pytest.raises(HardwareLockError, match="expected a lock file that can be opened") as caught:
            look()
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert victim.read_text() == "root:secret\n" and victim.stat().st_mode & 0o777 != 0o660


def test_who_is_patient_gets_it_from_one_who_is_about_to_end() -> None:
    first = HardwareLock("robotctl limp")
    threading.Timer(0.1, first.close).start()
    with pytest.raises(HardwareLockError):
        HardwareLock("robotd")
    HardwareLock("robotd", patience_s=30).close()


def test_to_look_who_holds_it_makes_and_changes_nothing() -> None:
    path = lock_path()
    assert holder_of() == "" and not path.parent.exists()
    with HardwareLock("robotd"):
        assert holder_of() == f"robotd (pid {os.getpid()})"
    assert holder_of() == "" and path.read_text() == ""


def test_a_stranger_finds_no_folder_that_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.delenv("WILDROBOT_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(lock, "SYSTEM_LOCK", tmp_path / "system" / "lock")
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", shut)
        patch.setattr(os, "lstat", shut)
        found = lock_path(), socket_path()
    assert [path.parent for path in found] == [run_folder()] * 2


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HardwareLockError, match="expected a lock file that can be opened; check its folder") as caught:
        HardwareLock("robotd", tmp_path / "file" / "lock")
    assert "\n" not in str(caught.value)


def start_robotd(bundle: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from robotd.daemon import main; main()", "--bundle", str(bundle), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_robotd_takes_it_for_the_real_robot_only(zero_bundle_path: Path, tmp_path: Path) -> None:
    config = tmp_path / "robotd.yaml"
    buses = ", ".join(f"{name}: {{port: {tmp_path / name}}}" for name in ("left_leg", "right_leg", "upper"))
    config.write_text(f"hardware: {{buses: {{{buses}}}}}\n")
    with HardwareLock("robotctl bus scan"):
        refused = start_robotd(zero_bundle_path, "--hal", "real", "--config", str(config))
        mock = start_robotd(zero_bundle_path, "--hal", "mock", "--check")
    unlocked = start_robotd(zero_bundle_path, "--hal", "real", "--config", str(config))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"robotd: robotctl bus scan (pid {os.getpid()}) holds the hardware (")
    assert mock.returncode == 0
    assert (unlocked.returncode, unlocked.stderr.count("\n")) == (3, 1), "it gets as far as to the ports"
    assert "no such port" in unlocked.stderr
