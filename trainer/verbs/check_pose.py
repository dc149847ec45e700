"""`trainer check-pose`: the contract's proof that targets survive the way through actions and back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from contract import check_pose, load_bundle

from . import one_policy

TOLERANCE_RAD = 1e-4


@click.command("check-pose")
@click.option("--bundle", type=Path, required=True, help="folder of the policy")
@click.option("--verbose", is_flag=True, help="list the ends of joint ranges that actions never reach, by design")
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def command(bundle: Path, verbose: bool, as_json: bool) -> None:
    """Turn joint targets into actions and back: home, 1000 random poses, the limits that actions can reach.

    \b
    Example:
      trainer check-pose --bundle assets/bundles/walking

    Exit codes: 0 ok, 1 a pose is off by over 1e-4 rad, 2 refused.
    """
    from ..onnx_network import open_session

    result = check_pose(load_bundle(one_policy(bundle), open_session).spec)
    passed = all(error <= TOLERANCE_RAD for error in result.error_rad.values())
    if as_json:
        click.echo(
            json.dumps({"passed": passed, "error_rad": result.error_rad, "unreachable": list(result.unreachable)})
        )
        sys.exit(0 if passed else 1)
    for name, error in result.error_rad.items():
        click.echo(f"{name:8s} worst error {error:.1e} rad")
    if verbose:
        click.echo("".join(f"out of reach: {limit}\n" for limit in result.unreachable), nl=False)
    elif result.unreachable:
        many = len(result.unreachable)
        click.echo(f"reach    {many} ends of joint ranges are never reached, by design: --verbose lists them")
    click.echo("passed" if passed else f"FAILED, the bound is {TOLERANCE_RAD:g} rad")
    sys.exit(0 if passed else 1)
