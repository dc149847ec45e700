"""`trainer replay-dump`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..cli import FAILED


@click.command()
@click.argument("dump", type=Path)
def command(dump: Path) -> None:
    """Run the iteration again that ended a run, from the state before it, and say what went wrong first.

    \b
    Example:
      trainer replay-dump runs/walking/dump

    Exit codes: 0 the same value goes wrong first, 1 another one or none, 2 refused.
    """
    from ..replay_dump import replay_dump

    found, recorded = replay_dump(dump)
    click.echo(f"recorded: {recorded.sentence()}\nreplayed: {found.sentence() if found else 'all is finite'}")
    if found != recorded:
        sys.exit(FAILED)
