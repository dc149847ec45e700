"""The hardware lock: where it is, that one holds it alone, and that it goes with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from robotd import lock
from robotd.lock import HardwareLock, HardwareLockError, lock_path
from robotd.places import tree_root

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
