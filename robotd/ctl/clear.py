"""Verb clear: forget latched faults."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import act, socket_option
from robotd.messages import Clear


@click.command()
@socket_option
def command(socket: Path | None) -> int:
    """Clear latched faults: from FAULT to IDLE.

    Nothing moves; `robotctl arm` is a separate act. Exit 1 if a fault is still there, 3 if no robotd answers.
    """
    return act(socket, Clear())
