"""Verb clear: forget latched faults."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, json_option, socket_option
from robotd.messages import Clear


@click.command()
@json_option
@socket_option
def command(socket: Path | None, as_json: bool) -> int:
    """Clear latched faults: from FAULT to IDLE.

    Nothing moves; `robotctl arm` is a separate act.

    \b
    Example:
      robotctl clear

    Exit codes: 0 cleared, 1 a fault is still there, 2 refused, 3 no robotd answers.
    """
    return act(socket, Clear(), as_json)
