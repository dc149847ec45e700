"""Verb check-pose: joint targets turned into actions and back, for one bundle, without a robot."""

from __future__ import annotations

import json
from pathlib import Path

import click

from contract import ContractError, check_pose, load_bundle
from robotd.ctl.refusal import refusing
from robotd.policy import open_session

TOLERANCE_RAD = 1e-4
EXIT_OK, EXIT_FAILED = 0, 1


@click.command()
@click.option("--bundle", required=True, type=click.Path(path_type=Path), help="Folder of the policy.")
@click.option("--allow-unverified", is_flag=True, help="Take a bundle whose checksums are missing or stale.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(bundle: Path, allow_unverified: bool, as_json: bool) -> int:
    """Prove that joint targets survive the way through a bundle's actions and back.

    Poses are home, 1000 random ones, and the limits that actions can reach.

    \b
    Example:
      robotctl check-pose --bundle assets/bundles/standing

    Exit codes: 0 ok, 1 a pose is off by over 1e-4 rad, 2 refused.
    """
    with refusing(ContractError):
        loaded = load_bundle(bundle, open_session, allow_unverified)
        result = check_pose(loaded.spec)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    passed = all(error <= TOLERANCE_RAD for error in result.error_rad.values())
    if as_json:
        report = {"passed": passed, "tolerance_rad": TOLERANCE_RAD, "bundle": str(bundle)}
        click.echo(json.dumps(report | {"error_rad": result.error_rad, "unreachable": list(result.unreachable)}))
        return EXIT_OK if passed else EXIT_FAILED
    for name, error in result.error_rad.items():
        click.echo(f"  {name:<8}worst error {error:.1e} rad  {'ok' if error <= TOLERANCE_RAD else 'FAILED'}")
    for limit in result.unreachable:
        click.echo(f"  out of reach: {limit}")
    click.echo(f"  {'passed' if passed else 'FAILED'}, the bound is {TOLERANCE_RAD:g} rad")
    return EXIT_OK if passed else EXIT_FAILED
