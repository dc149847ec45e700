"""Verb demo: robotd's own loop with a policy on the physics twin, pushes, a summary, and a film of what happened."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from contract import assets_dir
from robotd.ctl.director import Script
from robotd.ctl.outcome import EXIT_OK, exit_code, make_outcome, table, verdict
from robotd.ctl.progress import Progress
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.show import film, perform, prepare
from robotd.daemon import Refusal as StartRefusal
from robotd.daemon import Unreachable as StartUnreachable

Function = TypeVar("Function", bound=Callable[..., Any])


def _finite(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"found {value}, expected a finite number")
    return value


def _number(name: str, default: float, low: float, high: float, text: str) -> Callable[[Function], Function]:
    kind = click.FloatRange(low, high)
    return click.option(name, type=kind, default=default, show_default=True, callback=_finite, help=text)


@click.command()
@_number("--seconds", 20.0, 0.1, 36000, "Active time, counted in the robot's control periods.")
@click.option("--headless", is_flag=True, help="No window, also where there is a display.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else there.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Folder of the policy; without it the standing one.")
@click.option("--allow-unverified", is_flag=True, help="Take a bundle whose checksums are missing or stale.")
@click.option(
    "--hal", type=click.Choice(["sim", "mock", "emulated"]), default="sim", show_default=True, help="The robot."
)
@click.option("--buses", type=click.IntRange(1), help="Servo buses of --hal emulated; without it as in the wiring.")
@_number("--velocity", 0.0, -2, 2, "Commanded forward velocity, m/s.")
@_number("--push-n", 5.0, 0, 1000, "Strength of a push, N; 0 for none.")
@_number("--push-s", 0.2, 0, 60, "How long a push lasts, s.")
@_number("--push-every", 3.0, 0.1, 36000, "Time from one push to the next, s.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the pushes' directions.")
@click.option("--strict-timing", is_flag=True, help="Missed deadlines stop the robot, as a real one.")
@click.option("--out", type=click.Path(path_type=Path), default="demo", show_default=True, help="Folder for pictures.")
def command(
    headless: bool,
    as_json: bool,
    bundle: Path | None,
    allow_unverified: bool,
    hal: str,
    buses: int | None,
    strict_timing: bool,
    out: Path,
    **numbers: Any,
) -> int:
    """Run a policy on the physics twin, push it, and film what happened.

    The robot homes, is set on its feet, and the policy takes over; the twin falls if the policy is wrong. With --hal
    emulated all goes through the bytes of emulated servos, IMU and switches, in wall time: a machine too busy for that
    stops the robot, as it would a real one. OUT gets filmstrip.png and demo.mp4. Exit 0 only if the robot stayed up and
    no fault latched, 1 if not, 3 if the hardware does not answer, 130 if interrupted.
    """
    progress = Progress(sys.stderr)
    script = Script(
        seconds=numbers["seconds"],
        velocity_x=numbers["velocity"],
        push_n=numbers["push_n"],
        push_s=numbers["push_s"],
        push_every_s=numbers["push_every"],
        seed=numbers["seed"],
    )
    with _starting():
        show = prepare(bundle or assets_dir() / "bundles" / "standing", hal, allow_unverified, script, buses)
    _make_folder(out)
    for warning in show.bundle.warnings:
        progress.say(f"warning: {warning}")

    with _starting():
        summary, director, witness = perform(show, progress, headless, strict_timing)
    outcome = make_outcome(witness, script, show.ctrl_dt, str(show.bundle.path), hal)
    result = verdict(outcome, summary, witness, show.ctrl_dt, director.interrupted)
    code = exit_code(outcome, summary, director)
    pushes = f"{director.pushes} x {script.push_n:g} N for {script.push_s:g} s" if director.pushes else "none"
    if as_json:
        click.echo(json.dumps(outcome.to_json(), allow_nan=False))
    else:
        worst_rad = max(witness.tape.tilt_rad, default=0.0) if show.twin else None
        click.echo(table(outcome, result, pushes, worst_rad, show.ctrl_dt))
    if director.interrupted:
        progress.say("interrupted: no pictures")
        return code

    caption = [show.bundle.path.name, "physics twin" if show.twin else "mock, no physics"]
    caption += [f"{outcome.ticks * show.ctrl_dt:.1f} s", f"pushes: {pushes}"]
    pictures = film(show, witness, "  ·  ".join(caption), result, code == EXIT_OK, out)
    for note in (pictures.note, f"wrote {', '.join(map(str, pictures.files))}" if pictures.files else None):
        if note:
            progress.say(note)
    return code


@contextmanager
def _starting() -> Iterator[None]:
    """Why robotd does not start, with robotctl's exit codes."""
    try:
        yield
    except StartUnreachable as problem:
        raise Unreachable(str(problem)) from None
    except StartRefusal as problem:
        raise Refusal(str(problem)) from None


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Refusal(f"--out {out}: {problem.strerror}, expected a folder that can be written") from None
