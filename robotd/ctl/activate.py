"""Verb activate: let the policy run."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, json_option, socket_option
from robotd.messages import Activate


@click.command()
@json_option
@socket_option
def command(socket: Path | None, as_json: bool) -> int:
    """Let the policy run: from STANDBY to ACTIVE.

    \b
    Example:
      robotctl activate

    Exit codes: 0 the policy runs, 1 the robot is not standing by, 2 refused, 3 no robotd answers.
    """
    return act(socket, Activate(), as_json)
