"""Verb activate: let the policy run."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, socket_option
from robotd.messages import Activate


@click.command()
@socket_option
def command(socket: Path | None) -> int:
    """Let the policy run: from STANDBY to ACTIVE.

    Exit 1 if the robot is not standing by, 3 if no robotd answers.
    """
    return act(socket, Activate())
