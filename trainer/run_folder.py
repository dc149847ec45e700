"""A run's folder: it can be written, and one process at a time trains in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from contract import ConfigError


@contextmanager
def alone_in(run: Path) -> Iterator[None]:
    """Make a run's folder and keep every other training out of it; a lock that ends with the process, however it ends.

    Raises:
        ConfigError: the folder cannot be written, or another process trains in it.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=run, prefix=".", suffix=".part"):
            pass
        descriptor = os.open(run, os.O_RDONLY)
    except OSError as problem:
        raise unwritable(run, problem) from None
    try:
        _lock(run, descriptor)
        yield
    finally:
        os.close(descriptor)


def unwritable(run: Path, problem: OSError) -> ConfigError:
    """What to say of a folder that takes nothing."""
    return ConfigError(f"{run}: {problem.strerror}, expected a folder to write to; name another by --run")


def _lock(run: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"{run}: another process trains in it, expected a folder of its own; name another by --run"
        ) from None
    except OSError:  # a file system without locks: as good as none
        pass
