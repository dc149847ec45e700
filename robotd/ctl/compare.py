"""Verb compare: a log's commands once more, on the physics twin, and where its joints go otherwise."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from contract import Bundle, ContractError, assets_dir, load_bundle
from robotd.blackbox_layout import BlackBoxError, Header
from robotd.blackbox_reader import BlackBoxFile
from robotd.bundle_choice import bundle_option
from robotd.ctl.comparison.errors import JointError, joint_errors, outstanding
from robotd.ctl.comparison.plot import draw_comparison
from robotd.ctl.comparison.session import read_session
from robotd.ctl.comparison.twin import Base, simulate, simulate_as_it_was
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.log import chosen_box
from robotd.ctl.log_export import counted
from robotd.ctl.plotting import PlotError
from robotd.ctl.progress import Progress
from robotd.ctl.refusal import CheckFailed, Refusal, refusing
from robotd.hal import HardwareError
from robotd.hal.sim import open_twin
from robotd.policy import open_session

EXIT_OK, EXIT_FAILED = 0, 1
LEAST_TICKS = 10


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@bundle_option("Whose robot; without it that of the standing bundle.")
@click.option("--last", "last_s", type=FiniteRange(0.001, 1e6), help="Only so many seconds before the end.")
@click.option(
    "--base",
    type=click.Choice(["auto", "free", "resumed", "held"]),
    default="auto",
    show_default=True,
    help="The twin stands on its feet; is put where the robot was every 0.3 s; hangs on its stand.",
)
@click.option("--plot", type=click.Path(path_type=Path), help="A picture of all joints, PNG.")
@click.option("--max-rms", type=FiniteRange(0, 10), help="Exit 1 where a joint's error exceeds it, rad.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    file: Path | None,
    bundle: Path | None,
    last_s: float | None,
    base: str,
    plot: Path | None,
    max_rms: float | None,
    as_json: bool,
) -> int:
    """Replay a log's commands on the physics twin and compare the joints.

    FILE is the newest black box unless you name one. The twin begins in the pose that was measured and is told what
    the servos were told; ticks without torque do not count. Needs MuJoCo.

    Example: robotctl compare --last 20 --plot compare.png

    Exit codes: 0 ok, 1 a joint is off by more than --max-rms, or the log has nothing to compare, 2 refused.
    """
    progress = Progress(sys.stderr)
    with refusing(BlackBoxError, ContractError), BlackBoxFile(chosen_box(file)) as opened:
        loaded = load_bundle(bundle or assets_dir() / "bundles" / "standing", open_session)
        header = opened.header
        _must_match(loaded, header, opened.path)
        session = read_session(opened, counted(opened, opened.scan(), last_s, progress.show))
    if session is None or session.powered.sum() < LEAST_TICKS:
        raise CheckFailed(f"{opened.path}: hardly any tick has torque, expected {LEAST_TICKS}; take another file")
    with refusing(HardwareError):
        twin = open_twin(loaded, joint_noise_rad=0.0)
    if base == "auto":
        simulated = simulate_as_it_was(twin, session, header.ctrl_dt, progress.show, progress.say)
    else:
        simulated = simulate(twin, session, header.ctrl_dt, Base(base), progress.show)
    progress.end()
    errors = joint_errors(header.joints, session, simulated)
    alone = outstanding(errors) if simulated.can_name(session) else None
    found: dict[str, Any] = {
        "file": str(opened.path),
        "bundle": str(loaded.path),
        "ticks": int(session.powered.sum()),
        "base": simulated.base.value,
        "can_name": simulated.can_name(session),
        "worst": max(errors, key=lambda error: error.rms_rad).joint,
        "outstanding": None if alone is None else alone.joint,
        "lean_rad": float(simulated.leans_rad[session.powered].max()),
    }
    if plot is not None:
        try:
            picture = draw_comparison(session, simulated, errors, f"{opened.path.name}, base {found['base']}")
            _write(plot, picture)
            found["picture"] = str(plot)
        except PlotError as problem:
            progress.say(f"warning: {problem}")
    passed = max_rms is None or max(error.rms_rad for error in errors) <= max_rms
    click.echo(json.dumps(_to_json(found, errors, passed)) if as_json else _table(found, errors, max_rms))
    return EXIT_OK if passed else EXIT_FAILED


def _must_match(bundle: Bundle, header: Header, path: Path) -> None:
    """Raises Refusal: another robot, or another control period."""
    joints, ctrl_dt = list(bundle.spec.robot.actuator_names), bundle.spec.runtime.ctrl_dt
    if joints != header.joints:
        raise Refusal(
            f"{bundle.path}: drives {', '.join(joints)}, expected the joints of {path}: {', '.join(header.joints)}; "
            "give --bundle"
        )
    if abs(ctrl_dt - header.ctrl_dt) > 1e-9:
        raise Refusal(
            f"{bundle.path}: ticks every {ctrl_dt:g} s, expected {header.ctrl_dt:g} s as {path}; give --bundle"
        )


def _to_json(found: dict[str, Any], errors: list[JointError], passed: bool) -> dict[str, Any]:
    return found | {"passed": passed, "joints": [error._asdict() for error in errors]}


def _table(found: dict[str, Any], errors: list[JointError], max_rms: float | None) -> str:
    lines = [
        f"  {found['file']}: {found['ticks']} ticks with torque, twin {found['base']}",
        f"  {'joint':<20}{'rms rad':>10}{'largest':>10}{'mean':>10}{'moved':>10}{'delay ms':>10}",
    ]
    for error in errors:
        delay = "-" if error.delay_s is None else f"{error.delay_s * 1e3:.1f}"
        lines.append(
            f"  {error.joint:<20}{error.rms_rad:>10.5f}{error.worst_rad:>10.5f}{error.bias_rad:>10.5f}"
            f"{error.moved_rad:>10.5f}{delay:>10}"
        )
    worst = max(errors, key=lambda error: error.rms_rad)
    meaning = "no joint stands out"
    if found["outstanding"]:
        meaning = "far more than the others: look at its servo"
    elif not found["can_name"]:
        meaning = "which may be the ground's: compare a log of the robot standing, or in the air, to name a servo"
    lines.append(f"  worst: {worst.joint}, {worst.rms_rad:.5f} rad rms, {meaning}")
    if found["base"] != "held":
        lines.append(f"  the twin's vertical was off by {found['lean_rad']:.3f} rad at most")
    if "picture" in found:
        lines.append(f"  {found['picture']}")
    if max_rms is not None and worst.rms_rad > max_rms:
        lines.append(f"  FAILED: {worst.joint} is off by more than {max_rms:g} rad rms")
    return "\n".join(lines)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as problem:
        raise Refusal(f"--plot {path}: {problem.strerror}, expected a file that can be written") from None
