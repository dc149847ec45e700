"""`trainer sign`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("sign")
@click.option("--bundle", type=Path, required=True, help="a bundle or a deployment of several")
@click.option("--key", type=Path, required=True, help="the private key, made by `trainer keygen`")
def command(bundle: Path, key: Path) -> None:
    """Vouch for a bundle: verify it, then write signature.json over its checksums.

    Sign last: `card`, `sim2sim --write` and `deploy` write other checksums, so they leave the bundle unsigned.

    \b
    Example:
      trainer sign --bundle runs/bundles/walking --key ~/.wildrobot.key

    Exit codes: 0 ok, 2 refused.
    """
    from contract import load_deployment

    from ..onnx_network import open_session
    from ..signing import public_text, sign_bundle

    public = public_text(key)
    load_deployment(bundle, open_session)
    sign_bundle(bundle, key)
    click.echo(f"signed: {bundle} with {public}")
