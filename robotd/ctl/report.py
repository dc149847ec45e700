"""Verb report: a black box as one page that tells what happened, why it stopped, and how it ran."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from contract import ContractError
from pages import Page, PlotlyMissingError
from pages.script import plotly_library
from robotd.blackbox_layout import BlackBoxError
from robotd.blackbox_reader import BlackBoxFile, Scan
from robotd.bundle_choice import bundle_option
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.flight_report.assemble import build, headline, ranges_of
from robotd.ctl.flight_report.flight import Flight, read_flight
from robotd.ctl.flight_report.pictures import Progress as Told
from robotd.ctl.flight_report.story import Halt, halts, main_halt
from robotd.ctl.log import chosen_box
from robotd.ctl.log_export import counted
from robotd.ctl.log_robot import robot_of
from robotd.ctl.progress import Progress
from robotd.ctl.refusal import CheckFailed, Refusal, refusing

EXIT_OK = 0


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="report.html",
    show_default=True,
    help="The page; missing folders are made.",
)
@bundle_option("Whose robot; without it that of the standing bundle.")
@click.option("--last", "last_s", type=FiniteRange(0.001, 1e6), help="Only so many seconds before the end.")
@click.option("--no-pictures", is_flag=True, help="Neither the robot nor its twin.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    file: Path | None,
    output: Path,
    bundle: Path | None,
    last_s: float | None,
    no_pictures: bool,
    as_json: bool,
) -> int:
    """Make one page of a black box: what happened, what led to each stop, and how well it ran.

    FILE is the newest black box unless you name one. The page is a single file that opens in any browser without
    network: modes and faults, the seconds before each stop, the recorded robot beside its physics twin, joints and
    their targets, ages, timing, health. Needs plotly, and MuJoCo for the pictures.

    \b
    Example:
      robotctl report --output crash.html

    Exit codes: 0 ok, 1 there is no intact record in it, 2 refused.
    """
    progress = Progress(sys.stderr)
    with refusing(BlackBoxError, ContractError, PlotlyMissingError), BlackBoxFile(chosen_box(file)) as opened:
        plotly_library()  # or say now that it is missing
        scan = opened.scan()
        flight = _flight(opened, scan, last_s, progress)
        whose = robot_of(opened.header, bundle, opened.path)
        try:
            page = build(flight, opened, scan, whose, not no_pictures, Told(progress.show, progress.say))
        except BlackBoxError as problem:
            raise Refusal(f"{opened.path}: {problem}") from None
        size = _write(page, output)
    progress.end()
    found: dict[str, Any] = {"file": str(opened.path), "output": str(output), "bytes": size}
    found |= _summary(flight, scan, halts(flight, ranges_of(whose)))
    click.echo(json.dumps(found) if as_json else f"  {output}: {found['headline']} ({size / 1e6:.1f} MB)")
    return EXIT_OK


def _flight(file: BlackBoxFile, scan: Scan, last_s: float | None, progress: Progress) -> Flight:
    """Raises CheckFailed where nothing in it is intact."""
    flight = read_flight(file, counted(file, scan, last_s, progress.show))
    if flight is None:
        why = f"all {scan.corrupt} of its records are torn or changed" if scan.corrupt else "no tick was ever written"
        raise CheckFailed(f"{file.path}: {why}, expected at least one intact record; take another file")
    return flight


def _write(page: Page, output: Path) -> int:
    """Returns how large it is, bytes. Raises Refusal where it cannot be written."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        page.write(output)
        return output.stat().st_size
    except OSError as problem:
        raise Refusal(f"--output {output}: {problem.strerror}, expected a file that can be written") from None


def _summary(flight: Flight, scan: Scan, stops: list[Halt]) -> dict[str, Any]:
    """For --json."""
    return {
        "headline": headline(flight, main_halt(stops)),
        "ticks": len(flight),
        "corrupt": scan.corrupt,
        "missing": scan.missing,
        "stops": [
            {
                "time_s": float(flight.time_s[halt.tick]),
                "stop": halt.stop.name.lower(),
                "faults": [cause.fault for cause in halt.causes],
                "because": [cause.sentence for cause in halt.causes],
            }
            for halt in stops
        ],
    }
