"""What `trainer drop-test`, `torque-test`, `speed-test` and `reach-test` have in common: options, output, exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from contract import ConfigError

from ..cli import FAILED


def twin_test(test: str, text: str) -> click.Command:
    """The verb of one test; `text` is its help."""

    @click.command(f"{test}-test", help=text)
    @click.option("--config", "config_path", type=Path, help="training YAML [trainer/configs/walking.yaml]")
    @click.option("--model", type=Path, help="another MJCF, with a floor, instead of the config's")
    @click.option("--robot-config", type=Path, help="its robot_config.yaml")
    @click.option("--output", type=Path, default=Path("feasibility"), show_default=True, help="folder of PNG and JSON")
    @click.option("--no-picture", is_flag=True, help="JSON only, needs no GL")
    @click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
    def command(output: Path, no_picture: bool, as_json: bool, **files: Path | None) -> None:
        drawn = not no_picture and _gl(as_json)
        checked, robot = _check(test, **files)
        report = json.dumps(checked.verdict.as_dict())
        _write(output / f"{test}.json", report + "\n")
        if not as_json:
            click.echo(checked.verdict.table())
        click.echo(report if as_json else f"{output / f'{test}.json'}")
        if drawn and checked.panels:
            from ..feasibility.pictures import write_panels

            write_panels(robot, checked.panels, output / f"{test}.png")
            click.echo(f"{output / f'{test}.png'}", err=as_json)
        sys.exit(FAILED if checked.verdict.status == "fail" else 0)

    return command


def _gl(quiet: bool) -> bool:
    """Choose what draws, before mujoco is imported; whether there is one."""
    from ..view.graphics import choose_gl

    try:
        choose_gl()
    except ConfigError as problem:
        click.echo(f"no picture: {problem}", err=quiet)
        return False
    return True


def _check(test: str, config_path: Path | None, model: Path | None, robot_config: Path | None) -> Any:
    from ..config import load_train_config
    from ..feasibility.checks import CHECKS
    from ..feasibility.twin import load_twin

    path = config_path or Path(__file__).resolve().parents[1] / "configs" / "walking.yaml"
    twin = load_twin(load_train_config(path), model, robot_config)
    return CHECKS[test](twin), twin.robot


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise ConfigError(
            f"{path}: {problem.strerror}, expected a folder to write to; name another by --output"
        ) from None
