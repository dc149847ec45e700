"""Verb arm: torque on, if all arming checks agree."""

from __future__ import annotations

import time
from pathlib import Path

import click

from robotd.ctl.act import EXIT_FAILED, EXIT_OK, socket_option, tell
from robotd.ctl.client import Client
from robotd.messages import Arm, AskStatus, Status

POLL_S = 0.1


@click.command()
@socket_option
@click.option("--wait", is_flag=True, help="Come back when the robot stands by.")
def command(socket: Path | None, wait: bool) -> int:
    """Switch torque on and move home: from IDLE to STANDBY.

    Checks that fail are named with what was found and what to do; a mandatory one forbids arming: exit 1. Exit 3 if no
    robotd answers.
    """
    with Client(socket) as client:
        code = tell(client.act(Arm()))
        mode = "homing"
        while code == EXIT_OK and wait and mode == "homing":
            time.sleep(POLL_S)
            mode = client.ask(AskStatus(), Status).mode
        if code == EXIT_OK and wait:
            click.echo(mode)
            return EXIT_OK if mode == "standby" else EXIT_FAILED
        return code
