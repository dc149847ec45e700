"""Verb check-pose: joint targets turned into actions and back, and into servo units and back, without a robot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from contract import Bundle, ContractError, PolicySpec, PoseCheck, check_pose, load_deployment
from robotd.bundle_choice import bundle_option
from robotd.bundle_store import BundleStoreError, bundle_in_use
from robotd.calibration import standing_of
from robotd.config import ConfigFileError, load_config
from robotd.ctl.refusal import Refusal, refusing
from robotd.hal import HardwareError
from robotd.hal.servo_frame import check_wiring, to_rad, to_units
from robotd.places import own_config
from robotd.policy import open_session
from robotd.wiring import UNITS_PER_RAD, Wiring

TOLERANCE_RAD = 1e-4
UNIT_TOLERANCE_RAD = 0.5 / UNITS_PER_RAD + 1e-6
"""A servo can be told whole units only: half of one, and the rounding of float32."""
EXIT_OK, EXIT_FAILED = 0, 1


class Unit(NamedTuple):
    """The way into servo units and back. error_rad: the worst; low, high: the units that the joints' ranges need."""

    error_rad: float
    low: int
    high: int


@click.command()
@bundle_option("Folder or name of the policy; without it the one in use.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Wiring; without it the robot's own.")
@click.option("--allow-unverified", is_flag=True, help="Take a bundle whose checksums are missing or stale.")
@click.option("--verbose", is_flag=True, help="List the ends of joint ranges that actions never reach, by design.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(bundle: Path | None, config_file: Path | None, allow_unverified: bool, verbose: bool, as_json: bool) -> int:
    """Prove that joint targets survive the way through a bundle's actions and back.

    Poses are home, 1000 random ones, and the limits that actions can reach, of every policy of the bundle. The same
    way through the servos' units, with this robot's wiring and calibration, may cost half a unit (2.1 mrad).

    \b
    Example:
      robotctl check-pose --bundle standing

    Exit codes: 0 ok, 1 a pose is off by over 1e-4 rad or half a unit, 2 refused.
    """
    with refusing(ContractError, BundleStoreError):
        folder = bundle or bundle_in_use()
        policies, default = load_deployment(folder, open_session, allow_unverified)
        results = {name: check_pose(policy.spec) for name, policy in policies.items()}
    for warning in dict.fromkeys(warning for policy in policies.values() for warning in policy.warnings):
        click.echo(f"warning: {warning}", err=True)
    unit = _through_units(policies[default], config_file)
    errors = {name: max(result.error_rad[name] for result in results.values()) for name in results[default].error_rad}
    passed = all(error <= TOLERANCE_RAD for result in results.values() for error in result.error_rad.values())
    passed = passed and (unit is None or unit.error_rad <= UNIT_TOLERANCE_RAD)
    if as_json:
        report = {"passed": passed, "tolerance_rad": TOLERANCE_RAD, "bundle": str(folder), "policies": list(results)}
        report |= {"error_rad": errors, "unreachable": _unreachable(results), "units": unit and unit._asdict()}
        click.echo(json.dumps(report))
    else:
        click.echo("\n".join(f"  {line}" for line in _lines(results, unit, passed, verbose)))
    return EXIT_OK if passed else EXIT_FAILED


def _through_units(bundle: Bundle, config_file: Path | None) -> Unit | None:
    """Home and both ends of every range, as this robot's servos are told and tell them; None on a machine that has no
    robotd.yaml and looks at another robot than ours. Raises Refusal."""
    file = own_config(config_file)
    with refusing(ConfigFileError):
        wiring = load_config(file).hardware
    if file is None and set(wiring.joints) != set(bundle.spec.robot.actuator_names):
        return None
    standing = standing_of(wiring, bundle.robot_config)
    if standing.problem is not None:
        raise Refusal(standing.problem)
    with refusing(HardwareError):
        return through_units(bundle.spec, standing.applied(wiring))


def through_units(spec: PolicySpec, wiring: Wiring) -> Unit:
    """Home and both ends of every range, into units and back. Raises HardwareError: the wires are another robot's."""
    frame = check_wiring(spec, wiring)
    poses = np.stack([spec.robot.home, spec.robot.range_min, spec.robot.range_max]).astype(np.float64)
    units = np.stack([to_units(frame, pose) for pose in poses])
    error_rad = max(float(np.max(np.abs(to_rad(frame, u) - pose))) for u, pose in zip(units, poses, strict=True))
    return Unit(error_rad, int(units.min()), int(units.max()))


def _unreachable(results: Mapping[str, PoseCheck]) -> list[str]:
    """Limits out of reach, with the policy's name where there are several."""
    several = len(results) > 1
    return [f"{name}: {limit}" if several else limit for name, found in results.items() for limit in found.unreachable]


def _lines(results: Mapping[str, PoseCheck], unit: Unit | None, passed: bool, verbose: bool) -> list[str]:
    lines = []
    for policy, result in results.items():
        lines += [f"{policy}:"] if len(results) > 1 else []
        for name, error in result.error_rad.items():
            lines.append(f"{name:<8}worst error {error:.1e} rad  {'ok' if error <= TOLERANCE_RAD else 'FAILED'}")
    beyond = _unreachable(results)
    if verbose:
        lines += [f"out of reach: {limit}" for limit in beyond]
    elif beyond:
        lines.append(f"reach   {len(beyond)} ends of joint ranges are never reached, by design: --verbose lists them")
    if unit is None:
        lines.append("servos  not looked at: no robotd.yaml of this robot")
    else:
        well = "ok" if unit.error_rad <= UNIT_TOLERANCE_RAD else "FAILED"
        lines.append(f"{'servos':<8}worst error {unit.error_rad:.1e} rad  {well}, units {unit.low} to {unit.high}")
    return [*lines, f"{'passed' if passed else 'FAILED'}, the bound is {TOLERANCE_RAD:g} rad, for servos half a unit"]
