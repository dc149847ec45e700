"""Verb calibrate: find out, step by step, how this robot is put together, and write calibration.yaml."""

from __future__ import annotations

import datetime
import json
import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from robotd.calibration import (
    Calibration,
    CalibrationError,
    backups,
    calibration_path,
    load_calibration,
    robot_identity,
    save_calibration,
)
from robotd.ctl.calibration.draft import DRAFT_SUFFIX, PARTS, Draft, take_back
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.id_list import read_ids
from robotd.ctl.refusal import Refusal, expect_writable, refusing
from robotd.ending import ENDING
from robotd.places import own_config, state_folder

if TYPE_CHECKING:
    from contract.robot_config import RobotConfig
    from robotd.wiring import Wiring

EXIT_OK, EXIT_FAILED = 0, 1
ALL_IDS = "0-253"


@click.command()
@click.argument("steps", nargs=-1, metavar="[STEP]...", type=click.Choice(list(PARTS)))
@click.option(
    "--hal",
    type=click.Choice(["real", "bench", "emulated"]),
    default="real",
    show_default=True,
    help="bench: servos on their ports, no senses. emulated: rehearse on a robot put together by chance.",
)
@click.option("--config", type=click.Path(path_type=Path), help="robotd.yaml; without it the robot's own.")
@click.option("--robot-config", type=click.Path(path_type=Path), help="robot_config.yaml; by default WildRobot's.")
@click.option(
    "--file", type=click.Path(path_type=Path), help="Write here in place of /var/lib/robotd/calibration.yaml."
)
@click.option("--answers", type=click.Path(path_type=Path), help="YAML with answers by the prompts' names.")
@click.option("--ids", default=ALL_IDS, show_default=True, help="Where servos are looked for, as 1-11.")
@click.option("--seed", default=0, show_default=True, help="Which emulated robot.")
@click.option(
    "--reply-ms", type=FiniteRange(1, 1000), help="Longest wait for a servo's answer; usually 10, on a bench 20."
)
@click.option("--undo", metavar="STEP", type=click.Choice(list(PARTS)), help="Take a step back; nothing else is done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    steps: Sequence[str],
    hal: str,
    config: Path | None,
    robot_config: Path | None,
    file: Path | None,
    undo: str | None,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Find out how this robot is put together: all steps, or the named ones.

    \b
    servos     find all servos, and see which joint each one turns
    direction  to which side each joint turns
    offsets    where each servo stands at the joint's zero, by hand or in a jig
    range      where each joint stops, against robot_config.yaml
    imu        how the IMU is mounted
    feet       which foot switch is on which pin
    home       stand at home, and trim what leans
    verify     all of it again

    The robot hangs in its stand. One joint at a time moves, at 60 units/s (0.25 rad/s) at most, and its name is on the
    screen first. What is found is kept in a draft at once: a run that was ended anywhere goes on where it was. The
    calibration is written when all steps are done; the one before stays beside it.

    Example: robotctl calibrate --hal emulated --seed 3

    Exit codes: 0 ok, 1 a step failed, 2 refused, 3 a device does not answer, 130 interrupted.
    """
    from contract import assets_dir
    from contract.errors import ConfigError
    from contract.robot_config import load_robot_config
    from robotd.ctl.calibration.steps import expect_needs

    with refusing(ConfigError):
        robot = load_robot_config(robot_config or assets_dir() / "robot_config.yaml")
    path = file or (state_folder() / "rehearsal" / "calibration.yaml" if hal == "emulated" else calibration_path())
    expect_writable(path, "--file")
    with refusing(CalibrationError, OSError):
        if undo:
            return _undo(path, robot, undo, as_json)
    wanted, wiring = tuple(steps) or tuple(PARTS), _wiring(config, robot)
    with refusing(CalibrationError, OSError):
        draft = _begun(path, robot, wiring, chosen["seed"] if hal == "emulated" else None, steps)
    expect_needs(draft.content.done, wanted, _again())
    _run(draft, wanted, robot, hal, wiring, **chosen)
    with refusing(CalibrationError, OSError):
        return _finish(path, draft, as_json)


def _begun(path: Path, robot: RobotConfig, wiring: Wiring, seed: int | None, steps: Sequence[str]) -> Draft:
    """The draft that is gone on with; where there is none of this robot, single steps begin from its calibration.

    Args:
        seed: of the emulated robot; None: a real one.
    """
    draft = Draft(path.with_name(path.name + DRAFT_SUFFIX), robot_identity(robot))
    line = draft.tie(seed)
    if steps and not draft.resumed:
        old = load_calibration(path, robot_identity(robot))
        if old is not None and seed is not None and not _is_of(old, robot, wiring, seed):
            line = f"{path} is of another emulated robot than that of seed {seed}: begun anew"
        elif old is not None:
            draft.begin_from(old, tuple(steps))
    if line:
        click.echo(f"  {line}", err=True)
    return draft


def _is_of(old: Calibration, robot: RobotConfig, wiring: Wiring, seed: int) -> bool:
    """Whether the emulated robot of a seed has the servos of a calibration, whichever joint each may turn."""
    from robotd.ctl.calibration.hidden_robot import draw_truth

    servos = {(wire.bus, wire.servo_id) for wire in draw_truth(robot, wiring, seed).wires.values()}
    return servos == {(joint.bus, joint.servo_id) for joint in old.joints.values()}


def _again() -> str:
    """This command without its steps, for a hint: without its options the next one would move another robot."""
    context, words = click.get_current_context(), ["robotctl", "calibrate"]
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and given and name not in ("undo", "as_json"):
            words += [option.opts[0], str(context.params[name])]
    return shlex.join(words)


def _wiring(config: Path | None, robot: RobotConfig) -> Wiring:
    """What robotd.yaml says, without any calibration. Raises Refusal."""
    from robotd.config import ConfigFileError, load_config

    with refusing(ConfigFileError):
        wiring = load_config(own_config(config)).hardware
    odd = sorted(set(wiring.joints) ^ set(robot.actuator_names))
    if odd:
        raise Refusal(f"hardware.joints and robot_config.yaml differ in {', '.join(odd)}, expected the same joints")
    return wiring


def _run(
    draft: Draft,
    wanted: Sequence[str],
    config: RobotConfig,
    hal: str,
    wiring: Wiring,
    answers: Path | None,
    ids: str,
    seed: int,
    reply_ms: float | None,
) -> None:
    """Open the robot and do the steps. SIGTERM, Ctrl-Z or a hangup end it as Ctrl-C does: limp, and the draft stays."""
    from robotd.ctl.calibration.bench import Bench
    from robotd.ctl.calibration.opening import open_hidden, open_robot, person_for
    from robotd.ctl.calibration.steps import run_steps

    looked_at = read_ids(ids)
    with _terminable(), refusing(CalibrationError, OSError):
        if hal == "emulated":
            with open_hidden(config, wiring, seed, answers) as (hidden, rehearsing):
                run_steps(_hung(Bench(hidden, config, wiring, draft, rehearsing, looked_at)), wanted, _say)
        else:
            person = person_for(answers)
            with open_robot(hal, wiring, reply_ms and reply_ms / 1e3) as robot:
                run_steps(_hung(Bench(robot, config, wiring, draft, person, looked_at)), wanted, _say)


def _hung(bench: Any) -> Any:
    """Torque goes off before anything else, and so the robot must hang."""
    bench.ask(
        "begin", "Hang the robot in its stand, feet in the air, with the power switch at hand. Its torque goes off now."
    )
    bench.robot.limp_all()
    return bench


def _finish(path: Path, draft: Draft, as_json: bool) -> int:
    """Write the calibration if it is complete, and say what there is."""
    said: dict[str, Any] = {"done": draft.content.done, "missing": list(draft.missing), "draft": str(draft.path)}
    if draft.missing:
        said |= {"written": None, "backup": None, "calibration": None}
        lines = [f"not written yet: {', '.join(draft.missing)} to do; {draft.path} keeps the rest"]
    else:
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        calibration = draft.calibration(now.isoformat())
        kept = save_calibration(path, calibration)
        draft.discard()
        said |= {"draft": None, "written": str(path), "backup": kept and str(kept)}
        said |= {"calibration": calibration.model_dump() | {"hash": calibration.content_hash}}
        lines = [*_table(calibration), f"written to {path}{f', the one before is {kept.name}' if kept else ''}"]
        doubts = calibration.doubts
        lines += [f"WRONG: {doubt}" for doubt in doubts or ()]
        lines += [f"not verified yet, and does not arm: {_again()} verify"] if doubts is None else []
    click.echo(json.dumps(said) if as_json else "\n".join(f"  {line}" for line in lines))
    return EXIT_FAILED if draft.content.doubts else EXIT_OK


def _table(calibration: Calibration) -> list[str]:
    width = max(len(name) for name in calibration.joints)
    lines = [f"{'joint':<{width}}  {'bus':<10}  id  dir  offset  range rad"]
    for name, joint in calibration.joints.items():
        low, high = joint.range_rad
        place = f"{name:<{width}}  {joint.bus:<10}  {joint.servo_id:>2}"
        lines.append(f"{place}   {joint.direction:+d}    {joint.offset_units:+4d}  {low:+.2f} {high:+.2f}")
    switches = ", ".join(f"{name} GPIO {wire.pin}" for name, wire in calibration.foot_switches.items())
    quat = " ".join(f"{part:+.4f}" for part in calibration.imu.mounting_wxyz)
    trims = ", ".join(f"{name} {value:+.3f}" for name, value in calibration.home_trim_rad.items() if value)
    return [*lines, f"IMU mounting wxyz {quat}", f"switches {switches}", f"trim rad {trims or 'none'}"]


def _undo(path: Path, robot: RobotConfig, step: str, as_json: bool) -> int:
    """Take a step out of the draft; where there is none, put back what the newest other backup has of it."""
    draft = Draft(path.with_name(path.name + DRAFT_SUFFIX), robot_identity(robot))
    if draft.resumed:
        gone = draft.undo(step)
        said: dict[str, Any] = {"undone": gone, "draft": str(draft.path), "backup": None}
        line = f"{', '.join(gone)} taken back; {draft.path} keeps the rest"
    else:
        now = load_calibration(path, robot_identity(robot))
        if now is None:
            raise Refusal(f"--undo {step}: nothing is calibrated yet, neither {path} nor a draft is there")
        kept, before = _before(path, now, step)
        save_calibration(path, before)
        said = {"undone": [step], "draft": None, "backup": str(kept)}
        line = f"{step} is as it was in {kept.name}; the undone one lies beside it"
    click.echo(json.dumps(said) if as_json else f"  {line}")
    return EXIT_OK


def _before(path: Path, now: Calibration, step: str) -> tuple[Path, Calibration]:
    """The newest backup with another outcome of a step, and the present calibration with that outcome."""
    for kept in backups(path).values():
        old = load_calibration(kept, now.robot)
        changed = None if old is None else take_back(now, old, step)
        if changed is not None and changed != now:
            return kept, changed
    raise Refusal(f"--undo {step}: no backup beside {path} has another outcome of it; calibrate it again")


@contextmanager
def _terminable() -> Iterator[None]:
    numbers = set(ENDING) - {signal.SIGINT}
    before = {number: signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    click.echo(f"\n{text}", err=True)
