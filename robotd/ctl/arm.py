"""Verb arm: torque on, if all arming checks agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from robotd.ctl.act import EXIT_FAILED, EXIT_OK, json_option, socket_option, tell, wait_while
from robotd.ctl.client import Client
from robotd.messages import Arm


@click.command()
@json_option
@socket_option
@click.option("--wait", is_flag=True, help="Come back when the robot stands by.")
def command(socket: Path | None, wait: bool, as_json: bool) -> int:
    """Switch torque on and move home: from IDLE to STANDBY.

    Checks that fail are named with what was found and what to do; a mandatory one forbids arming.

    \b
    Example:
      robotctl arm --wait

    Exit codes: 0 armed, 1 a mandatory check fails or the robot does not come to stand by, 2 refused, 3 no robotd
    answers, 130 interrupted.
    """
    with Client(socket) as client:
        done = client.act(Arm())
        if not (done.ok and wait):
            return tell(done, as_json)
        if not as_json:
            tell(done)
        if done.mode == "homing":
            done = replace(done, mode=wait_while(client, "homing").mode)
    stands = done.mode == "standby"
    tell(replace(done, ok=stands), as_json) if as_json else click.echo(done.mode)
    return EXIT_OK if stands else EXIT_FAILED
