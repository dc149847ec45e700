"""`trainer export`."""

from __future__ import annotations

from pathlib import Path

import click

from . import own_config


@click.command()
@click.option("--checkpoint", "run", type=Path, required=True, help="a run or one of its checkpoints")
@click.option("--config", "config_path", type=Path, help="training YAML [the run's own]")
@click.option("--output-dir", type=Path, required=True, help="the bundle's folder; replaced whole if it exists")
@click.option("--sign", "key", type=Path, help="a private key of `trainer keygen`; the bundle is signed with it")
def command(run: Path, config_path: Path | None, output_dir: Path, key: Path | None) -> None:
    """Write a checkpoint's policy bundle and verify it as the robot will.

    \b
    Example:
      trainer export --checkpoint runs/walking --output-dir runs/bundles/walking

    Exit codes: 0 ok, 2 refused, 130 interrupted.
    """
    from ..checkpoint import latest_checkpoint
    from ..config import load_train_config
    from ..export import export_bundle, work
    from ..progress import Progress
    from ..signing import signer

    sign = None if key is None else signer(key)
    config = load_train_config(config_path or own_config(run, None))
    with Progress("trying it out", work()) as progress:
        metrics = export_bundle(config, latest_checkpoint(run), output_dir, sign=sign, counted=progress.counted)
    for name, figures in metrics.items():
        click.echo(f"{name}: {figures['survived']} of {figures['trials']} did not fall in {figures['steps']} steps")
    click.echo(f"bundle: {output_dir}")
