"""Verb stop: an orderly stop."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, json_option, socket_option
from robotd.messages import Stop


@click.command()
@json_option
@socket_option
def command(socket: Path | None, as_json: bool) -> int:
    """Stop in an orderly way: crouch, then torque off.

    \b
    Example:
      robotctl stop

    Exit codes: 0 it stops, 1 it does not, 2 refused, 3 no robotd answers.
    """
    return act(socket, Stop(), as_json)
