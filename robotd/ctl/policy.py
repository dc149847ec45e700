"""Verb policy: which policies there are, and which one runs."""

from __future__ import annotations

from pathlib import Path

import click

from robotd.ctl.act import EXIT_OK, act, socket_option
from robotd.ctl.client import Client
from robotd.messages import AskPolicies, Policies, SwitchPolicy


@click.command()
@click.argument("name", required=False)
@socket_option
def command(name: str | None, socket: Path | None) -> int:
    """List the policies of the deployment, or switch to NAME.

    A switch while the policy runs is blended. Exit 1 if the robot did not switch, 2 if there is no such policy.
    """
    if name is not None:
        return act(socket, SwitchPolicy(name))
    with Client(socket) as client:
        policies = client.ask(AskPolicies(), Policies)
    for policy in policies.names:
        click.echo(f"{'*' if policy == policies.current else ' '} {policy}")
    return EXIT_OK
