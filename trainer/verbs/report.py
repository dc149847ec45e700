"""`trainer report`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract import ConfigError

if TYPE_CHECKING:
    from ..report.page import Watched
    from ..report.runs import Run


@click.command("report")
@click.argument("folders", metavar="RUN...", type=Path, nargs=-1)
@click.option(
    "--output", type=Path, default=Path("report.html"), show_default=True, help="the file; missing folders are made"
)
@click.option("--eval", "evaluations", type=Path, multiple=True, help="what `trainer eval --json` said; again for more")
@click.option("--no-trials", is_flag=True, help="curves and configs only: no robot walks, nothing is drawn")
@click.option("--live", is_flag=True, help="write it anew until all runs are complete; implies --no-trials")
@click.option("--every", "pause_s", type=click.IntRange(1), default=10, show_default=True, help="seconds, of --live")
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def command(
    folders: tuple[Path, ...],
    output: Path,
    evaluations: tuple[Path, ...],
    no_trials: bool,
    live: bool,
    pause_s: int,
    as_json: bool,
) -> None:
    """One HTML page of runs: curves, reward terms, AMP, gate, gait, torques, speeds, moments, configs.

    The file needs no network. Runs that differ only in their seed become one line with a band; of each such group the
    first run's last checkpoint walks for ten seconds. With --live an open browser reads it anew by itself.

    \b
    Examples:
      trainer report runs/walking-0 runs/walking-1 runs/walking-2 --eval eval.json
      trainer report runs/walking-0 --live

    Exit codes: 0 ok, 2 refused, 130 interrupted.
    """
    if not folders:
        raise ConfigError("trainer report: found no run, expected at least one folder, e.g. runs/walking-0")
    _check_output(output)
    no_gl = "" if live or no_trials else _choose_gl()  # before anything imports mujoco
    if live:
        runs = _follow(folders, output, evaluations, pause_s)
    else:
        from ..report.page import build, read_verdicts
        from ..report.runs import load_runs

        runs = load_runs(folders)
        verdicts = read_verdicts(evaluations, runs)
        watched, notes = ([], ["Nothing walked for this page: --no-trials."]) if no_trials else _watch(runs, no_gl)
        _write(build(runs, verdicts, watched, notes), output)
    size = output.stat().st_size
    if as_json:
        click.echo(json.dumps({"output": str(output), "bytes": size, "runs": [run.name for run in runs]}))
    else:
        click.echo(f"{output}: {len(runs)} run{'s' * (len(runs) > 1)}, {size / 1e6:.1f} MB")


def _follow(folders: Sequence[Path], output: Path, evaluations: Sequence[Path], pause_s: int) -> list[Run]:
    """Write the page anew until all runs are complete."""
    from ..report.page import build, read_verdicts
    from ..report.runs import load_runs

    told = False
    while True:
        runs = load_runs(folders, unstarted=True)
        over = all(run.complete for run in runs)
        notes = ["Made while training went on, so nothing walked for it: trainer report without --live adds that."]
        _write(build(runs, read_verdicts(evaluations, runs), (), notes, None if over else pause_s), output)
        if over:
            return runs
        if not told:
            click.echo(f"open {output} in a browser; Ctrl-C ends", err=True)
            told = True
        time.sleep(pause_s)


def _choose_gl() -> str:
    """Choose what draws; where nothing does, why."""
    from ..view.graphics import choose_gl

    try:
        choose_gl()
    except ConfigError as problem:
        return str(problem)
    return ""


def _watch(runs: Sequence[Run], no_gl: str) -> tuple[list[Watched], list[str]]:
    """The first run with a checkpoint of each group, walking; and what is to be said about the others.

    no_gl: why no pictures can be drawn, empty where they can.
    """
    from ..progress import Progress
    from ..report.moments import moments
    from ..report.page import Watched
    from ..report.runs import groups
    from ..report.trials import STEPS, watch

    watched, notes = [], []
    chosen: list[Any] = []
    for group in groups(runs):
        able = [run for run in group.runs if run.checkpoint is not None]
        chosen += able[:1]
        if not able:
            notes.append(f"{group.label}: no checkpoint yet, so nothing walked for it.")
    with Progress("watching", len(chosen) * STEPS) as progress:
        for number, run in enumerate(chosen, 1):
            try:
                trial = watch(run, on_step=progress.add)
            except ConfigError as problem:
                notes.append(f"{run.name}: nothing walked for it: {problem}.")
                continue
            progress.reach(number * STEPS)
            watched.append(Watched(trial, [] if no_gl else moments(trial), no_gl))
    return watched, notes


def _check_output(output: Path) -> None:
    if output.is_dir() or not output.parent.is_dir():
        found = "a folder" if output.is_dir() else f"no folder {output.parent}"
        raise ConfigError(f"{output}: found {found}, expected a file that can be written; choose another by --output")


def _write(page: Any, output: Path) -> None:
    from pages import PlotlyMissingError

    try:
        page.write(output)
    except PlotlyMissingError as problem:
        raise ConfigError(str(problem)) from None
    except OSError as problem:
        raise ConfigError(
            f"{output}: {problem.strerror}, expected a file that can be written; choose another"
        ) from None
