"""Reads policy_spec.json of contract 1.x and says in one sentence what does not fit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import schema
from .errors import SpecError
from .observation import TERMS
from .spec import CONTRACT_NAME, SPEC_VERSION, PolicySpec, Provenance

MAPPING_IDS = (
    "pos_target_rad_v1",
    "pos_target_home_v1",
    "pos_target_home_025_v1",
    "pos_target_home_scaled_v1",
)
POSTPROCESS_IDS = ("none", "lowpass_v1")


def parse_spec(data: object, where: str = "policy_spec.json") -> tuple[PolicySpec, tuple[str, ...]]:
    """Read and validate a spec of contract 1.x.

    Returns:
        The spec, and one sentence for each thing that an older spec left open.

    Raises:
        SpecError: what does not fit, with key, value and what was expected.
    """
    if not isinstance(data, Mapping):
        raise SpecError(f"{where}: found {data!r:.60}, expected a mapping with contract_name and the rest at the top")
    version = _check_versions(data, where)
    warnings: list[str] = []
    if version < (1, 1):
        data = _modernise(data, where, warnings)
    spec = schema.read(PolicySpec, data, where, SpecError)
    _check_constants(spec, where)
    _check_robot(spec, where)
    _check_layout(spec, where)
    _check_action(spec, where)
    if spec.robot.home_ctrl_rad is None:
        warnings.append(f"{where}: robot.home_ctrl_rad is missing; the middle of each joint's range is taken as home")
    return spec, tuple(warnings)


def _check_versions(data: Mapping[str, Any], where: str) -> tuple[int, int]:
    name, text, number = (data.get(k) for k in ("contract_name", "contract_version", "spec_version"))
    if name != CONTRACT_NAME:
        raise SpecError(
            f"{where}: contract_name is {name!r}, expected {CONTRACT_NAME!r}; this is another product's file"
        )
    match = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})", str(text))
    if match is None:
        raise SpecError(f"{where}: contract_version is {text!r}, expected three numbers like 1.2.0")
    major, minor = int(match[1]), int(match[2])
    if major != 1:
        raise SpecError(f"{where}: contract_version is {text}, expected 1.x.x; export the policy again")
    if type(number) is not int or number != SPEC_VERSION:
        raise SpecError(f"{where}: spec_version is {number!r}, expected {SPEC_VERSION}; export the policy again")
    return major, minor


def _modernise(data: Mapping[str, Any], where: str, warnings: list[str]) -> Mapping[str, Any]:
    """Contract 1.0 in the words of 1.1: `mirror_sign` renamed, free provenance dropped. Copies; keeps every sign."""
    new = {key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()}
    if "runtime" not in new:
        warnings.append(f"{where}: runtime is missing; ctrl_dt 0.02 s without action delay is taken")
    provenance = new.get("provenance")
    if isinstance(provenance, dict):
        known = set(Provenance.__dataclass_fields__)
        if dropped := sorted(set(provenance) - known):
            warnings.append(f"{where}: provenance keys not known to contract 1.1 are ignored: {', '.join(dropped)}")
        new["provenance"] = {k: v for k, v in provenance.items() if k in known}
    robot = new.get("robot")
    if not isinstance(robot, dict) or not isinstance(robot.get("joints"), Mapping):
        return new
    joints = {}
    renamed = False
    for name, joint in robot["joints"].items():
        joint = dict(joint) if isinstance(joint, Mapping) else joint
        if isinstance(joint, dict) and "mirror_sign" in joint:
            old = joint.pop("mirror_sign")
            if joint.setdefault("policy_action_sign", old) != old:
                both = f"mirror_sign {old} and policy_action_sign {joint['policy_action_sign']}"
                raise SpecError(f"{where}: robot.joints.{name}: {both} disagree, expected one; remove the wrong one")
            renamed = True
        joints[name] = joint
    if renamed:
        warnings.append(f"{where}: mirror_sign is read as policy_action_sign")
    return {**new, "robot": {**robot, "joints": joints}}


def _check_constants(spec: PolicySpec, where: str) -> None:
    for key, value, expected in (
        ("model.format", spec.model.format, "onnx"),
        ("model.dtype", spec.model.dtype, "float32"),
        ("observation.dtype", spec.observation.dtype, "float32"),
        ("action.dtype", spec.action.dtype, "float32"),
        ("action.bounds", (spec.action.bounds.min, spec.action.bounds.max), (-1.0, 1.0)),
    ):
        if value != expected:
            raise SpecError(f"{where}: {key}: found {value!r}, expected {expected!r}")
    if not 0.001 <= spec.runtime.ctrl_dt <= 1.0:
        raise SpecError(
            f"{where}: runtime.ctrl_dt: found {spec.runtime.ctrl_dt} s, expected 0.001 to 1 s (50 Hz is 0.02)"
        )
    if not 0 <= spec.runtime.action_delay_steps <= 10:
        found = spec.runtime.action_delay_steps
        raise SpecError(f"{where}: runtime.action_delay_steps: found {found}, expected 0 to 10")
    for key, pair in schema.write(spec.runtime.command or {}).items():
        if len(pair) != 2 or not pair[0] <= 0.0 <= pair[1]:
            raise SpecError(f"{where}: runtime.command.{key}: found {pair}, expected [lowest, highest] about zero")


def _check_robot(spec: PolicySpec, where: str) -> None:
    robot = spec.robot
    names = robot.actuator_names
    if not names or len(set(names)) != len(names):
        raise SpecError(f"{where}: robot.actuator_names: found {list(names)}, expected each joint once")
    if set(names) != set(robot.joints):
        odd = sorted(set(names) ^ set(robot.joints))
        raise SpecError(f"{where}: robot.joints: {odd} not in both joints and actuator_names, expected the same joints")
    for name, joint in robot.joints.items():
        at = f"{where}: robot.joints.{name}"
        found = f"[{joint.range_min_rad}, {joint.range_max_rad}]"
        if joint.range_max_rad - joint.range_min_rad < 1e-3:
            raise SpecError(f"{at}: range is {found} rad, expected range_min_rad below range_max_rad")
        if max(-joint.range_min_rad, joint.range_max_rad) > 2 * math.pi:
            raise SpecError(f"{at}: range is {found} rad, expected one turn at most, in radians")
        if not 1e-3 <= joint.max_velocity_rad_s <= 1e3:
            raise SpecError(f"{at}.max_velocity_rad_s: found {joint.max_velocity_rad_s}, expected 0.001 to 1000 rad/s")
        if abs(joint.policy_action_sign) != 1.0:
            raise SpecError(f"{at}.policy_action_sign: found {joint.policy_action_sign}, expected 1 or -1")
    _check_length(robot.home_ctrl_rad, names, f"{where}: robot.home_ctrl_rad")
    slack = 1e-5
    for name, home, low, high in zip(names, robot.home, robot.range_min, robot.range_max, strict=True):
        if not low - slack <= home <= high + slack:
            at = f"{where}: robot.home_ctrl_rad ({name})"
            raise SpecError(f"{at}: found {home:.4f} rad, expected inside the joint's range [{low:.4f}, {high:.4f}]")


def _check_length(values: tuple[float, ...] | None, names: tuple[str, ...], where: str) -> None:
    if values is not None and len(values) != len(names):
        raise SpecError(f"{where}: found {len(values)} numbers, expected {len(names)}, one for each actuator")


def _check_layout(spec: PolicySpec, where: str) -> None:
    layout, joints = spec.observation.layout, spec.num_joints
    for index, entry in enumerate(layout):
        at = f"{where}: observation.layout[{index}]"
        if entry.name not in TERMS:
            raise SpecError(f"{at}: unknown term {entry.name!r}{schema.suggest(entry.name, TERMS)}")
        size = TERMS[entry.name].size(joints)
        if entry.size != size:
            raise SpecError(f"{at}: {entry.name} has size {entry.size}, expected {size}")
    names = spec.observation.names
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise SpecError(f"{where}: observation.layout: {twice!r} stands twice, expected each term once")
    if not layout:
        raise SpecError(f"{where}: observation.layout: has no terms, expected at least one{schema.suggest('', TERMS)}")
    total = sum(entry.size for entry in layout)
    if total != spec.model.obs_dim:
        raise SpecError(f"{where}: model.obs_dim: found {spec.model.obs_dim}, expected {total}, the sum of the layout")
    if spec.model.action_dim != joints:
        raise SpecError(
            f"{where}: model.action_dim: found {spec.model.action_dim}, expected {joints}, one for each joint"
        )
    period = spec.runtime.gait_period_s
    if "phase_sin_cos" in names and (period is None or not 0.1 <= period <= 10.0):
        raise SpecError(f"{where}: runtime.gait_period_s: found {period}, expected 0.1 to 10 s, for phase_sin_cos")


def _check_action(spec: PolicySpec, where: str) -> None:
    action, at = spec.action, f"{where}: action"
    if action.mapping_id not in MAPPING_IDS:
        raise SpecError(
            f"{at}.mapping_id: unknown {action.mapping_id!r}{schema.suggest(action.mapping_id, MAPPING_IDS)}"
        )
    if action.postprocess_id not in POSTPROCESS_IDS:
        found = action.postprocess_id
        raise SpecError(f"{at}.postprocess_id: unknown {found!r}{schema.suggest(found, POSTPROCESS_IDS)}")
    wanted = {"alpha"} if action.postprocess_id == "lowpass_v1" else set()
    if set(action.postprocess_params) != wanted:
        keys, expected = (", ".join(sorted(names)) or "no keys" for names in (action.postprocess_params, wanted))
        raise SpecError(f"{at}.postprocess_params: found {keys}, expected {expected} for {action.postprocess_id}")
    if not 0.0 <= np.float32(action.alpha) < 1.0:
        raise SpecError(f"{at}.postprocess_params.alpha: found {action.alpha}, expected 0 <= alpha < 1")
    scaled = action.mapping_id == "pos_target_home_scaled_v1"
    if scaled and action.scale_rad is None:
        raise SpecError(f"{at}.scale_rad: missing, expected one number for each actuator, for {action.mapping_id}")
    if not scaled and action.scale_rad is not None:
        raise SpecError(
            f"{at}.scale_rad: found, expected none: mapping {action.mapping_id} does not take it; remove it"
        )
    _check_length(action.scale_rad, spec.robot.actuator_names, f"{at}.scale_rad")
    for name, scale in zip(spec.robot.actuator_names, action.scale_rad or (), strict=False):
        if not 0.001 <= scale <= math.pi:
            raise SpecError(f"{at}.scale_rad: {name} has {scale} rad, expected 0.001 to 3.142 rad")
    if action.is_home_mapping and spec.robot.home_ctrl_rad is None:
        raise SpecError(f"{where}: robot.home_ctrl_rad: missing, expected a pose, for mapping {action.mapping_id}")
