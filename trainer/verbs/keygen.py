"""`trainer keygen`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("keygen")
@click.option("--output", type=Path, required=True, help="the private key's file; it must not be there yet")
def command(output: Path) -> None:
    """Make a key that signs bundles, and print the line that makes a robot trust it.

    \b
    Example:
      trainer keygen --output ~/.wildrobot.key

    Exit codes: 0 ok, 2 refused.
    """
    from ..signing import new_key

    public = new_key(output)
    click.echo(f"private key: {output}, for you alone; whoever has it can sign for you")
    click.echo("in robotd.yaml of each robot that is to trust it, with a name of your choice:")
    click.echo(f"bundles: {{require_signature: true, trusted_keys: {{{output.stem.strip('.') or 'mine'}: {public}}}}}")
