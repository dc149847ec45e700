"""Verb demo: robotd's own loop with a policy on the physics twin, pushes, a summary, and a film of what happened."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from contract import ContractError, assets_dir
from robotd.bundle_choice import bundle_option
from robotd.ctl.director import Script
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.gap import read_reference
from robotd.ctl.outcome import EXIT_OK, exit_code, make_outcome, table, verdict
from robotd.ctl.progress import Progress
from robotd.ctl.refusal import Refusal, Unreachable, refusing
from robotd.ctl.rehearsal import Plan, pushes, rehearse, tell
from robotd.ctl.served import serve_show
from robotd.ctl.show import Show, film, perform, prepare
from robotd.ctl.viewer import has_display
from robotd.daemon import Refusal as StartRefusal
from robotd.daemon import Unreachable as StartUnreachable
from robotd.hal.physics import OTHER_IN_WORDS, PHYSICS

_GAP_EPISODES = 20
Function = TypeVar("Function", bound=Callable[..., Any])


def _number(name: str, default: float, low: float, high: float, text: str) -> Callable[[Function], Function]:
    return click.option(name, type=FiniteRange(low, high), default=default, show_default=True, help=text)


@click.command()
@_number("--seconds", 20.0, 0.1, 36000, "Active time of an episode, counted in the robot's control periods.")
@click.option("--headless", is_flag=True, help="No window, also where there is a display.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else there.")
@bundle_option("Folder or name of the policy; without it the standing one.")
@click.option("--policy", help="Which policy of a bundle with several (without --bundle: of bundles/wildrobot).")
@click.option("--allow-unverified", is_flag=True, help="Take a bundle whose checksums are missing or stale.")
@click.option(
    "--hal", type=click.Choice(["sim", "mock", "emulated"]), default="sim", show_default=True, help="The robot."
)
@click.option("--buses", type=click.IntRange(1), help="Servo buses of --hal emulated; without it as in the wiring.")
@click.option(
    "--physics",
    type=click.Choice(list(PHYSICS)),
    default="own",
    show_default=True,
    help=f"World of the twin: the bundle's own, or other than any that training used: {OTHER_IN_WORDS}.",
)
@click.option("--episodes", type=click.IntRange(1, 10000), help="So many in one run, with figures of each and of all.")
@click.option(
    "--gap",
    type=click.Path(path_type=Path),
    help="What `trainer eval --json` printed: compare the episodes (20, unless given) with it.",
)
@click.option("--fast", is_flag=True, help="Episodes of --hal sim and mock as fast as the machine can.")
@_number("--velocity", 0.0, -2, 2, "Commanded forward velocity, m/s; it is blended in within 0.5 s.")
@_number("--push-n", 5.0, 0, 1000, "Strength of a push, N; 0 for none.")
@_number("--push-s", 0.2, 0, 60, "How long a push lasts, s.")
@_number("--push-every", 3.0, 0.1, 36000, "From one push to the next, s; in episodes a random third more or less.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the pushes and of --physics.")
@click.option("--strict-timing", is_flag=True, help="Missed deadlines stop the robot, as a real one.")
@click.option("--serve", is_flag=True, help="Follow no script: be steered by robotctl and its dashboard until Ctrl-C.")
@click.option("--socket", type=click.Path(path_type=Path), help="With --serve; without it where robotd has it.")
@click.option("--out", type=click.Path(path_type=Path), default="demo", show_default=True, help="Folder for pictures.")
@click.option("--no-pictures", is_flag=True, help="Draw nothing.")
def command(
    bundle: Path | None,
    policy: str | None,
    allow_unverified: bool,
    hal: str,
    buses: int | None,
    physics: str,
    episodes: int | None,
    gap: Path | None,
    seed: int,
    out: Path,
    no_pictures: bool,
    **options: Any,
) -> int:
    """Run a policy on the physics twin, push it, and film what happened.

    The robot homes, is set on its feet, and the policy takes over; the twin falls if the policy is wrong. With --hal
    emulated all goes through the bytes of emulated servos, IMU and switches, in wall time: a machine too busy for that
    stops the robot, as it would a real one. OUT gets filmstrip.png and demo.mp4, of episodes the first that failed.

    With --gap it is a miss if forward velocity or survival (push_survival, else survived / trials, else success_rate)
    dropped by 20 % or more against the file: one JSON object with such names, flat or {"undisturbed": {...},
    "pushed": {...}}. The object that --episodes prints with --json can be taken too.

    With --serve the twin is a robot to steer with `robotctl arm` ... or `robotctl dashboard`: it hangs on its stand in
    IDLE and is set on its feet in STANDBY. Behind emulated wires OUT/witness.jsonl gets what reached the servos.

    \b
    Examples:
      robotctl demo --headless --seconds 10 --json
      robotctl demo --bundle assets/bundles/walking --fast --episodes 10 --velocity 0.4
      robotctl demo --hal emulated --bundle assets/bundles/wildrobot --serve

    Exit codes: 0 up and without a fault in every episode, 1 not so, 2 refused, 3 no hardware, 130 interrupted.
    """
    progress = Progress(sys.stderr)
    script = _script(options, seed)
    count = _GAP_EPISODES if gap is not None and episodes is None else episodes
    _check_options(count, hal, options, gap)
    with refusing(ContractError):
        reference = None if gap is None else read_reference(gap, pushes(script, count or 1))
    twin = None if physics == "own" else {"physics": PHYSICS[physics], "seed": seed}
    with _starting():
        both = options["serve"] or policy is not None
        path = bundle or assets_dir() / "bundles" / ("wildrobot" if both else "standing")
        show = prepare(path, hal, allow_unverified, script, buses, policy, twin)
    folder = None if no_pictures else out
    if folder is not None:
        _make_folder(folder)
    for warning in show.bundle.warnings:
        progress.say(f"warning: {warning}")
    as_json, headless, strict = options["as_json"], options["headless"], options["strict_timing"]
    with _starting():
        if options["serve"]:
            return serve_show(show, hal, options["socket"], strict, folder)
        headless = headless or (folder is None and _without_window(show, progress))
        if count is None:
            return _once(show, progress, headless, strict, as_json, hal, folder)
        plan = Plan(count, options["fast"], strict, headless, reference, physics)
        return rehearse(show, plan, progress, as_json, hal, folder)


def _without_window(show: Show, progress: Progress) -> bool:
    """Whether no window can be opened on the twin; says so, and nothing of pictures, for a demo that draws none."""
    if show.twin is None or has_display():
        return False
    progress.say("no display that works, so there is no window")
    return True


def _script(options: Mapping[str, Any], seed: int) -> Script:
    return Script(
        seconds=options["seconds"],
        velocity_x=options["velocity"],
        push_n=options["push_n"],
        push_s=options["push_s"],
        push_every_s=options["push_every"],
        seed=seed,
    )


def _once(
    show: Show, progress: Progress, headless: bool, strict_timing: bool, as_json: bool, hal: str, out: Path | None
) -> int:
    """One episode: its summary and its film."""
    script = show.script
    summary, director, witness = perform(show, progress, headless, strict_timing)
    outcome = make_outcome(witness, script, show.ctrl_dt, str(show.bundle.path), hal)
    result = verdict(outcome, summary, witness, show.ctrl_dt, director.interrupted)
    code = exit_code(outcome, summary, director)
    pushed = f"{director.pushes} x {script.push_n:g} N for {script.push_s:g} s" if director.pushes else "none"
    if as_json:
        click.echo(json.dumps(outcome.to_json(), allow_nan=False))
    else:
        worst_rad = max(witness.tape.tilt_rad, default=0.0) if show.twin else None
        click.echo(table(outcome, result, pushed, worst_rad, show.ctrl_dt))
    if director.interrupted:
        progress.say("interrupted: no pictures")
    if director.interrupted or out is None:
        return code

    caption = [show.bundle.path.name, "physics twin" if show.twin else "mock, no physics"]
    caption += [f"{outcome.ticks * show.ctrl_dt:.1f} s", f"pushes: {pushed}"]
    tell(film(show, witness, "  ·  ".join(caption), result, code == EXIT_OK, out), progress)
    return code


def _check_options(count: int | None, hal: str, options: Mapping[str, Any], gap: Path | None) -> None:
    """What does not go together. Raises click.UsageError."""
    fast, serve = options["fast"], options["serve"]
    if serve and (count is not None or options["as_json"]):
        raise click.UsageError("--serve: found --episodes, --gap or --json, which need a script; expected neither")
    if options["socket"] is not None and not serve:
        raise click.UsageError("--socket: found no --serve, expected it; a demo with a script takes no orders")
    if fast and hal == "emulated":
        raise click.UsageError("--fast: found --hal emulated, whose wires take wall time, expected sim or mock")
    if fast and count is None:
        raise click.UsageError("--fast: found no --episodes, expected them; a single demo is to be watched")
    if gap is not None and hal == "mock":
        raise click.UsageError("--gap: found --hal mock, which moves nowhere, expected sim or emulated")


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
