"""Verb dry-run: what a policy would do to a robot; then with its feet in the air, then with little torque."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from robotd.arming_facts import facts_for
from robotd.bundle_choice import bundle_option
from robotd.bundle_store import BundleStoreError, bundle_in_use
from robotd.clock import Clock, MonotonicClock
from robotd.ctl.aside import Aside
from robotd.ctl.bus_session import hardware_lock
from robotd.ctl.conductor import GROUND, GROUND_RAD, LISTEN, OFF_GROUND, OFF_GROUND_RAD, Stage
from robotd.ctl.drill import drill
from robotd.ctl.dry_run_figures import Figures, figures_of
from robotd.ctl.dry_run_stage import Ran, Robot, perform
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.patience import PatientClock
from robotd.ctl.progress import Progress
from robotd.ctl.readiness import Line, Showing, checklist, failed
from robotd.ctl.refusal import Refusal, Unreachable, refusing
from robotd.daemon import Refusal as StartRefusal
from robotd.daemon import Unreachable as StartUnreachable
from robotd.daemon import start_up
from robotd.hal import ON_PORTS, HardwareError, UnreachableError
from robotd.limp_plan import leave_plan, plan_of
from robotd.listener import SocketError
from robotd.places import own_config
from robotd.realtime import prepare

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130
MARKS = {True: "pass", False: "FAIL", None: "  - "}
SECONDS = {LISTEN: 5.0, OFF_GROUND: 5.0, GROUND: 10.5}


@click.command()
@bundle_option("Folder or name of the policy; without it the one in use.")
@click.option("--policy", help="Which policy of a bundle with several; without it the bundle's default.")
@click.option(
    "--hal",
    type=click.Choice(["real", "bench", "emulated", "sim", "mock"]),
    default="real",
    show_default=True,
    help="The robot.",
)
@click.option("--off-ground", is_flag=True, help="Second stage: it moves, slowly, with its feet in the air.")
@click.option("--ground", is_flag=True, help="Third stage, with --low-torque: it stands.")
@click.option("--low-torque", is_flag=True, help=f"No target further than {GROUND_RAD} rad from its joint.")
@click.option("--slow", type=FiniteRange(0.1, 1), help="Factor on joint speeds: 0.25 off the ground, else 1.")
@click.option("--seconds", type=FiniteRange(0.5, 600), help="Of the policy: 5; on the ground 10.5, for 10 of drift.")
@click.option("--velocity", type=FiniteRange(-1, 1), default=0.0, show_default=True, help="Commanded, m/s forward.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Without it, the robot's own.")
@click.option("--allow-unverified", is_flag=True, help="Take a bundle whose checksums are missing or stale.")
@click.option("--realtime/--no-realtime", default=True, show_default=True, help="Ask Linux for what robotd asks for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    bundle: Path | None,
    policy: str | None,
    hal: str,
    off_ground: bool,
    ground: bool,
    low_torque: bool,
    config_file: Path | None,
    allow_unverified: bool,
    realtime: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """See what a policy would do to the robot, before it may do it.

    It ends with the readiness checklist, each line pass or fail with figures.
    Without a stage nothing is sent but torque off: robotd's own loop reads the robot, arms, homes and lets the policy
    act, and its targets are kept back. Hang the robot up, and move joints, tilt it and press the foot switches by hand
    meanwhile to see more.

    --off-ground: hang the robot up, feet in the air. It goes home, each joint alone goes a little way and back, and
    then the policy acts. Refused while a foot switch is pressed; one that closes meanwhile turns torque off.

    --ground --low-torque: it goes home, you set it on its feet, and the policy holds it for ten seconds.

    Both keep each target near its joint, so that no servo pushes hard, and a joint that is stopped off the ground stops
    the robot. Ctrl-C: crouch, then limp; twice: limp at once. `robotctl estop` works from another terminal.

    \b
    Examples:
      robotctl dry-run --bundle standing --hal sim
      robotctl dry-run --off-ground --slow 0.25
      robotctl dry-run --ground --low-torque

    Exit codes: 0 all passed, 1 a check failed, 2 refused, 3 hardware not reachable, 130 interrupted.
    """
    stage = _stage(off_ground, ground, low_torque, **options)
    if stage.moves and hal == "bench":
        raise click.UsageError("--hal bench: its IMU and feet are emulated, expected a robot that feels how it stands")
    progress = Progress(sys.stderr)
    with refusing(BundleStoreError):
        folder = bundle or bundle_in_use()
    with hardware_lock("dry-run") if hal in ON_PORTS else nullcontext():
        robot = _open(folder, policy, hal, config_file, allow_unverified)
        try:
            for warning in robot.bundle.warnings:
                progress.say(f"warning: {warning}")
            ran, missed = _run(robot, stage, realtime, progress)
        finally:
            robot.hardware.close()
            progress.end()
    if ran.refused:
        raise Refusal(f"--off-ground: {ran.trouble}")
    if ran.interrupted:
        progress.say("interrupted: no checklist")
        return EXIT_INTERRUPTED
    return _tell(robot, stage, ran, missed, as_json)


def _tell(robot: Robot, stage: Stage, ran: Ran, missed: int, as_json: bool) -> int:
    """What came of it, on stdout; returns the exit code."""
    figures = figures_of(ran.setup, ran.records, stage.slow, ran.signs_ticks)
    lines = checklist(_showing(robot, stage, ran, figures, missed))
    passed = not failed(lines)
    if as_json:
        click.echo(json.dumps(_json(robot, stage, ran, figures, lines, passed)))
    else:
        click.echo(_text(robot, stage, ran, figures, lines))
    return EXIT_OK if passed else EXIT_FAILED


def _stage(
    off_ground: bool, ground: bool, low_torque: bool, slow: float | None, seconds: float | None, velocity: float
) -> Stage:
    """What may happen. Raises click.UsageError."""
    if off_ground and (ground or low_torque):
        raise click.UsageError("--off-ground: found --ground or --low-torque too, expected one stage at a time")
    if ground is not low_torque:
        found, other = ("--ground", "--low-torque") if ground else ("--low-torque", "--ground")
        raise click.UsageError(f"{found}: expected {other} with it; full torque on the ground is what robotd is for")
    name = OFF_GROUND if off_ground else GROUND if ground else LISTEN
    lead_rad = {OFF_GROUND: OFF_GROUND_RAD, GROUND: GROUND_RAD}.get(name, float("inf"))
    factor = slow or (0.25 if off_ground else 1.0)
    return Stage(name, seconds or SECONDS[name], factor, lead_rad, velocity)


def _open(bundle: Path, policy: str | None, hal: str, config_file: Path | None, allow_unverified: bool) -> Robot:
    """All of robotd's checks before the first tick. Raises Refusal, Unreachable."""
    config_file = own_config(config_file) if hal in ON_PORTS else config_file
    try:
        config, loaded, hardware = start_up(bundle, hal, config_file, allow_unverified, policy=policy)
    except StartUnreachable as problem:
        raise Unreachable(str(problem)) from None
    except StartRefusal as problem:
        raise Refusal(str(problem)) from None
    return Robot(loaded, config, hardware, hal, facts_for(loaded, hal, config))


def _run(robot: Robot, stage: Stage, realtime: bool, progress: Progress) -> tuple[Ran, int]:
    """One stage, and how many deadlines were missed in it. Raises Refusal, Unreachable."""
    on_wires = robot.backend in (*ON_PORTS, "emulated")
    clock = clock_for(robot, on_wires)
    with refusing(OSError, SocketError, HardwareError), Aside(progress.say) as say:
        for step in prepare(robot.config.realtime) if realtime and on_wires else ():
            if not step.ok:
                say(f"warning: real time: {step}")
        if robot.backend in ON_PORTS:
            leave_plan(plan_of(robot.config.hardware))
        try:
            ran = perform(robot, stage, clock, say)
        except UnreachableError as problem:
            raise Unreachable(" ".join(str(problem).split())) from None
    missed = ran.summary.overruns + (clock.take_missed() if isinstance(clock, PatientClock) else 0)
    return ran, missed


def clock_for(robot: Robot, on_wires: bool) -> Clock:
    """Real time; a twin without wires waits for a late tick."""
    return MonotonicClock(robot.config.realtime.early_s) if on_wires else PatientClock(MonotonicClock())


def _showing(robot: Robot, stage: Stage, ran: Ran, figures: Figures, missed: int) -> Showing:
    networks = {name: policy.network for name, policy in robot.bundle.policies.items()}
    return Showing(
        setup=ran.setup,
        stage=stage,
        figures=figures,
        checks=ran.checks,
        stopped=drill(ran.setup, networks),
        trouble=ran.trouble,
        moves_sent=ran.sent,
        ticks=ran.summary.ticks,
        missed=missed,
        overrun="OVERRUN" in ran.summary.faults.names,
        lateness_p99_us=ran.summary.lateness_us.p99,
        tick_p99_us=ran.summary.tick_us.p99,
    )


def _json(
    robot: Robot, stage: Stage, ran: Ran, figures: Figures, lines: tuple[Line, ...], passed: bool
) -> dict[str, Any]:
    return {
        "passed": passed,
        "stage": stage.name,
        "bundle": str(robot.bundle.path),
        "policy": ran.setup.policy,
        "hal": robot.backend,
        "slow": stage.slow,
        "lead_rad": stage.lead_rad if stage.moves else None,
        "targets_sent": ran.sent,
        "trouble": ran.trouble,
        "checklist": [line._asdict() for line in lines],
        "figures": figures.to_json(),
        "timing": ran.summary.lateness_us._asdict() | {"overruns": ran.summary.overruns, "ticks": ran.summary.ticks},
    }


def _text(robot: Robot, stage: Stage, ran: Ran, figures: Figures, lines: tuple[Line, ...]) -> str:
    verb = "sent" if stage.moves else "would send"
    rows = [f"  {stage.name}: {robot.bundle.path.name} on --hal {robot.backend}, {ran.sent} targets sent", ""]
    rows.append(f"  {'joint':<19}{'found':>7}{'range':>16}{'moved':>8}{'age p95':>9}{verb:>18}{'asks for':>12}")
    for joint in figures.joints:
        span = "-" if joint.sent_rad is None else f"{joint.sent_rad[0]:+.2f} to {joint.sent_rad[1]:+.2f}"
        asked = "-" if joint.asked_rad_s is None else f"{joint.asked_rad_s:.2f} rad/s"
        limits = f"{joint.low_rad:+.2f} to {joint.high_rad:+.2f}"
        rows.append(
            f"  {joint.name:<19}{joint.found_rad:>+7.2f}{limits:>16}{joint.moved_rad:>+8.2f}"
            f"{joint.age_p95_s * 1e3:>6.0f} ms{span:>18}{asked:>12}"
        )
    group = ""
    for line in lines:
        if line.group != group:
            group = line.group
            rows += ["", f"  {group}"]
        rows.append(f"    {MARKS[line.passed]}  {line.name}: {line.found}")
        if line.fix:
            rows.append(f"          {line.fix}")
    wrong = failed(lines)
    count = f"{len(wrong)} of {sum(line.passed is not None for line in lines)} FAILED" if wrong else "all passed"
    return "\n".join([*rows, "", f"  {count}; - is what another stage shows"])
