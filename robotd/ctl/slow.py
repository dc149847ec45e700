"""Verb slow: how fast the robot may move."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, socket_option
from robotd.ctl.refusal import refusing
from robotd.messages import MessageError, SlowMotion


@click.command()
@click.argument("factor", type=float)
@socket_option
def command(factor: float, socket: Path | None) -> int:
    """Slow the robot down by a FACTOR from 0.1 to 1.

    It counts for joint velocity limits and for the velocity command, until it is given anew. 1 is full speed.
    """
    with refusing(MessageError):
        request = SlowMotion(factor)
    return act(socket, request)
