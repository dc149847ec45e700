"""The bundles of this robot, a folder each, and which one is in use: what robotd runs where no --bundle names another.

`in_use` is a file of names, the newest last; it is written whole or not at all. A robotd that runs a bundle holds a
shared `flock` on its folder, which the kernel lets go when robotd ends in whatever way, so that nobody removes it.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path

from robotd.places import state_folder

IN_USE = "in_use"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


class BundleStoreError(ValueError):
    """There is no bundle to run: one sentence with the folder or file, what was found, and the cure."""


def bundles_folder() -> Path:
    """Where this robot's bundles are."""
    return state_folder() / "bundles"


def installed(folder: Path) -> tuple[str, ...]:
    """Names of all bundles in a folder; one that is only half there has a name that begins with a dot."""
    try:
        return tuple(sorted(each.name for each in folder.iterdir() if NAME.fullmatch(each.name) and each.is_dir()))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as problem:
        raise BundleStoreError(f"{folder}: {problem.strerror}, expected a folder of bundles") from None


def history(folder: Path) -> tuple[str, ...]:
    """Names of the bundles that were chosen one after the other; the last is in use. Raises BundleStoreError."""
    file = folder / IN_USE
    try:
        names = tuple(file.read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError):
        names = ("?",)
    if not names or not all(NAME.fullmatch(name) for name in names):
        raise BundleStoreError(f"{file}: expected a name in each line; robotctl bundle use NAME writes it anew")
    return names


def in_use(folder: Path) -> str:
    """The name of the bundle to run: the one chosen last; where none ever was, the only one there is.

    Raises:
        BundleStoreError: there is no such one.
    """
    there, chosen = installed(folder), history(folder)
    if chosen and chosen[-1] in there:
        return chosen[-1]
    if chosen:
        raise BundleStoreError(
            f"{folder / IN_USE}: {chosen[-1]} is in use but is not there, expected one of "
            f"{', '.join(there) or 'none'}; robotctl bundle use NAME"
        )
    if not there:
        raise BundleStoreError(f"{folder}: no bundle is installed; robotctl bundle install, or name one with --bundle")
    if len(there) > 1:
        raise BundleStoreError(
            f"{folder}: {len(there)} bundles and none of them chosen, expected one in use ({', '.join(there)}); "
            "robotctl bundle use NAME, or name one with --bundle"
        )
    return there[0]


def bundle_in_use() -> Path:
    """The folder of the bundle that robotd runs where no --bundle names another. Raises BundleStoreError."""
    folder = bundles_folder()
    return folder / in_use(folder)


class Hold:
    """While it is open, nobody removes the bundle in `path` with robotctl. A folder that cannot be held is not."""

    def __init__(self, path: Path) -> None:
        self._fd = -1
        with suppress(OSError):
            self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def is_held(path: Path) -> bool:
    """Whether a robotd runs the bundle in this folder. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
