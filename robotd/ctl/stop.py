"""Verb stop: an orderly stop."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, socket_option
from robotd.messages import Stop


@click.command()
@socket_option
def command(socket: Path | None) -> int:
    """Stop in an orderly way: crouch, then torque off.

    Exit 1 if the robot did not, 3 if no robotd answers.
    """
    return act(socket, Stop())
