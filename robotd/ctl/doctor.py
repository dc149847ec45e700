"""Verb doctor: what of this machine fits robotd, and what to change where it does not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from robotd.arming import CALIBRATION_S
from robotd.bundle_choice import bundle_option
from robotd.bundle_store import BundleStoreError, bundle_in_use, bundles_folder
from robotd.calibration import calibration_path, standing_of
from robotd.config import ConfigFileError, RobotdConfig, load_config
from robotd.ctl.findings import FAIL, OK, WARN, Finding, devices, owner_of_bundles, packages, system
from robotd.lock import HardwareLockError, holder_of, lock_path
from robotd.places import config_path, tree_root

if TYPE_CHECKING:
    from contract import RobotConfig

EXIT_OK, EXIT_FAILED = 0, 1
MARKS = {OK: "ok  ", WARN: "WARN", FAIL: "FAIL"}


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Without it, the robot's own.")
@bundle_option("Without it, the robot's own.", "bundle_folder")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--root", type=click.Path(path_type=Path), default=Path("/"), hidden=True)
def command(config_file: Path | None, bundle_folder: Path | None, as_json: bool, root: Path) -> int:
    """See what of this machine fits robotd, and how to mend the rest.

    Looks at system, real-time rights, devices, packages, bundle, calibration, config and lock; changes nothing.

    warn: robotd runs, but worse than it could. fail: it does not run on the robot.

    \b
    Example:
      robotctl doctor

    Exit codes: 0 nothing fails, 1 something does, 2 refused.
    """
    findings = [*system(root), *packages(), *_robot(config_file, bundle_folder, root), _lock()]
    failed = any(finding.level == FAIL for finding in findings)
    if as_json:
        click.echo(json.dumps({"passed": not failed, "findings": [finding._asdict() for finding in findings]}))
        return EXIT_FAILED if failed else EXIT_OK
    for finding in findings:
        click.echo(f"  {MARKS[finding.level]}  {finding.name}: {finding.found}")
        if finding.fix:
            click.echo(f"        {finding.fix}")
    counts = {level: sum(finding.level == level for finding in findings) for level in (OK, WARN, FAIL)}
    click.echo(f"  {counts[OK]} ok, {counts[WARN]} to improve, {counts[FAIL]} to mend")
    return EXIT_FAILED if failed else EXIT_OK


def _robot(config_file: Path | None, bundle_folder: Path | None, root: Path) -> Iterable[Finding]:
    """Config, what it is wired to, and the bundle."""
    config = RobotdConfig()
    path = config_file or config_path()
    if config_file is None and not path.exists():
        yield Finding("config", WARN, f"{path} is not there; defaults are looked at", "robotctl service install")
    else:
        try:
            config = load_config(path)
            yield Finding("config", OK, str(path))
        except ConfigFileError as problem:
            yield Finding("config", FAIL, str(problem), "correct that key")
    yield from devices(config, root)
    finding, robot_config = _bundle(bundle_folder, config)
    yield finding
    if tree_root() == Path("/"):
        yield from owner_of_bundles(bundles_folder())
    yield _calibration(config, robot_config)


def _bundle(chosen: Path | None, config: RobotdConfig) -> tuple[Finding, RobotConfig | None]:
    """Loaded as robotd loads it: signature, checksums, contract, golden answers; and the robot that it is for."""
    from contract import ContractError, load_deployment
    from robotd.policy import open_session
    from robotd.signature import SignatureError, require_signature

    try:
        folder = chosen or bundle_in_use()
        require_signature(folder, config.bundles)
        bundles, default = load_deployment(folder, open_session, True)
    except (BundleStoreError, SignatureError, ContractError) as problem:
        return Finding("bundle", FAIL, str(problem), "robotctl bundle install DIR, or name one with --bundle"), None
    robot_config = bundles[default].robot_config
    warnings = [warning for bundle in bundles.values() for warning in bundle.warnings]
    if warnings or not all(bundle.verified for bundle in bundles.values()):
        return Finding(
            "bundle", FAIL, f"{folder}: {(warnings or ['not verified'])[0]}", "export it again"
        ), robot_config
    return Finding("bundle", OK, f"{folder}: {', '.join(bundles)}; {default} first"), robot_config


def _calibration(config: RobotdConfig, robot_config: RobotConfig | None) -> Finding:
    """Whether the file is there, whole, of this robot and new enough, and whether its last look found it right."""
    path, name = calibration_path(), "calibration"
    calibration, problem = standing_of(config.hardware, robot_config)
    if problem is not None:
        return Finding(name, FAIL, problem, "robotctl calibrate")
    if calibration is None:
        return Finding(name, FAIL, f"{path} is not there", "robotctl calibrate")
    age_s = calibration.age_s(time.time())
    found = f"{path}, {age_s / 86400:.0f} days old"
    if not 0 <= age_s <= CALIBRATION_S:
        bound = f"expected at most {CALIBRATION_S / 86400:.0f}"
        return Finding(name, FAIL, f"{found}, {bound}", "robotctl calibrate verify, or all of it again")
    if calibration.doubts:
        return Finding(name, FAIL, f"{found}: {calibration.doubts[0]}", "calibrate that step again")
    if calibration.doubts is None:
        return Finding(name, FAIL, f"{found}, not verified", "robotctl calibrate verify")
    return Finding(name, OK, f"{found}, verified")


def _lock() -> Finding:
    """Who drives the robot now. Neither taken nor made: a lock of root's would keep the user robot out."""
    path, name = lock_path(), "hardware lock"
    try:
        holder = holder_of(path)
    except HardwareLockError as problem:
        return Finding(name, FAIL, str(problem), "look as root; what is no lock file there, remove")
    return Finding(name, OK, f"{holder} holds it ({path})" if holder else "free")
