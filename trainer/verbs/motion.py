"""`trainer motion`: build, import and look at reference motions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contract import ConfigError, assets_dir, load_robot_config

from ..cli import FAILED
from .finite import FINITE

if TYPE_CHECKING:
    from ..physics.robot_model import RobotModel


@click.group()
def command() -> None:
    """Build, import and look at reference motions."""


@command.command()
@click.option("--period", type=FINITE, help="s, a whole cycle [0.64]")
@click.option("--lift", type=FINITE, help="m, of the swinging foot; less where the joints do not allow it [0.035]")
@click.option("--double-support", type=FINITE, help="share of each half cycle in which both feet stand [0.06]")
@click.option("--lower", type=FINITE, help="m, pelvis below its standing height while walking [0.012]")
@click.option("--output", type=Path, default=Path("runs/walk.npz"), show_default=True, help="the .npz to write")
def build(output: Path, **options: float | None) -> None:
    """Make gaits for a grid of velocities, and say whether the robot can do them.

    \b
    Example:
      trainer motion build --output runs/walk.npz

    Exit codes: 0 ok, 1 the robot cannot do them, 2 refused.
    """
    from ..motion.feasible import check_motion, table
    from ..motion.gait import COMMAND_GRID, GaitParams, generate, provenance
    from ..motion.reference import save_reference

    names = {"period": "period_s", "lift": "lift_m", "double_support": "double_support", "lower": "lower_m"}
    params = GaitParams(**{names[key]: value for key, value in options.items() if value is not None})  # type: ignore[arg-type]
    robot = robot_model()
    generated = generate(robot, params, COMMAND_GRID)
    click.echo(table(robot.config, check_motion(robot, generated.motion)))
    for velocity, reason in generated.left_out.items():
        click.echo(f"left out {velocity[0]:5.2f} {velocity[1]:5.2f}: {reason}")
    if not generated.motion.command.any():
        click.echo("trainer: no gait is feasible, nothing written; try another --period or a lower --lift", err=True)
        sys.exit(FAILED)
    save_reference(output, generated.motion, provenance(robot.config, params))
    click.echo(f"{output}: {len(generated.motion.command)} clips, {output.stat().st_size / 1000:.0f} kB")


@command.command("import")
@click.argument("file", type=Path)
@click.option("--format", "kind", default="auto", show_default=True, help="auto, deepmimic, bvh or amass")
@click.option("--licence", default="", help="under which the recording may be used; required")
@click.option("--source", default="", help="who recorded it and where it is from; required")
@click.option("--output", type=Path, required=True, help="the .npz to write")
@click.option("--unit", type=FINITE, help="m, the file's unit of length [the one that makes a person]")
@click.option("--stride", type=FINITE, help="share of the scaled stride [the largest that the servos can do]")
@click.option("--slower", type=FINITE, default=1.0, show_default=True, help="how much longer a cycle takes than scaled")
@click.option("--lower", type=FINITE, default=0.015, show_default=True, help="m, pelvis below its standing height")
@click.option("--symmetric/--as-recorded", default=True, show_default=True, help="average the two sides")
def import_(
    file: Path,
    kind: str,
    licence: str,
    source: str,
    output: Path,
    unit: float | None,
    stride: float | None,
    slower: float,
    lower: float,
    symmetric: bool,
) -> None:
    """Retarget a recorded person (DeepMimic, BVH, AMASS) onto the robot; licence and source are kept in the file.

    \b
    Example:
      trainer motion import walk.bvh --licence CC0 --source "who, where" --output human.npz

    Exit codes: 0 ok, 1 the servos can do no stride of it, 2 refused.
    """
    from ..motion.clips import read_clip
    from ..motion.cycle import mean_cycle
    from ..motion.feasible import check_motion, table
    from ..motion.reference import save_reference
    from ..motion.retarget import OVERSAMPLE, RetargetParams, check_params, largest_stride, provenance, retarget

    for name, text in (("--licence", licence), ("--source", source)):
        if not text.strip():
            raise ConfigError(f"{file}: {name} is missing, expected it as the motion carries it along; state it")
    params = RetargetParams(stride=stride if stride is not None else 1.0, slower=slower, lower_m=lower)
    check_params(params)
    human = mean_cycle(read_clip(file, kind, unit), params.frames * OVERSAMPLE, symmetric)
    click.echo(
        f"person: {human.cycles} cycles of {human.period_s:.2f} s, {human.velocity[0]:.2f} m/s forward, "
        f"leg {human.leg_m:.2f} m, double support {human.double_support:.0%} of a half cycle"
    )
    robot = robot_model()
    found = (retarget(robot, human, params), params) if stride is not None else largest_stride(robot, human, params)
    if isinstance(found, str):
        click.echo(f"trainer: the servos can do no stride of it, nothing written; the smallest: {found}", err=True)
        sys.exit(FAILED)
    motion, params = found
    verdicts = check_motion(robot, motion)
    click.echo(
        f"robot: cycle {float(motion.period_s):.2f} s, {motion.command[0, 0]:.2f} m/s, stride {params.stride:.0%}"
    )
    click.echo(table(robot.config, verdicts))
    save_reference(output, motion, provenance(robot.config, human, params, licence, source))
    click.echo(f"{output}: {output.stat().st_size / 1000:.0f} kB")
    sys.exit(FAILED if verdicts[0].status == "fail" else 0)


@command.command()
@click.argument("file", type=Path)
@click.option("--clip", type=click.IntRange(0), help="which clip [the fastest forward]")
@click.option("--output", type=Path, help="write a picture there [strip.png with --headless]")
@click.option("--headless", is_flag=True, help="no window, only the picture")
def view(file: Path, clip: int | None, output: Path | None, headless: bool) -> None:
    """Look at a motion: in MuJoCo's window, or as a picture of poses and curves.

    \b
    Example:
      trainer motion view assets/motions/walk.npz --headless --output strip.png

    Exit codes: 0 ok, 2 refused.
    """
    from ..motion.reference import load_reference

    motion, provenance = load_reference(file, load_robot_config(assets_dir() / "robot_config.yaml"))
    count = len(motion.command)
    index = int((motion.command[:, 0] - abs(motion.command[:, 1])).argmax()) if clip is None else clip
    if index >= count:
        raise ConfigError(f"{file}: has no clip {index}, expected 0 to {count - 1}; correct --clip")
    vx, vy, _ = motion.command[index]
    click.echo(f"{file}: clip {index} of {count}, {vx:.2f} m/s forward, {vy:.2f} m/s left, {provenance['method']}")
    if not headless and output is None:
        from ..motion.window import play

        play(robot_model(), motion, index)
        return
    from ..view.graphics import choose_gl

    output, drawn = output or Path("strip.png"), True
    try:
        choose_gl()  # before anything imports mujoco
    except ConfigError:
        drawn = False
        click.echo(
            "no EGL or OSMesa works here, so there are curves alone; apt install libosmesa6 gives poses", err=True
        )
    from ..motion.strip import write_strip

    write_strip(robot_model(), motion, index, output, with_poses=drawn)
    click.echo(str(output))


def robot_model() -> RobotModel:
    from ..physics.robot_model import load_robot_model

    config = load_robot_config(assets_dir() / "robot_config.yaml")
    return load_robot_model(assets_dir() / "scene.xml", config, 0.002)
