"""RPi.GPIO as drivers want it: imported where nothing in the current folder, or in its being read-only, matters."""

from __future__ import annotations

import importlib
import os
import tempfile
from typing import Any

_PIPES = "LG_WD"


def failures(gpio: Any) -> tuple[type[Exception], ...]:
    """What a module RPi.GPIO raises where a pin fails that worked; rpi-lgpio lets an error of lgpio's own through."""
    own = getattr(getattr(gpio, "lgpio", None), "error", None)
    return (RuntimeError, OSError) if own is None else (RuntimeError, OSError, own)


def refusals(gpio: Any) -> tuple[type[Exception], ...]:
    """What it raises where chip or pin cannot be had."""
    return (ValueError, *failures(gpio))


def import_gpio() -> Any:
    """The module RPi.GPIO, of the package of that name or of rpi-lgpio.

    lgpio makes a pipe as it is imported, in the folder $LG_WD, to which it changes, or in the current one. It gets a
    folder that is gone as soon as the pipe is open, and the current folder stays what it was.

    Raises:
        ImportError, RuntimeError, OSError: it is not installed, this is no Raspberry Pi, or no pipe can be made.
    """
    here, chosen = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), os.environ.get(_PIPES)
    try:
        with tempfile.TemporaryDirectory(prefix="wildrobot-gpio-") as folder:
            os.environ[_PIPES] = chosen or folder
            return importlib.import_module("RPi.GPIO")
    finally:
        os.fchdir(here)
        os.close(here)
        if chosen is None:
            os.environ.pop(_PIPES, None)
