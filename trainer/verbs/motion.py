"""`trainer motion`: build, import and look at reference motions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..cli import FAILED

if TYPE_CHECKING:
    from ..physics.robot_model import RobotModel


@click.group()
def command() -> None:
    """Build, import and look at reference motions."""


@command.command()
@click.option("--period", type=float, help="s, a whole cycle [0.64]")
@click.option("--lift", type=float, help="m, of the swinging foot; less where the joints do not allow it [0.035]")
@click.option("--double-support", type=float, help="share of each half cycle in which both feet stand [0.06]")
@click.option("--lower", type=float, help="m, pelvis below its standing height while walking [0.012]")
@click.option("--output", type=Path, default=Path("assets/motions/walk.npz"), show_default=True)
def build(output: Path, **options: float | None) -> None:
    """Make gaits for a grid of velocities, and say whether the robot can do them."""
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


def robot_model() -> RobotModel:
    from contract import assets_dir, load_robot_config

    from ..physics.robot_model import load_robot_model

    config = load_robot_config(assets_dir() / "robot_config.yaml")
    return load_robot_model(assets_dir() / "scene.xml", config, 0.002)
