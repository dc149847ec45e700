"""Verb stop: an orderly stop."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import json_option, socket_option, tell, wait_while
from robotd.ctl.client import Client
from robotd.messages import Stop


@click.command()
@json_option
@socket_option
@click.option("--wait", is_flag=True, help="Come back when torque is off.")
def command(socket: Path | None, wait: bool, as_json: bool) -> int:
    """Stop in an orderly way: crouch, then torque off.

    \b
    Examples:
      robotctl stop
      robotctl stop --wait

    Exit codes: 0 it stops, 1 it does not or torque off is not proven, 2 refused, 3 no robotd answers, 130 interrupted.
    """
    with Client(socket) as client:
        done = client.act(Stop())
        if not (done.ok and wait and done.mode == "stopping"):
            return tell(done, as_json)
        if not as_json:
            tell(done)
        wait_while(client, "stopping")
        return tell(client.act(Stop()), as_json)  # answered once the servos have said that they are unloaded
