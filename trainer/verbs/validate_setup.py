"""`trainer validate-setup`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..cli import FAILED


@click.command("validate-setup")
@click.option("--config", "config_path", type=Path, help="training YAML [trainer/configs/walking.yaml]")
@click.option("--runs", type=Path, default=Path("runs"), show_default=True, help="where runs will be written")
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def command(config_path: Path | None, runs: Path, as_json: bool) -> None:
    """Check packages, robot, physics, rewards, symmetry, export and folders.

    \b
    Example:
      trainer validate-setup --config trainer/configs/standing.yaml

    A line begins with pass, warn (train all the same) or FAIL.

    Exit codes: 0 ok, 1 a check fails, 2 refused.
    """
    from ..config import load_train_config
    from ..validate import validate

    path = config_path or Path(__file__).resolve().parents[1] / "configs" / "walking.yaml"
    checks = []
    for check in validate(load_train_config(path), runs):
        checks.append(check)
        if not as_json:
            click.echo(check.line())
    passed = all(check.passed for check in checks)
    if as_json:
        click.echo(json.dumps({"passed": passed, "checks": [check._asdict() for check in checks]}))
    sys.exit(0 if passed else FAILED)
