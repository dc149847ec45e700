"""Policy bundles: a network in a folder with all that gives it meaning. Saved whole or not at all, verified at load."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import schema
from .bundle_files import (
    CHECKSUM_FILE,
    DEPLOYMENT_FILE,
    GOLDEN_FILE,
    NETWORK_FILE,
    ROBOT_CONFIG_FILE,
    ROBOT_MODEL_FILE,
    SPEC_FILE,
    Verified,
    inside,
    read_json,
    verify_checksums,
)
from .errors import BundleError, ConfigError, ContractError
from .mjcf import actuated_joint_names
from .network import Network, OpenSession
from .onnx_operators import check_operators
from .onnx_weights import check_weights
from .robot_config import RobotConfig, load_robot_config
from .spec import PolicySpec
from .spec_reader import parse_spec

POLICY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True)
class Bundle:
    """A bundle that passed every check. robot_config and robot_xml are None where an older bundle has none; name: of
    the policy in its deployment; others: the policies that a deployment has beside it."""

    path: Path
    spec: PolicySpec
    network: Network
    robot_config: RobotConfig | None
    robot_xml: Path | None
    verified: bool
    warnings: tuple[str, ...]
    name: str = "policy"
    others: tuple[Bundle, ...] = ()

    @property
    def policies(self) -> dict[str, Bundle]:
        """All policies of the deployment by name, this one first."""
        return {bundle.name: bundle for bundle in (self, *self.others)}


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


def load_bundle(path: Path, open_session: OpenSession, allow_unverified: bool = False) -> Bundle:
    """Load one policy's bundle and prove that its parts belong together.

    Args:
        path: the folder.
        open_session: opens the content of policy.onnx, e.g. with onnxruntime; raises ValueError where it cannot.
        allow_unverified: accept missing or stale checksums, with a warning.

    Raises:
        SpecError, ConfigError, BundleError, ChecksumError: the first thing that does not fit.
    """
    path = Path(path)
    _check_folder(path)
    return _load(path, open_session, verify_checksums(path, allow_unverified))


def load_deployment(
    path: Path, open_session: OpenSession, allow_unverified: bool = False
) -> tuple[dict[str, Bundle], str]:
    """Load all policies of a deployment bundle, or the one policy of a plain bundle under its folder's name.

    Returns:
        The bundles by name, each with all the others beside it, and the name of the default.

    Raises:
        BundleError: also where policies of one deployment are for different robots or control periods.
    """
    path = Path(path)
    file = path / DEPLOYMENT_FILE
    if not file.is_file():
        name = path.resolve().name
        return {name: replace(load_bundle(path, open_session, allow_unverified), name=name)}, name
    verified = verify_checksums(path, allow_unverified)
    plan = read_deployment(path)
    bundles = {}
    for name, folder in plan.policies.items():
        inner = inside(path, folder, file)
        _check_folder(inner)
        has_own = (inner / CHECKSUM_FILE).is_file() and inner != path
        own = verify_checksums(inner, allow_unverified).problems if has_own else []
        both = verified._replace(problems=verified.problems + own)
        bundles[name] = replace(_load(inner, open_session, both), name=name)
    _check_together(bundles, plan.default, file)
    return {name: _beside(bundle, bundles) for name, bundle in bundles.items()}, plan.default


def read_deployment(path: Path) -> Deployment:
    """The deployment.json of a bundle. Raises BundleError where it is none, or a policy has no plain name."""
    file = path / DEPLOYMENT_FILE
    plan = schema.read(Deployment, read_json(file), str(file), BundleError)
    for name in plan.policies:
        if not POLICY_NAME.fullmatch(name):
            raise BundleError(
                f"{file}: policies: found {schema.short(name)}, expected letters, digits, '.', '_' or '-'"
            )
    if plan.default not in plan.policies:
        raise BundleError(f"{file}: default: found {plan.default!r}{schema.suggest(plan.default, plan.policies)}")
    return plan


def _beside(bundle: Bundle, bundles: dict[str, Bundle]) -> Bundle:
    return replace(bundle, others=tuple(other for name, other in bundles.items() if name != bundle.name))


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
        raise BundleError(f"{where}: tolerance: found {golden.tolerance}, expected above 0 and at most 0.01")
    worst = 0.0
    for i, (observation, action) in enumerate(zip(golden.observation, golden.action, strict=True)):
        if (len(observation), len(action)) != (spec.model.obs_dim, spec.model.action_dim):
            found = f"{len(observation)} numbers in and {len(action)} out"
            expected = f"{spec.model.obs_dim} in and {spec.model.action_dim} out"
            raise BundleError(f"{where}: row {i} has {found}, expected {expected}; export again")
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


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        raise BundleError(f"{path}: no such bundle folder, expected one with {SPEC_FILE}; check the path")
    for name in (SPEC_FILE, NETWORK_FILE):
        if not (path / name).is_file():
            raise BundleError(f"{path / name}: file is missing, expected in every bundle; export again")


def _load(path: Path, open_session: OpenSession, verified: Verified) -> Bundle:
    """A policy from a folder whose checksums have been verified."""
    spec, notes = parse_spec(read_json(path / SPEC_FILE), str(path / SPEC_FILE))
    warnings = [*verified.problems, *notes]
    config = _robot_config(path / ROBOT_CONFIG_FILE, spec, warnings)
    model = _robot_model(path / ROBOT_MODEL_FILE, spec, warnings)
    file = path / NETWORK_FILE
    content = verified.networks.get(file, b"")
    check_operators(content, str(file))
    check_weights(content, str(file))
    try:
        network = Network(open_session(content), spec, str(file))
        golden = path / GOLDEN_FILE
        if golden.is_file():
            replay_golden(read_json(golden), network, spec, str(golden))
        else:
            warnings.append(f"{golden}: missing; the network's answers could not be compared with the export")
    except ContractError:
        raise
    except ValueError as problem:
        found = (str(problem).splitlines() or [type(problem).__name__])[0][:120]
        raise BundleError(f"{file}: cannot be run ({found}), expected an ONNX network; export again") from None
    return Bundle(path, spec, network, config, model, not verified.problems, tuple(warnings))


def _check_together(bundles: dict[str, Bundle], default: str, file: Path) -> None:
    """All policies of a deployment must drive the same joints at the same rate."""
    first = bundles[default].spec
    for name, bundle in bundles.items():
        same_names(bundle.spec.robot.actuator_names, f"{file}: policies.{name}", first.robot.actuator_names)
        found, expected = bundle.spec.runtime.ctrl_dt, first.runtime.ctrl_dt
        if found != expected:
            raise BundleError(f"{file}: policies.{name}: ctrl_dt is {found} s, expected {expected} s as in {default}")


def _robot_config(file: Path, spec: PolicySpec, warnings: list[str]) -> RobotConfig | None:
    """The snapshot, compared with the spec. Older bundles carry other schemas: those are left out with a warning."""
    if not file.is_file():
        warnings.append(f"{file}: missing; joint names could not be compared with the robot's description")
        return None
    try:
        config = load_robot_config(file)
    except RecursionError:
        raise _too_deep(file) from None
    except ConfigError:
        if not spec.contract_version.startswith("1.0."):
            raise
        warnings.append(f"{file}: in an older form, so joint names and ranges could not be compared with it")
        return None
    same_names(config.actuator_names, str(file), spec.robot.actuator_names)
    for name, theirs in config.joints.items():
        mine = spec.robot.joints[name]
        for key in ("range_min_rad", "range_max_rad", "policy_action_sign"):
            found, expected = getattr(theirs, key), getattr(mine, key)
            if abs(found - expected) > 1e-4:
                raise BundleError(f"{file}: joints.{name}.{key}: found {found}, expected {expected} as in {SPEC_FILE}")
    return config


def _robot_model(file: Path, spec: PolicySpec, warnings: list[str]) -> Path | None:
    if not file.is_file():
        warnings.append(f"{file}: missing; joint names could not be compared with the robot's model")
        return None
    try:
        names = actuated_joint_names(file)
    except RecursionError:
        raise _too_deep(file) from None
    same_names(names, str(file), spec.robot.actuator_names)
    return file


def _too_deep(file: Path) -> BundleError:
    return BundleError(f"{file}: nested too deeply, expected what the export wrote; export again")
