"""The hardware lock: one process at a time drives servos and sensors, the daemon or one bench verb of robotctl.

It is a `flock`, which the kernel lets go when its holder ends in whatever way. The file stays; it names the holder.
Whoever may open it can hold it, so it is for its owner and group only; what lies in its place is looked at first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from robotd.places import run_folder

SYSTEM_LOCK = Path("/run/robotd/lock")
PAUSE_S = 0.02
_MODE = 0o660
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a link is not followed, a pipe does not keep us waiting
_NOTE_BYTES = 200


class HardwareLockError(RuntimeError):
    """The lock cannot be had: one sentence that says who holds it, or what is wrong with its file."""


class HardwareHeldError(HardwareLockError):
    """Somebody holds it; `holder` says who."""

    def __init__(self, holder: str, what: str, path: Path) -> None:
        super().__init__(f"{holder} holds {what} ({path}); end it first")
        self.holder, self.path = holder, path


def lock_path() -> Path:
    """Where the lock is. That of a robotd of this machine counts for every user who has not set WILDROBOT_HOME."""
    if os.path.lexists(SYSTEM_LOCK) and not os.environ.get("WILDROBOT_HOME"):
        return SYSTEM_LOCK
    return run_folder() / "lock"


def holder_of(path: Path | None = None) -> str:
    """Who has the lock; empty where nobody has. Makes and changes nothing.

    Raises:
        HardwareLockError: its file cannot be looked at.
    """
    path = path or lock_path()
    try:
        descriptor = _looked_at(path, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    except OSError as problem:
        raise _unusable(path, problem) from None
    try:
        return "" if _taken(descriptor, fcntl.LOCK_SH) else _note_in(descriptor)
    finally:
        os.close(descriptor)


class HardwareLock:
    """Held from `__init__` to `close`, or as a context manager.

    Args:
        holder: who takes it, in the refusal of the next one.
        path: by default `lock_path()`; what: that a holder of this file has, in the refusal.
        patience_s: how long to wait for a holder who is about to end.

    Raises:
        HardwareHeldError: somebody holds it. HardwareLockError: its file cannot be opened.
    """

    def __init__(
        self, holder: str, path: Path | None = None, what: str = "the hardware", patience_s: float = 0.0
    ) -> None:
        self.path = path or lock_path()
        self._fd = _open(self.path)
        until_s = time.monotonic() + patience_s
        while not _taken(self._fd, fcntl.LOCK_EX):
            if time.monotonic() >= until_s:
                other = _note_in(self._fd)
                os.close(self._fd)
                raise HardwareHeldError(other, what, self.path)
            time.sleep(PAUSE_S)
        self._note(f"{holder} (pid {os.getpid()})\n")

    def __enter__(self) -> HardwareLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let it go. Once."""
        self._note("")
        os.close(self._fd)

    def _note(self, text: str) -> None:
        """Say who holds it, where there is room for that."""
        if fcntl.fcntl(self._fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR:
            with suppress(OSError):
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, text.encode()[:_NOTE_BYTES], 0)


def _open(path: Path) -> int:
    """Open or make the file, for reading where that is all that is allowed. Raises HardwareLockError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = _looked_at(path, os.O_RDWR | os.O_CREAT)
        except PermissionError:
            return _looked_at(path, os.O_RDONLY)
        _give_to_owner(descriptor, path.parent)
    except OSError as problem:
        raise _unusable(path, problem) from None
    return descriptor


def pid_of_holder(path: Path) -> int | None:
    """The process that holds the lock, by the kernel's own word; None where that cannot be seen from here."""
    wanted = path.stat()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it is gone, or another user's
            for each in (process / "fd").iterdir():
                with suppress(OSError):
                    if os.path.samestat(each.stat(), wanted) and "FLOCK" in _locks_of(process, each.name):
                        return int(process.name)
    return None


def _locks_of(process: Path, descriptor: str) -> str:
    return (process / "fdinfo" / descriptor).read_text()


def _looked_at(path: Path, flags: int) -> int:
    """Open it; what is no lock file is let be. Raises OSError."""
    descriptor = os.open(path, flags | _FLAGS, _MODE)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1 and found.st_size <= _NOTE_BYTES:
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EEXIST, "there is something else")


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """The owner of the folder and its group may hold the lock, whoever made it, and nobody else."""
    found, wanted = os.fstat(descriptor), folder.stat()
    with suppress(PermissionError):  # it belongs to another member of the group
        if os.geteuid() == 0 and (found.st_uid, found.st_gid) != (wanted.st_uid, wanted.st_gid):
            os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
        if stat.S_IMODE(found.st_mode) != _MODE:
            os.fchmod(descriptor, _MODE)


def _taken(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note_in(descriptor: int) -> str:
    """What the holder has written; a stranger to us writes nothing."""
    return os.pread(descriptor, _NOTE_BYTES, 0).decode(errors="replace").strip() or "another process"


def _unusable(path: Path, problem: OSError) -> HardwareLockError:
    found = "is a link" if problem.errno == errno.ELOOP else problem.strerror
    return HardwareLockError(
        f"{path}: {found}, expected a lock file that can be opened; check its folder, be in group robot, or set "
        "WILDROBOT_HOME to a folder of your own"
    )
