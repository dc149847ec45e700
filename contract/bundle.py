"""Policy bundles: a network in a folder with all that gives it meaning. Saved whole or not at all, verified at load."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import schema
from .errors import BundleError, ChecksumError, ConfigError
from .mjcf import actuated_joint_names
from .network import Network, OpenSession
from .robot_config import RobotConfig, load_robot_config
from .spec import PolicySpec
from .spec_reader import parse_spec

SPEC_FILE = "policy_spec.json"
NETWORK_FILE = "policy.onnx"
CHECKSUM_FILE = "checksums.json"
ROBOT_CONFIG_FILE = "robot_config.yaml"
ROBOT_MODEL_FILE = "robot.xml"
GOLDEN_FILE = "golden.json"
DEPLOYMENT_FILE = "deployment.json"


@dataclass(frozen=True)
class Bundle:
    """A bundle that passed every check. robot_config and robot_xml are None where an older bundle has none."""

    path: Path
    spec: PolicySpec
    network: Network
    robot_config: RobotConfig | None
    robot_xml: Path | None
    verified: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Golden:
    """golden.json: observations [[O]], the actions [[J]] that the network must give, and how near."""

    observation: tuple[tuple[float, ...], ...]
    action: tuple[tuple[float, ...], ...]
    tolerance: float = 1e-4


@dataclass(frozen=True)
class Deployment:
    """deployment.json: several policies in one bundle, each in a folder, and the one to start with."""

    policies: dict[str, str]
    default: str


def save_bundle(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a bundle: all `files` (relative name -> content) and their checksums, or nothing.

    They go to a temporary folder beside `path`, are flushed to the disk, and take the place of what was there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    everything = {**files, CHECKSUM_FILE: (json.dumps(sums, indent=2) + "\n").encode()}
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for name, content in everything.items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        temporary.chmod(0o755)
        _sync_folder(temporary)
        old = temporary.with_name(temporary.name + ".old")
        if path.exists():
            path.rename(old)
        try:
            temporary.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
        _sync_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_bundle(path: Path, open_session: OpenSession, allow_unverified: bool = False) -> Bundle:
    """Load one policy's bundle and prove that its parts belong together.

    Args:
        path: the folder.
        open_session: opens policy.onnx, e.g. with onnxruntime.InferenceSession; raises ValueError where it cannot.
        allow_unverified: accept missing or stale checksums, with a warning.

    Raises:
        SpecError, ConfigError, BundleError, ChecksumError: the first thing that does not fit.
    """
    path = Path(path)
    if not path.is_dir():
        raise BundleError(f"{path}: no such bundle folder, expected one with {SPEC_FILE} and {NETWORK_FILE}")
    for name in (SPEC_FILE, NETWORK_FILE):
        if not (path / name).is_file():
            raise BundleError(f"{path / name}: file is missing, expected in every bundle; export the policy again")
    warnings = list(_verify_checksums(path, allow_unverified))
    verified = not warnings
    spec, notes = parse_spec(_read_json(path / SPEC_FILE), str(path / SPEC_FILE))
    warnings += notes
    current = _version(spec) >= (1, 1)
    config = _robot_config(path / ROBOT_CONFIG_FILE, spec, warnings, current)
    robot_xml = path / ROBOT_MODEL_FILE if (path / ROBOT_MODEL_FILE).is_file() else None
    if robot_xml is not None:
        _same_names(actuated_joint_names(robot_xml), str(robot_xml), spec)
    network_file = path / NETWORK_FILE
    try:
        session = open_session(network_file)
    except ValueError as problem:
        raise BundleError(
            f"{network_file}: no network that can be opened, export again ({_first_line(problem)})"
        ) from None
    network = Network(session, spec, str(network_file))
    if (path / GOLDEN_FILE).is_file():
        replay_golden(_read_json(path / GOLDEN_FILE), network, spec, str(path / GOLDEN_FILE))
    else:
        warnings.append(f"{path / GOLDEN_FILE}: missing; the network's answers could not be compared with the export")
    return Bundle(path, spec, network, config, robot_xml, verified, tuple(warnings))


def load_deployment(
    path: Path, open_session: OpenSession, allow_unverified: bool = False
) -> tuple[dict[str, Bundle], str]:
    """Load all policies of a deployment bundle, or the one policy of a plain bundle under its folder's name.

    Returns:
        The bundles by name, and the name of the default.

    Raises:
        BundleError: also where policies of one deployment are for different robots or control periods.
    """
    path = Path(path)
    file = path / DEPLOYMENT_FILE
    if not file.is_file():
        return {path.name: load_bundle(path, open_session, allow_unverified)}, path.name
    plan = schema.read(Deployment, _read_json(file), str(file), BundleError)
    if plan.default not in plan.policies:
        raise BundleError(f"{file}.default: found {plan.default!r}{schema.suggest(plan.default, plan.policies)}")
    bundles = {}
    for name, folder in plan.policies.items():
        bundles[name] = load_bundle(_inside(path, folder, file), open_session, allow_unverified)
    first = bundles[plan.default].spec
    for name, bundle in bundles.items():
        _same_names(bundle.spec.robot.actuator_names, f"{file}.policies.{name}", first)
        if bundle.spec.runtime.ctrl_dt != first.runtime.ctrl_dt:
            found, expected = bundle.spec.runtime.ctrl_dt, first.runtime.ctrl_dt
            raise BundleError(
                f"{file}.policies.{name}: ctrl_dt is {found} s, expected {expected} s as in {plan.default}"
            )
    return bundles, plan.default


def replay_golden(data: Any, network: Network, spec: PolicySpec, where: str) -> float:
    """Largest difference between the recorded actions and the network's.

    Raises:
        BundleError: the record has other sizes than the spec, or the difference is over its tolerance.
    """
    golden = schema.read(Golden, data, where, BundleError)
    rows = (len(golden.observation), len(golden.action))
    if rows[0] != rows[1] or rows[0] == 0:
        raise BundleError(f"{where}: {rows[0]} observations and {rows[1]} actions, expected equally many, at least one")
    if not 0 < golden.tolerance <= 1e-2:
        raise BundleError(f"{where}.tolerance: found {golden.tolerance}, expected above 0 and at most 0.01")
    worst = 0.0
    for i, (observation, action) in enumerate(zip(golden.observation, golden.action, strict=True)):
        if (len(observation), len(action)) != (spec.model.obs_dim, spec.model.action_dim):
            expected = f"{spec.model.obs_dim} and {spec.model.action_dim}"
            raise BundleError(f"{where}: row {i} has {len(observation)} and {len(action)} values, expected {expected}")
        given = network(np.array(observation, np.float32))
        difference = float(np.max(np.abs(given - np.array(action, np.float32))))
        if not difference <= golden.tolerance:
            raise BundleError(
                f"{where}: row {i}: the network's action differs by {difference:.2g} from the exported one, "
                f"expected at most {golden.tolerance:.2g}; {NETWORK_FILE} is not the exported network, export again"
            )
        worst = max(worst, difference)
    return worst


def same_names(found: tuple[str, ...], where: str, expected: tuple[str, ...]) -> None:
    """Compare two lists of joint names in order. Raises BundleError at the first that differs."""
    if found == expected:
        return
    for i, (a, b) in enumerate(zip(found, expected, strict=False)):
        if a != b:
            raise BundleError(f"{where}: joint {i} is {a!r}, expected {b!r} as in the policy's order of joints")
    raise BundleError(f"{where}: has {len(found)} joints, expected {len(expected)}: {', '.join(expected)}")


def _same_names(found: tuple[str, ...], where: str, spec: PolicySpec) -> None:
    same_names(found, where, spec.robot.actuator_names)


def _verify_checksums(path: Path, allow: bool) -> list[str]:
    """Problems accepted by `allow`, one sentence each; without it the first one raises."""
    file = path / CHECKSUM_FILE
    problems = []
    if not file.is_file():
        problems.append(f"{file}: file is missing, expected a checksum of every file")
    else:
        sums = schema.read_mapping(_read_json(file), str(file), str, BundleError)
        present = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()} - {CHECKSUM_FILE}
        for name in sorted(set(sums) - present):
            _inside(path, name, file)
            raise BundleError(
                f"{path / name}: file is missing, expected because {CHECKSUM_FILE} lists it; export again"
            )
        for name in sorted(present - set(sums)):
            problems.append(f"{path / name}: not in {CHECKSUM_FILE}, expected a checksum for every file")
        for name in sorted(present & set(sums)):
            found = hashlib.sha256((path / name).read_bytes()).hexdigest()
            if found != sums[name]:
                problems.append(f"{path / name}: sha256 is {found[:12]}..., expected {sums[name][:12]}...")
    if problems and not allow:
        raise ChecksumError(f"{problems[0]}; export again, or load it with --allow-unverified if you trust it")
    return [f"{problem} (unverified, allowed)" for problem in problems]


def _robot_config(file: Path, spec: PolicySpec, warnings: list[str], current: bool) -> RobotConfig | None:
    """The snapshot, compared with the spec. Older bundles carry other schemas: those are left out with a warning."""
    if not file.is_file():
        warnings.append(f"{file}: missing; joint names could not be compared with the robot's description")
        return None
    try:
        config = load_robot_config(file)
    except ConfigError as problem:
        if current:
            raise
        warnings.append(f"{file}: not compared, it is in an older form ({problem})")
        return None
    _same_names(config.actuator_names, str(file), spec)
    for name, joint in config.joints.items():
        mine, theirs = spec.robot.joints[name], (joint.range_min_rad, joint.range_max_rad)
        if max(abs(mine.range_min_rad - theirs[0]), abs(mine.range_max_rad - theirs[1])) > 1e-4:
            expected = f"[{mine.range_min_rad}, {mine.range_max_rad}]"
            raise BundleError(f"{file}: range of {name} is {list(theirs)} rad, expected {expected} as in {SPEC_FILE}")
    return config


def _inside(path: Path, name: str, file: Path) -> Path:
    inner = path / name
    if not inner.resolve().is_relative_to(path.resolve()):
        raise BundleError(f"{file}: {name!r} leads out of the bundle, expected a path inside it")
    return inner


def _version(spec: PolicySpec) -> tuple[int, int]:
    major, minor, _ = spec.contract_version.split(".")
    return int(major), int(minor)


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise BundleError(f"{file}: not JSON ({problem}), expected what the export wrote; export again") from None


def _first_line(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:120]


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
