"""Verb slow: how fast the robot may move."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, json_option, socket_option
from robotd.ctl.refusal import refusing
from robotd.messages import MessageError, SlowMotion


@click.command()
@click.argument("factor", type=float)
@json_option
@socket_option
def command(factor: float, socket: Path | None, as_json: bool) -> int:
    """Slow the robot down by a FACTOR from 0.1 to 1.

    It counts for joint velocity limits and for the velocity command, until it is given anew. 1 is full speed.

    \b
    Example:
      robotctl slow 0.5

    Exit codes: 0 ok, 1 it did not come to pass, 2 refused, 3 no robotd answers.
    """
    with refusing(MessageError):
        request = SlowMotion(factor)
    return act(socket, request, as_json)
