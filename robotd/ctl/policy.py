"""Verb policy: which policies there are, and which one runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from robotd.ctl.act import EXIT_OK, act, json_option, socket_option
from robotd.ctl.client import Client
from robotd.messages import AskPolicies, Policies, SwitchPolicy


@click.command()
@click.argument("name", required=False)
@json_option
@socket_option
def command(name: str | None, socket: Path | None, as_json: bool) -> int:
    """List the policies of the deployment, or switch to NAME.

    A switch while the policy runs is blended.

    \b
    Examples:
      robotctl policy
      robotctl policy walking

    Exit codes: 0 ok, 1 the robot did not switch, 2 refused, as there is no such policy, 3 no robotd answers.
    """
    if name is not None:
        return act(socket, SwitchPolicy(name), as_json)
    with Client(socket) as client:
        policies = client.ask(AskPolicies(), Policies)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(policies)))
        return EXIT_OK
    for policy in policies.names:
        click.echo(f"{'*' if policy == policies.current else ' '} {policy}")
    return EXIT_OK
