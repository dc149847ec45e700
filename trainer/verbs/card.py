"""`trainer card`."""

from __future__ import annotations

from pathlib import Path

import click

from . import one_policy


@click.command("card")
@click.option("--bundle", type=Path, required=True, help="the bundle that the page goes into")
@click.option("--run", type=Path, required=True, help="the run that it was exported from")
@click.option("--eval", "report", type=Path, required=True, help="what `trainer eval --json` said of it")
@click.option("--envelope", type=Path, help="a PNG of `trainer eval --envelope`")
def command(bundle: Path, run: Path, report: Path, envelope: Path | None) -> None:
    """Put card.md and card.png into a bundle: training command, curves, gate, trials, push ladder.

    The bundle must verify, and does so again with its card. Run and report must be of the same policy.

    \b
    Examples:
      trainer eval --checkpoint runs/walking --ladder --long-run --envelope envelope.png --json > eval.json
      trainer card --bundle runs/bundles/walking --run runs/walking --eval eval.json --envelope envelope.png

    Exit codes: 0 ok, 2 refused, 130 interrupted.
    """
    from ..card import write_card

    for name in write_card(one_policy(bundle), run, report, envelope):
        click.echo(bundle / name)
