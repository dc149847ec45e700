"""Files that are at every moment the old one or the new one, whole, whoever else may write into their folder."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one.

    The draft beside it is a new file under a name that nobody can know before, so no link that lies in wait there is
    followed; a link at `path` itself is replaced.

    Args:
        mode: of the file; None keeps mode and owner of the one that is replaced, a new one gets the usual mode.

    Raises:
        OSError: the file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    old = _regular(path)
    wanted = mode if mode is not None else stat.S_IMODE(old.st_mode) & 0o777 if old else None
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o666 if wanted is None else wanted)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if old is not None:
                with suppress(PermissionError):  # only root can give a file away
                    os.fchown(descriptor, old.st_uid, old.st_gid)
            if wanted is not None:
                os.fchmod(descriptor, wanted)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _regular(path: Path) -> os.stat_result | None:
    """The file that is replaced; None where there is none, or something else than a file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None
