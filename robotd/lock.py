"""The hardware lock: one process at a time drives servos and sensors, the daemon or one bench verb of robotctl.

It is a `flock`, which the kernel lets go when its holder ends in whatever way. The file stays; it names the holder.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from robotd.places import run_folder

SYSTEM_LOCK = Path("/run/robotd/lock")


class HardwareLockError(RuntimeError):
    """The lock cannot be had: one sentence that says who holds it, or what is wrong with its file."""


def lock_path() -> Path:
    """Where the lock is. That of a robotd of this machine counts for every user who has not set WILDROBOT_HOME."""
    if SYSTEM_LOCK.exists() and not os.environ.get("WILDROBOT_HOME"):
        return SYSTEM_LOCK
    return run_folder() / "lock"


class HardwareLock:
    """Held from `__init__` to `close`, or as a context manager.

    Args:
        holder: who takes it, in the refusal of the next one.
        path: by default `lock_path()`; what: that a holder of this file has, in the refusal.

    Raises:
        HardwareLockError: somebody holds it, or its file cannot be opened.
    """

    def __init__(self, holder: str, path: Path | None = None, what: str = "the hardware") -> None:
        self.path = path or lock_path()
        self._fd = _open(self.path)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.pread(self._fd, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(self._fd)
            raise HardwareLockError(f"{other} holds {what} ({self.path}); end it first") from None
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
        if fcntl.fcntl(self._fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, text.encode(), 0)


def _open(path: Path) -> int:
    """A file of another user can be locked though not written. A new file is for reading by all, so for locking."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except PermissionError:
            return os.open(path, os.O_RDONLY)
    except OSError as problem:
        raise HardwareLockError(
            f"{path}: {problem.strerror}, expected a lock file that can be opened; check its folder, or set "
            "WILDROBOT_HOME to one of your own"
        ) from None
