"""Verb estop: the emergency stop."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, json_option, socket_option
from robotd.messages import Estop


@click.command()
@json_option
@socket_option
def command(socket: Path | None, as_json: bool) -> int:
    """Torque off now. A standing robot falls.

    \b
    Example:
      robotctl estop

    Exit codes: 0 torque is off, 1 it is not, 2 refused, 3 no robotd answers.
    """
    return act(socket, Estop(), as_json)
