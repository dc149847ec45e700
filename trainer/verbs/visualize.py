"""`trainer visualize`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract import ConfigError

from . import own_config
from .finite import FINITE, FiniteRange

if TYPE_CHECKING:
    from ..view.frames import Frame


@click.command()
@click.option("--checkpoint", "run", type=Path, help="a run or one of its checkpoints")
@click.option("--bundle", type=Path, help="a bundle, run through ONNX as on the robot")
@click.option("--config", "config_path", type=Path, help="training YAML [the run's or the bundle's own]")
@click.option("--headless", is_flag=True, help="no window: write --output")
@click.option("--output", type=Path, help="FILE.mp4 for a film, FILE.png for ten moments [walk.mp4 or stand.mp4]")
@click.option("--browser", is_flag=True, help="in a web browser instead of a window")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="of --browser")
@click.option("--num-episodes", "episodes", type=click.IntRange(1), help="[1 headless, else until it is closed]")
@click.option(
    "--num-steps", "steps", type=click.IntRange(1), default=500, show_default=True, help="of a trial, 20 ms each"
)
@click.option("--velocity", type=FINITE, help="commanded forward velocity, m/s [0.4 to walk, 0 to stand]")
@click.option("--command", "asked", type=(FINITE,) * 3, help="vx vy m/s and yaw rate rad/s; or --velocity")
@click.option("--push-n", type=FiniteRange(0), default=10.0, show_default=True, help="N, .2 s every 2-4 s")
@click.option("--floor", type=click.Choice(("flat", "tilted", "rough")), help="[slopes by the config's law]")
@click.option("--seed", type=int, default=0, show_default=True, help="of all that is drawn")
@click.option("--ghost/--no-ghost", default=True, show_default=True, help="the reference motion beside it, in green")
def command(
    run: Path | None,
    bundle: Path | None,
    headless: bool,
    browser: bool,
    output: Path | None,
    port: int,
    episodes: int | None,
    **wishes: Any,
) -> None:
    """Watch a policy: in MuJoCo's window, in the browser, or as a film.

    Pushes are arrows, loaded joints orange, soles that touch the floor blue; a green ghost at its side does what the
    reference motion does.

    On macOS the window needs `mjpython -m trainer visualize`.

    \b
    Examples:
      trainer visualize --bundle assets/bundles/walking --headless --output walk.mp4
      trainer visualize --checkpoint runs/walking --browser --floor rough

    Exit codes: 0 ok, 2 refused, 130 interrupted.
    """
    if (run is None) == (bundle is None):
        raise ConfigError("trainer visualize: found both or neither of --checkpoint and --bundle, expected one of them")
    if headless and browser:
        raise ConfigError("trainer visualize: found both --headless and --browser, expected one of them")
    if output is not None and not headless:
        raise ConfigError("trainer visualize: found --output without --headless, expected both; add --headless")
    if headless:
        from ..view.graphics import choose_gl

        choose_gl()  # before anything imports mujoco
        _film(run, bundle, output, episodes or 1, wishes)
    elif browser:
        _browse(run, bundle, port, episodes, wishes)
    else:
        from ..view.window import check_display, watch

        check_display()
        env, policy = _robot(run, bundle, 1, wishes)
        watch(env.robot, _episodes(env, policy, episodes, wishes), env.config.ctrl_dt)


def _film(run: Path | None, bundle: Path | None, output: Path | None, episodes: int, wishes: dict[str, Any]) -> None:
    from ..progress import Progress
    from ..view.film import check_output, pictures_in, write_film, write_strip
    from ..view.frames import record

    if output is not None:
        check_output(output)
    env, policy = _robot(run, bundle, episodes, wishes)
    path = output or Path("walk.mp4" if env.spec.runtime.gait_period_s else "stand.mp4")
    with Progress("walking", episodes * wishes["steps"]) as progress:
        films = record(env, progress.counted(policy), wishes["seed"], wishes["floor"], wishes["ghost"])
    if path.suffix == ".png":
        write_strip(env.robot, films[0], path)
    else:
        with Progress("drawing", pictures_in(films, env.config.ctrl_dt)) as progress:
            write_film(env.robot, films, path, env.config.ctrl_dt, progress.add)
    fell = sum(frames[-1].fell for frames in films)
    click.echo(f"{path}: {len(films)} episodes, {fell} with a fall")


def _browse(run: Path | None, bundle: Path | None, port: int, episodes: int | None, wishes: dict[str, Any]) -> None:
    from ..view.browser import BrowserScene, serve

    env, policy = _robot(run, bundle, 1, wishes)
    scene = BrowserScene(env.robot, port)
    click.echo(f"open {scene.url} in a browser; Ctrl-C ends")
    try:
        serve(scene, _episodes(env, policy, episodes, wishes), env.config.ctrl_dt)
    finally:
        scene.close()


def _robot(run: Path | None, bundle: Path | None, trials: int, wishes: dict[str, Any]) -> tuple[Any, Any]:
    """The env as it is evaluated, and the policy."""
    from ..checkpoint import latest_checkpoint
    from ..config import load_train_config
    from ..evaluate import bundle_policy, checkpoint_policy, evaluation_env
    from ..gate import default_command

    velocity, asked = wishes["velocity"], wishes["asked"]
    if velocity is not None and asked is not None:
        raise ConfigError("trainer visualize: found both --velocity and --command, expected one of them")
    config = load_train_config(wishes["config_path"] or own_config(run, bundle))
    policy = bundle_policy(bundle) if bundle else checkpoint_policy(config, latest_checkpoint(run or Path()))[0]
    goal = asked or (default_command(config.task) if velocity is None else (velocity, 0.0, 0.0))
    return evaluation_env(config, trials, wishes["steps"], wishes["push_n"], goal, floor=wishes["floor"]), policy


def _episodes(
    env: Any, policy: Any, count: int | None, wishes: dict[str, Any]
) -> Iterator[Callable[[], Iterator[Frame]]]:
    """One episode after the other, each from its own seed, compiled once."""
    from ..evaluate import Steps
    from ..view.frames import play

    steps = Steps(env)
    for number in itertools.count() if count is None else range(count):
        yield partial(play, env, policy, wishes["seed"] + number, wishes["floor"], steps, wishes["ghost"])
