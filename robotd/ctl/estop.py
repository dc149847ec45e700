"""Verb estop: the emergency stop."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, socket_option
from robotd.messages import Estop


@click.command()
@socket_option
def command(socket: Path | None) -> int:
    """Torque off now. A standing robot falls.

    Exit 1 if the robot did not, 3 if no robotd answers.
    """
    return act(socket, Estop())
