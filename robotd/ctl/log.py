"""Verb log: what black boxes there are, what happened in one, and its records for other programs."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from contract import ContractError
from robotd.blackbox_layout import BlackBoxError
from robotd.blackbox_reader import BlackBoxFile, Scan
from robotd.bundle_choice import bundle_option
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.log_export import ExportError, counted, export_csv, export_mcap
from robotd.ctl.log_layout import layout_of
from robotd.ctl.progress import Progress
from robotd.ctl.refusal import CheckFailed, Refusal, refusing
from robotd.places import blackbox_path

if TYPE_CHECKING:
    from robotd.ctl.log_scene import Scene

EXIT_OK = 0
_LAST = click.option("--last", "last_s", type=FiniteRange(0.001, 1e6), help="Only so many seconds before the end.")
_BUNDLE = bundle_option("Whose robot; else that of the standing one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_FILE = click.argument("file", required=False, type=click.Path(path_type=Path))


@click.group()
def command() -> None:
    """Look at the black box: the ring of all that happened in the last minutes.

    FILE is the newest one unless you name another; a bare name that is not here is looked for in their folder. A robotd
    that is running goes on writing meanwhile.
    """


def chosen_box(file: Path | None) -> Path:
    """The black box that is meant: the newest without a name; a bare name that lies not here but in the folder of the
    black boxes is that one."""
    newest = blackbox_path()
    if file is None:
        return newest
    known = newest.parent / file
    bare = file.name == str(file)
    return known if bare and not os.path.exists(file) and os.path.exists(known) else file


class Story(NamedTuple):
    """A black box in short. changes: (time of day, mode, faults) wherever one of the two was another than before."""

    ticks: int
    active: int
    corrupt: int
    missing: int
    first_s: float
    last_s: float
    changes: list[tuple[float, str, list[str]]]


@command.command("list")
@_JSON
def list_files(as_json: bool) -> int:
    """List the black boxes of this robot, the newest first.

    \b
    Example:
      robotctl log list

    Exit codes: 0 ok, 2 refused.
    """
    newest = blackbox_path()
    files = sorted(newest.parent.glob(f"{newest.stem}*{newest.suffix}"), key=lambda file: (len(file.name), file.name))
    found = [_listed(file) for file in files]
    if as_json:
        click.echo(json.dumps({"folder": str(newest.parent), "files": found}))
        return EXIT_OK
    if found:
        click.echo(f"  {newest.parent}:")
    for entry in found:
        words = entry["problem"] or (
            f"{entry['ticks']} ticks, {entry['active']} active, {_clock(entry['first_s'])} to "
            f"{_clock(entry['last_s'])} UTC, {', '.join(entry['faults']) or 'no faults'}"
        )
        click.echo(f"  {Path(entry['file']).name:<18}{words}")
    if not found:
        click.echo(f"  no black box in {newest.parent} yet; robotd makes one when it starts")
    return EXIT_OK


@command.command()
@_FILE
@_LAST
@_JSON
def show(file: Path | None, last_s: float | None, as_json: bool) -> int:
    """Tell what happened: every change of mode and of faults.

    \b
    Example:
      robotctl log show --last 30

    Exit codes: 0 ok, 1 there is no intact record in it, 2 refused.
    """
    with refusing(BlackBoxError), BlackBoxFile(chosen_box(file)) as opened:
        story = _story(opened, _intact(opened), last_s)
        header = opened.header
    if as_json:
        changes = [{"wall_s": at, "mode": mode, "faults": faults} for at, mode, faults in story.changes]
        plain = story._asdict() | {"changes": changes, "robot": header.robot, "policies": header.policies}
        click.echo(json.dumps({"file": str(opened.path)} | plain))
        return EXIT_OK
    for at, mode, faults in story.changes:
        click.echo(f"  {_clock(at)}  {mode:<9}{' '.join(faults)}")
    seconds = story.last_s - story.first_s
    click.echo(f"  {header.robot}: {story.ticks} ticks in {seconds:.1f} s, {story.active} active{_damage(story)}")
    return EXIT_OK


@command.command()
@_FILE
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The file; missing folders are made.")
@click.option("--format", "kind", type=click.Choice(["mcap", "csv"]), help="Without it by the name of the output.")
@_BUNDLE
@_LAST
def export(file: Path | None, output: Path, kind: str | None, bundle: Path | None, last_s: float | None) -> int:
    """Write the records as MCAP, which Foxglove opens, or as CSV.

    With MuJoCo the MCAP has the robot for Foxglove's 3-D panel too. `robotctl log layout` writes panels for it.

    \b
    Example:
      robotctl log export --output run.mcap

    Exit codes: 0 ok, 1 there is no intact record in it, 2 refused.
    """
    kind = kind or output.suffix.removeprefix(".").lower()
    if kind not in ("mcap", "csv"):
        raise click.UsageError(f"--output {output}: found no .mcap or .csv in its name, expected one, or --format")
    if kind == "csv" and bundle is not None:
        raise click.UsageError("--bundle: found it with CSV, which draws no robot, expected it with MCAP; leave it out")
    progress = Progress(sys.stderr)
    with refusing(BlackBoxError, ContractError, ExportError), BlackBoxFile(chosen_box(file)) as opened:
        scan = _intact(opened)
        rows = counted(opened, scan, last_s, progress.show)
        if kind == "mcap":
            ticks = export_mcap(opened, rows, output, _scene(opened, bundle, progress))
        else:
            ticks = export_csv(opened, rows, output)
    progress.end()
    damage = _damage(scan)
    click.echo(f"  {output}: {ticks} ticks{damage}")
    return EXIT_OK


@command.command()
@_FILE
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The file; missing folders are made.")
def layout(file: Path | None, output: Path) -> int:
    """Write Foxglove panels for the exported log of a robot: its joints are those of FILE.

    In Foxglove: Layouts, Import from file. docs/foxglove_layout.json is the one for the robot of this repository.

    \b
    Example:
      robotctl log layout --output robot.json

    Exit codes: 0 ok, 2 refused.
    """
    with refusing(BlackBoxError), BlackBoxFile(chosen_box(file)) as opened:
        text = json.dumps(layout_of(opened.header), indent=2) + "\n"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise Refusal(f"--output {output}: {problem.strerror}, expected a file that can be written") from None
    click.echo(f"  {output}: in Foxglove, Layouts, Import from file")
    return EXIT_OK


def _scene(file: BlackBoxFile, bundle: Path | None, progress: Progress) -> Scene | None:
    """The robot for a 3-D view; None, and a line that says why, where there is none."""
    from robotd.ctl.log_robot import robot_of  # here: to look at a log needs neither a policy nor physics
    from robotd.ctl.log_scene import Scene
    from robotd.hal import HardwareError

    found = robot_of(file.header, bundle, file.path)
    try:
        if not isinstance(found, str):
            return Scene(found, file.header.ctrl_dt)
    except HardwareError as problem:
        found = str(problem)
    progress.say(f"without the robot for a 3-D view: {found}")
    return None


def _intact(file: BlackBoxFile) -> Scan:
    """The scan of a file with something in it. Raises CheckFailed."""
    scan = file.scan()
    if not len(scan.sequence):
        why = f"all {scan.corrupt} of its records are torn or changed" if scan.corrupt else "no tick was ever written"
        raise CheckFailed(f"{file.path}: {why}, expected at least one intact record; take another file")
    return scan


def _story(file: BlackBoxFile, scan: Scan, last_s: float | None) -> Story:
    changes: list[tuple[float, str, list[str]]] = []
    modes: Counter[str] = Counter()
    first_s = at_s = 0.0
    for row in file.rows(scan, last_s):
        mode, faults, at_s = file.plain(row, "mode"), file.plain(row, "faults"), file.wall_s(row)
        first_s = first_s or at_s
        modes[mode] += 1
        if not changes or changes[-1][1:] != (mode, faults):
            changes.append((at_s, mode, faults))
    return Story(modes.total(), modes["active"], scan.corrupt, scan.missing, first_s, at_s, changes)


def _listed(path: Path) -> dict[str, Any]:
    """One file of the list; problem: why it cannot be read, else None."""
    entry: dict[str, Any] = {"file": str(path), "problem": None}
    try:
        with BlackBoxFile(path) as file:
            story = _story(file, file.scan(), None)
    except BlackBoxError as problem:
        return entry | {"problem": str(problem).removeprefix(f"{path}: ")}
    faults = dict.fromkeys(name for _, _, names in story.changes for name in names)
    plain = {key: value for key, value in story._asdict().items() if key != "changes"}
    return entry | plain | {"faults": list(faults)}


def _damage(of: Story | Scan) -> str:
    words: Sequence[str] = [f"{of.corrupt} torn or changed"] if of.corrupt else []
    words = [*words, f"{of.missing} cut off"] if of.missing else words
    return f" ({' and '.join(words)} left out)" if words else ""


def _clock(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-4]
