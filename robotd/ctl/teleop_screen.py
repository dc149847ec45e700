"""What a driver sees: the keys once, below them one line that is written anew; in a pipe, plain lines."""

from __future__ import annotations

import shutil
import sys
from contextlib import suppress
from typing import NamedTuple

import click

_HINTS = {
    "idle": "`robotctl arm`, then `robotctl activate`, and it can walk",
    "homing": "wait until it stands by",
    "standby": "`robotctl activate`, and it can walk",
    "stopping": "it stops",
    "fault": "`robotctl clear`, when it is safe",
}
_START_OF_LINE = "\r\x1b[K"


class View(NamedTuple):
    """What there is to say. mode: of the robot; asked: vx, vy m/s and yaw rate rad/s; factor: share of the limits;
    held: the deadman; lost: why a device is gone."""

    mode: str
    asked: tuple[float, float, float]
    factor: float
    held: bool
    lost: str = ""


class Screen:
    """text: what keys and buttons do."""

    def __init__(self, text: str) -> None:
        self._live = sys.stdout.isatty()
        self._before: View | None = None
        click.echo(text)

    def show(self, view: View) -> None:
        """Write the line anew; where it is no terminal, a line when mode, deadman or factor have changed."""
        before, self._before = self._before, view
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._write(_START_OF_LINE + line(view)[:width])
        elif before is None or before._replace(asked=view.asked) != view:
            self._write(line(view) + "\n")

    def close(self) -> None:
        """Leave the last line where it is."""
        if self._live and self._before is not None:
            self._write("\n")
        self._before = None

    def _write(self, text: str) -> None:
        """A terminal that is gone ends no driving here: the keyboard finds it out, and stops the robot."""
        with suppress(OSError):
            click.echo(text, nl=False)


def line(view: View) -> str:
    """One line for people, of less than 80 characters: in ACTIVE what is asked for, else what to do first."""
    vx, vy, yaw = (round(value, 2) + 0.0 for value in view.asked)  # no minus before a zero
    figures = f"forward {vx:5.2f}  left {vy:5.2f} m/s  turn {yaw:5.2f} rad/s  speed {view.factor:.0%}"
    hand = view.lost or ("held" if view.held else "not held")
    return f"{view.mode:<9}{hand:<8}  {_HINTS.get(view.mode, figures)}"
