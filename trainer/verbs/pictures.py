"""`trainer pictures`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("pictures")
@click.option("--bundle", type=Path, help="a walking bundle for the strip [assets/bundles/walking]")
@click.option("--output", type=Path, default=Path("docs/pictures"), show_default=True, help="folder of the PNGs")
def command(bundle: Path | None, output: Path) -> None:
    """Draw the robot for the README: front, side, home, squat, and its walking policy in physics.

    \b
    Example:
      trainer pictures --output docs/pictures

    Exit codes: 0 ok, 2 refused.
    """
    from ..view.graphics import choose_gl

    choose_gl()  # before anything imports mujoco
    from contract import assets_dir, load_robot_config

    from ..physics.robot_model import load_robot_model
    from ..view.gallery import write_gallery, write_walk

    assets = assets_dir()
    robot = load_robot_model(assets / "scene.xml", load_robot_config(assets / "robot_config.yaml"), 0.002)
    for path in [
        *write_gallery(robot, output),
        write_walk(bundle or assets / "bundles/walking", output / "walking.png"),
    ]:
        click.echo(f"{path}: {path.stat().st_size / 1000:.0f} kB")
