"""robot_params.yaml: what was measured on one builder's robot. `robotctl sysid` writes it, the trainer reads it.

robot_name: wildrobot
control_latency_s: {value: 0.012, uncertainty: 0.002}            # the whole robot
joint_friction:                                                  # or joint by joint
  left_knee_pitch: {value: 1.2, uncertainty: 0.1}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from . import schema
from .errors import ConfigError
from .plain_yaml import load_plain
from .robot_config import RobotConfig


@dataclass(frozen=True)
class Estimate:
    """A measured value and how far it may be off, in the value's unit."""

    value: float
    uncertainty: float

    @property
    def low(self) -> float:
        return self.value - self.uncertainty

    @property
    def high(self) -> float:
        return self.value + self.uncertainty


Measured = Mapping[str, Estimate]
"""Estimates by joint; the whole robot's stands under the empty name."""
WHOLE = ""
SCALES = ("joint_friction", "joint_damping", "motor_strength")
PER_JOINT = (*SCALES, "max_velocity_rad_s", "backlash_rad", "joint_offset_rad")
SIGNED = ("joint_offset_rad",)


@dataclass(frozen=True)
class RobotParams:
    """One robot's parameters; None was not measured.

    control_latency_s from tick to servo; move_time_s of the servos' ramp; max_velocity_rad_s of a joint;
    joint_friction, joint_damping, motor_strength as factors on the MJCF's; backlash_rad half of a gear's play;
    joint_offset_rad error of a joint's zero; mass_kg of the whole robot.
    """

    robot_name: str
    control_latency_s: Measured | None = None
    move_time_s: Measured | None = None
    max_velocity_rad_s: Measured | None = None
    joint_friction: Measured | None = None
    joint_damping: Measured | None = None
    backlash_rad: Measured | None = None
    joint_offset_rad: Measured | None = None
    mass_kg: Measured | None = None
    motor_strength: Measured | None = None

    @property
    def measured(self) -> dict[str, Measured]:
        """What was measured, by key."""
        found = {name: getattr(self, name) for name in PARAMETERS}
        return {name: value for name, value in found.items() if value is not None}


PARAMETERS = tuple(field.name for field in fields(RobotParams) if field.name != "robot_name")


def load_robot_params(path: str | Path, config: RobotConfig) -> RobotParams:
    """Read and check robot_params.yaml of a robot.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or does not hold parameters of this robot.
    """
    path = Path(path)
    try:
        data = load_plain(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}, expected robot_params.yaml; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        detail = " ".join(str(error).split())
        raise ConfigError(f"{path}: not YAML ({detail}), expected a mapping; correct that line") from None
    return robot_params_from_dict(data, config, str(path))


def robot_params_from_dict(data: object, config: RobotConfig, where: str = "robot_params") -> RobotParams:
    """Build and check RobotParams from plain data; `where` begins every message.

    Raises:
        ConfigError: an unknown key or joint, a wrong type, a negative uncertainty, or a value that cannot be.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(
            f"{where}: found {type(data).__name__}, expected a mapping with robot_name and measured values"
        )
    known = ("robot_name", *PARAMETERS)
    for key in data:
        if key not in known:
            raise ConfigError(
                f"{where}: unknown key {schema.short(key)}{schema.suggest(str(key), known)}; remove or correct it"
            )
    name = data.get("robot_name")
    if name != config.robot_name:
        raise ConfigError(
            f"{where}: robot_name is {schema.short(name)}, expected {config.robot_name!r}; take that robot's file"
        )
    measured = {key: _measured(data[key], key, config, f"{where}: {key}") for key in PARAMETERS if key in data}
    return RobotParams(config.robot_name, **measured)


def merged(older: RobotParams, newer: RobotParams) -> RobotParams:
    """`older` with what `newer` has measured in its place: joint by joint, but one that speaks of the whole robot
    replaces all joints, and the other way round."""
    values: dict[str, Measured] = dict(older.measured)
    for key, measured in newer.measured.items():
        before = values.get(key, {})
        alike = (WHOLE in before) == (WHOLE in measured)
        values[key] = {**before, **measured} if alike else measured
    return RobotParams(newer.robot_name, **values)


def robot_params_to_yaml(params: RobotParams) -> str:
    """The text that `load_robot_params` reads back as `params`."""
    data: dict[str, object] = {"robot_name": params.robot_name}
    for key, measured in params.measured.items():
        plain = {joint: schema.write(estimate) for joint, estimate in measured.items()}
        data[key] = plain.get(WHOLE, plain)
    return yaml.safe_dump(data, sort_keys=False)


def _measured(data: object, key: str, config: RobotConfig, where: str) -> Measured:
    if isinstance(data, Mapping) and not {str(name) for name in data} & {"value", "uncertainty"}:
        if key not in PER_JOINT:
            raise ConfigError(f"{where}: found a mapping of joints, expected value and uncertainty of the whole robot")
        if not data:
            raise ConfigError(f"{where}: found no joint, expected at least one; remove the key if it was not measured")
        for joint in data:
            if joint not in config.actuator_names:
                hint = schema.suggest(str(joint), config.actuator_names)
                raise ConfigError(f"{where}: unknown joint {schema.short(joint)}{hint}; correct it")
        return {joint: _estimate(item, key, f"{where}.{joint}") for joint, item in data.items()}
    return {WHOLE: _estimate(data, key, where)}


def _estimate(data: object, key: str, where: str) -> Estimate:
    estimate = schema.read(Estimate, data, where, ConfigError)
    if estimate.uncertainty < 0:
        raise ConfigError(f"{where}.uncertainty: found {estimate.uncertainty}, expected 0 or more; give it unsigned")
    positive = key in (*SCALES, "mass_kg", "max_velocity_rad_s")
    if key not in SIGNED and (estimate.value < 0 or (positive and estimate.value == 0)):
        wanted = "above 0" if positive else "0 or more"
        raise ConfigError(f"{where}.value: found {estimate.value}, expected {wanted}; measure it again")
    return estimate
