"""What the verbs of the control socket have in common: their options, and how an act ends."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from robotd.ctl.client import Client
from robotd.messages import AskStatus, Done, Request, Status

EXIT_OK, EXIT_FAILED = 0, 1
POLL_S = 0.1
Function = TypeVar("Function", bound=Callable[..., Any])


def socket_option(function: Function) -> Function:
    """Where robotd listens."""
    kind = click.Path(path_type=Path, readable=False)
    return click.option("--socket", type=kind, help="Of the daemon; without it where this machine's one is.")(function)


def json_option(function: Function) -> Function:
    """What came of it for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def act(socket: Path | None, request: Request, as_json: bool = False) -> int:
    """One act over a connection of its own; prints what came of it and returns the exit code."""
    with Client(socket) as client:
        return tell(client.act(request), as_json)


def wait_while(client: Client, mode: str) -> Status:
    """Ask for the status until the robot is in another mode. Raises Refusal, Unreachable."""
    while (status := client.ask(AskStatus(), Status)).mode == mode:
        time.sleep(POLL_S)
    return status


def tell(done: Done, as_json: bool = False) -> int:
    """Print what came of an act: checks that failed with their fixes, and the sentence on stderr if it failed."""
    code = EXIT_OK if done.ok else EXIT_FAILED
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
        return code
    if done.ok:
        click.echo(done.text)
    else:
        click.echo(f"robotctl: {done.text}", err=True)
    for check in done.checks:
        kind = "mandatory" if check.mandatory else "a warning"
        click.echo(f"  {check.name} ({kind}): {check.found}; {check.fix}", err=True)
    return code
