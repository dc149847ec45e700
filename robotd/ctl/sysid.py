"""Verb sysid: what each servo really does, found by moving one joint at a time with the feet in the air."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import click

from contract import Bundle, ConfigError, ContractError, RobotConfig, assets_dir, load_bundle, load_robot_config
from contract.robot_params import load_robot_params, merged, robot_params_to_yaml
from contract.schema import suggest
from robotd.bundle_choice import bundle_option
from robotd.ctl.bus_session import hardware_lock, read_wiring, run_held
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.identification.described import Described, described
from robotd.ctl.identification.excitation import bounds_of
from robotd.ctl.identification.findings import Finding, finding_of, params_of, table
from robotd.ctl.identification.fit import Fit, Record, fit_servo
from robotd.ctl.identification.joint_trial import TrialError
from robotd.ctl.identification.plot import draw_fit
from robotd.ctl.identification.session import Job, record_joints
from robotd.ctl.plotting import PlotError
from robotd.ctl.progress import Progress
from robotd.ctl.refusal import CheckFailed, Refusal, Unreachable, expect_writable, refusing
from robotd.hal import ON_PORTS, HardwareError, UnreachableError, open_hardware
from robotd.hal.servo_frame import servo_frame
from robotd.places import state_folder
from robotd.policy import open_session
from robotd.whole_file import write_whole
from robotd.wiring import UNITS_PER_RAD, Wiring

EXIT_OK, EXIT_POOR = 0, 1
OVER_RATED = 1.5
"""The default top speed as a part of robot_config.yaml's: a limit that is never asked for is never seen."""


class Robot(NamedTuple):
    """What is known before anything moves."""

    bundle: Bundle
    config: RobotConfig
    wiring: Wiring


@click.command()
@click.option("--joint", "joints", multiple=True, help="Move this one only; may be given several times.")
@click.option(
    "--hal",
    type=click.Choice(["real", "bench", "emulated"]),
    default="real",
    show_default=True,
    help="The robot; servos on their ports without IMU and feet; the physics twin behind emulated wires.",
)
@bundle_option("Whose robot; without it that of the standing bundle.")
@click.option("--config", type=click.Path(path_type=Path), help="Wiring; without it the robot's own.")
@click.option("--amplitude", type=FiniteRange(0.05, 0.5), default=0.25, show_default=True, help="Of the motion, rad.")
@click.option("--top-speed", type=FiniteRange(0.5, 12), help="No command asks for more, rad/s; 1.5 x robot_config's.")
@click.option("--margin", type=FiniteRange(0.02, 0.5), default=0.05, show_default=True, help="Left of the range, rad.")
@click.option(
    "--hold", is_flag=True, help="The other servos of the joint's bus hold: for hips, which swing a limp leg."
)
@click.option("--output", type=click.Path(path_type=Path), help="Where to; without it the robot's robot_params.yaml.")
@click.option("--plot", type=click.Path(path_type=Path), help="Folder for a picture of each joint.")
@click.option("--yes", is_flag=True, help="Do not ask whether the feet are in the air.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    joints: Sequence[str],
    hal: str,
    bundle: Path | None,
    config: Path | None,
    amplitude: float,
    top_speed: float | None,
    margin: float,
    hold: bool,
    output: Path | None,
    plot: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Find delay, speed limit, lag, backlash and friction of each servo, beside the MJCF's.

    The robot hangs with its feet in the air. One joint after the other is moved slowly back and forth, in steps at top
    speed and in a chirp, about 20 s each, inside its range; without --hold no other servo has torque. A foot switch
    that is pressed, a joint that does not follow or leaves its range, and Ctrl-C end it with torque off.

    What was measured goes into robot_params.yaml, which `trainer train --robot-params` reads; joints that were not
    moved keep what stands there.

    Example: robotctl sysid --joint left_knee_pitch --plot pictures

    Exit codes: 0 ok, 1 a joint was stopped or does not behave like a servo, 2 refused, 3 hardware not reachable, 130
    interrupted.
    """
    progress = Progress(sys.stderr)
    robot = _robot(bundle, config)
    path = output or state_folder() / "robot_params.yaml"
    expect_writable(path, "--output")
    with refusing(ConfigError):
        before = load_robot_params(path, robot.config) if path.exists() else None
    jobs = _jobs(robot, joints or robot.config.actuator_names, amplitude, top_speed, margin, hold)
    says = described(robot.bundle, robot.wiring, hold)
    if not says:
        progress.say("warning: no MJCF to compare with, or no MuJoCo to read it; pip install 'wildrobot[sim]'")
    records = _record(robot, hal, jobs, progress, ask=hal == "real" and not yes)
    fits = {}
    for job in jobs:
        progress.show(f"fitting {job.joint}")
        fits[job.joint] = fit_servo(records[job.joint], job.bounds.top_speed_rad_s * UNITS_PER_RAD)
    progress.end()
    findings = _findings(robot, jobs, records, fits, says)
    params = params_of(robot.config.robot_name, findings, robot.wiring)
    _write(path, robot_params_to_yaml(params if before is None else merged(before, params)).encode())
    pictures = [] if plot is None else _draw(plot, records, fits, progress)
    if as_json:
        told = {"hal": hal, "output": str(path), "pictures": [str(picture) for picture in pictures]}
        told["joints"] = {joint: finding.to_json() for joint, finding in findings.items()}  # type: ignore[assignment]
        click.echo(json.dumps(told, allow_nan=False))
    else:
        click.echo("\n".join([table(findings), f"  {path} is written", *(f"  {picture}" for picture in pictures)]))
    return EXIT_POOR if any(finding.poor for finding in findings.values()) else EXIT_OK


def _ask_for_feet_in_the_air(count: int) -> None:
    try:
        if click.confirm(f"{count} joints will move, one at a time. Are both feet in the air?", err=True):
            return
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise Refusal("nothing was moved, since the input has ended; run it in a terminal, or with --yes") from None
    raise Refusal("nothing was moved; lift the robot, then run it again")


def _robot(bundle: Path | None, config: Path | None) -> Robot:
    wiring = read_wiring(config)
    with refusing(ContractError):
        loaded = load_bundle(bundle or assets_dir() / "bundles" / "standing", open_session)
        own = loaded.robot_config or load_robot_config(assets_dir() / "robot_config.yaml")
    return Robot(loaded, own, wiring)


def _jobs(
    robot: Robot,
    joints: Sequence[str],
    amplitude_rad: float,
    top_speed_rad_s: float | None,
    margin_rad: float,
    hold: bool,
) -> list[Job]:
    """Raises Refusal: no such joint, or one without room to move."""
    jobs, wiring = [], robot.wiring
    for name in dict.fromkeys(joints):
        if name not in robot.config.joints:
            raise Refusal(f"--joint {name}: no such joint{suggest(name, robot.config.actuator_names)}")
        if name not in wiring.joints:
            raise Refusal(f"--joint {name}: robotd.yaml has no servo for it, expected one in hardware.joints")
        joint = robot.config.joints[name]
        top = top_speed_rad_s or OVER_RATED * joint.max_velocity_rad_s
        try:
            bounds = bounds_of(
                (joint.range_min_rad, joint.range_max_rad),
                robot.config.home_pose_rad[name],
                amplitude_rad,
                margin_rad,
                top,
                joint.max_velocity_rad_s,
            )
        except ValueError as problem:
            raise Refusal(f"{name}: {problem}; give a smaller --margin") from None
        wire = wiring.joints[name]
        jobs.append(Job(name, wire.bus, wire.servo_id, servo_frame([wiring.calibration[name]]), bounds, hold))
    return jobs


def _record(robot: Robot, hal: str, jobs: Sequence[Job], progress: Progress, ask: bool) -> dict[str, Record]:
    """Open the robot, ask the person beside it if `ask` is set, and move.

    Raises:
        CheckFailed, Refusal, Unreachable: one sentence; everything is limp.
    """
    with hardware_lock("sysid") if hal in ON_PORTS else nullcontext():
        try:
            hardware: Any = open_hardware(hal, robot.bundle, robot.wiring)
            try:
                if ask:
                    _ask_for_feet_in_the_air(len(jobs))
                return run_held(record_joints(hardware, jobs, hal != "bench", progress.say))
            finally:
                hardware.close()
        except TrialError as problem:
            raise CheckFailed(str(problem)) from None
        except UnreachableError as problem:
            raise Unreachable(str(problem)) from None
        except HardwareError as problem:
            raise Refusal(str(problem)) from None


def _findings(
    robot: Robot,
    jobs: Sequence[Job],
    records: Mapping[str, Record],
    fits: Mapping[str, Fit],
    says: Mapping[str, Described],
) -> dict[str, Finding]:
    findings = {}
    for job in jobs:
        name, rated = job.joint, robot.config.joints[job.joint].max_velocity_rad_s
        count, top = len(records[name].units), job.bounds.top_speed_rad_s
        findings[name] = finding_of(name, fits[name], count, rated, top, says.get(name))
    return findings


def _draw(folder: Path, records: Mapping[str, Record], fits: Mapping[str, Fit], progress: Progress) -> list[Path]:
    """The figures stand already: that no picture can be drawn is a line, not an end."""
    pictures = []
    try:
        for joint, fit in fits.items():
            picture = draw_fit(joint, records[joint], fit)
            _write(folder / f"{joint}.png", picture)
            pictures.append(folder / f"{joint}.png")
    except PlotError as problem:
        progress.say(f"warning: {problem}")
    return pictures


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises Refusal."""
    try:
        write_whole(path, data)
    except OSError as problem:
        raise Refusal(f"{path}: {problem.strerror}, expected a file that can be written") from None
