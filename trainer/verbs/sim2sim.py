"""`trainer sim2sim`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from contract import ConfigError

from . import one_policy


@click.command("sim2sim")
@click.option("--bundle", type=Path, required=True, help="the bundle to run")
@click.option(
    "--num-episodes", "trials", type=click.IntRange(1), default=64, show_default=True, help="calm, and pushed"
)
@click.option(
    "--num-steps", "steps", type=click.IntRange(1), default=500, show_default=True, help="of a trial, 20 ms each"
)
@click.option("--world", "names", multiple=True, help="only this one; may be given again [all]")
@click.option("--seed", type=int, default=0, show_default=True, help="of all that is drawn")
@click.option("--output", type=Path, help="folder for sim2sim.md, .png and .json")
@click.option(
    "--write", is_flag=True, help="put page and picture into the bundle, and the figures into its metrics.json"
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def command(
    bundle: Path,
    trials: int,
    steps: int,
    names: tuple[str, ...],
    seed: int,
    output: Path | None,
    write: bool,
    as_json: bool,
) -> None:
    """Run a bundle in physics that its training never used: integrators, solvers, floors, play, delay, a low battery.

    \b
    Example:
      trainer sim2sim --bundle assets/bundles/walking --output sim2sim

    Exit codes: 0 ok, 2 refused, 130 interrupted.
    """
    from ..progress import Progress
    from ..sim2sim import WORLDS, sim2sim
    from ..sim2sim_card import as_dict, files, join_bundle, table

    known = {world.name: world for world in WORLDS}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"--world: found {name!r}, expected one of {', '.join(map(repr, known))}; correct the name"
            )
    chosen = [known[name] for name in names] or list(WORLDS)
    with Progress("worlds", len(chosen) * 2 * trials * steps) as progress:
        rows = sim2sim(one_policy(bundle), chosen, trials, steps, seed, progress.say, progress.counted)
    click.echo(json.dumps(as_dict(rows)) if as_json else table(rows))
    if output is not None:
        try:
            output.mkdir(parents=True, exist_ok=True)
            for name, data in files(bundle, rows).items():
                (output / name).write_bytes(data)
        except OSError as problem:
            raise ConfigError(f"{output}: {problem.strerror}, expected a folder to write to; name another") from None
    if write:
        for name in join_bundle(bundle, rows):
            click.echo(f"{bundle / name}", err=as_json)
