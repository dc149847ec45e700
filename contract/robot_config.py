"""robot_config.yaml as validated, frozen data: what the robot is, for every room that needs to know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from . import schema
from .errors import ConfigError
from .plain_yaml import load_plain

Float32 = NDArray[np.float32]
_TOLERANCE_RAD = 1e-6  # two numbers that a mirror makes equal may differ by their last written digit


@dataclass(frozen=True)
class JointConfig:
    """One joint. `symmetric_joint` is its mirror image, itself for a joint on the middle plane; mirroring a pose
    left to right sets q[symmetric_joint] = symmetry_sign * q[joint]. Both signs are +1 or -1."""

    range_min_rad: float
    range_max_rad: float
    max_velocity_rad_s: float
    max_torque_nm: float
    policy_action_sign: int
    symmetric_joint: str
    symmetry_sign: int


@dataclass(frozen=True)
class ImuConfig:
    """Where the IMU sits: names of a body and of a site in the MJCF."""

    body: str
    site: str


@dataclass(frozen=True)
class BaseConfig:
    """The floating body and the height of its origin above the floor in the home pose, m."""

    body: str
    standing_height_m: float


@dataclass(frozen=True)
class RobotConfig:
    """The robot's joints in policy order, its poses and its sensors. Array properties are (J,) float32.

    `model` is the file name of the MJCF this was generated from; `assumed` names the keys whose values nobody has
    measured yet.
    """

    robot_name: str
    model: str
    actuator_names: tuple[str, ...]
    joints: dict[str, JointConfig]
    home_pose_rad: dict[str, float]
    crouch_pose_rad: dict[str, float]
    foot_switches: tuple[str, ...]
    imu: ImuConfig
    base: BaseConfig
    total_mass_kg: float
    assumed: tuple[str, ...] = ()

    @cached_property
    def range_min(self) -> Float32:
        """Lower joint limits, rad."""
        return self._column("range_min_rad")

    @cached_property
    def range_max(self) -> Float32:
        """Upper joint limits, rad."""
        return self._column("range_max_rad")

    @cached_property
    def max_velocity(self) -> Float32:
        """Speed limits, rad/s."""
        return self._column("max_velocity_rad_s")

    @cached_property
    def max_torque(self) -> Float32:
        """Torque limits, Nm."""
        return self._column("max_torque_nm")

    @cached_property
    def home(self) -> Float32:
        """The standing pose, rad."""
        return np.array([self.home_pose_rad[name] for name in self.actuator_names], np.float32)

    @cached_property
    def crouch(self) -> Float32:
        """The low pose of a safe stop, rad."""
        return np.array([self.crouch_pose_rad[name] for name in self.actuator_names], np.float32)

    @cached_property
    def symmetric_index(self) -> NDArray[np.intp]:
        """(J,) where each joint's mirror image stands: mirrored = symmetry_sign * q[symmetric_index]."""
        return np.array([self.actuator_names.index(self.joints[n].symmetric_joint) for n in self.actuator_names])

    @cached_property
    def symmetry_sign(self) -> Float32:
        return self._column("symmetry_sign")

    def _column(self, key: str) -> Float32:
        return np.array([getattr(self.joints[name], key) for name in self.actuator_names], np.float32)


def load_robot_config(path: str | Path) -> RobotConfig:
    """Read and check robot_config.yaml.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or does not describe a robot.
    """
    path = Path(path)
    try:
        data = load_plain(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}, expected robot_config.yaml; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        detail = " ".join(str(error).split())
        raise ConfigError(f"{path}: not YAML ({detail}), expected a mapping; correct that line") from None
    return robot_config_from_dict(data, str(path))


def robot_config_from_dict(data: object, where: str = "robot_config") -> RobotConfig:
    """Build and check a RobotConfig from plain data; `where` names the source at the start of every message.

    Raises:
        ConfigError: an unknown or missing key, a wrong type, or values that contradict each other.
    """
    config = schema.read(RobotConfig, data, where, ConfigError)
    _check_names(config, where)
    for name, joint in config.joints.items():
        _check_joint(joint, f"{where}.joints.{name}")
    for name in config.actuator_names:
        _check_symmetry(config, name, f"{where}.joints.{name}")
    _check_pose(config, config.home_pose_rad, f"{where}.home_pose_rad")
    _check_pose(config, config.crouch_pose_rad, f"{where}.crouch_pose_rad")
    _check_positive(config.base.standing_height_m, f"{where}.base.standing_height_m")
    _check_positive(config.total_mass_kg, f"{where}.total_mass_kg")
    return config


def _check_names(config: RobotConfig, where: str) -> None:
    for key in ("actuator_names", "foot_switches"):
        names = getattr(config, key)
        if not names or len(set(names)) != len(names):
            raise ConfigError(f"{where}.{key}: found {list(names)}, expected names that differ; name each one once")
    _check_order(config.joints, config.actuator_names, f"{where}.joints")
    known = {f.name for cls in (RobotConfig, JointConfig, ImuConfig, BaseConfig) for f in fields(cls)}
    for key in config.assumed:
        if key not in known:
            raise ConfigError(
                f"{where}.assumed: unknown key {schema.short(key)}{schema.suggest(key, known)}; correct it"
            )


def _check_order(found: Mapping[str, object], expected: tuple[str, ...], where: str) -> None:
    """Same names in the same order: a permuted robot must not pass."""
    for name in found:
        if name not in expected:
            raise ConfigError(
                f"{where}: unknown joint {schema.short(name)}{schema.suggest(name, expected)}; correct it"
            )
    missing = [name for name in expected if name not in found]
    if missing:
        raise ConfigError(f"{where}: joint {missing[0]!r} of actuator_names is missing; add it")
    if tuple(found) != expected:
        raise ConfigError(f"{where}: found the order {list(found)}, expected {list(expected)}; order as actuator_names")


def _check_joint(joint: JointConfig, where: str) -> None:
    if joint.range_min_rad >= joint.range_max_rad:
        found = f"{joint.range_min_rad} to {joint.range_max_rad}"
        raise ConfigError(f"{where}.range_min_rad: found the range {found}, expected min < max; exchange them")
    if max(-joint.range_min_rad, joint.range_max_rad) > 2 * math.pi:
        found = f"{joint.range_min_rad} to {joint.range_max_rad}"
        raise ConfigError(f"{where}.range_min_rad: found the range {found}, expected one turn at most; give radians")
    _check_positive(joint.max_velocity_rad_s, f"{where}.max_velocity_rad_s")
    _check_positive(joint.max_torque_nm, f"{where}.max_torque_nm")
    for key in ("policy_action_sign", "symmetry_sign"):
        if getattr(joint, key) not in (1, -1):
            raise ConfigError(f"{where}.{key}: found {getattr(joint, key)}, expected 1 or -1; give the sign alone")


def _check_symmetry(config: RobotConfig, name: str, where: str) -> None:
    joint = config.joints[name]
    other = config.joints.get(joint.symmetric_joint)
    if other is None:
        hint = schema.suggest(joint.symmetric_joint, config.actuator_names)
        raise ConfigError(f"{where}.symmetric_joint: unknown joint {joint.symmetric_joint!r}{hint}; correct it")
    if other.symmetric_joint != name or other.symmetry_sign != joint.symmetry_sign:
        found = f"{other.symmetric_joint!r} with sign {other.symmetry_sign}"
        expected = f"{name!r} with sign {joint.symmetry_sign}"
        raise ConfigError(
            f"{where}.symmetric_joint: {joint.symmetric_joint!r} points to {found}, expected {expected}; mend one"
        )
    mirrored = sorted(joint.symmetry_sign * value for value in (joint.range_min_rad, joint.range_max_rad))
    found_range = (other.range_min_rad, other.range_max_rad)
    if not np.allclose(mirrored, found_range, rtol=0, atol=_TOLERANCE_RAD):
        raise ConfigError(
            f"{where}.range_min_rad: mirrored it is {mirrored[0]} to {mirrored[1]}, but {joint.symmetric_joint!r} has "
            f"{found_range[0]} to {found_range[1]}; make the ranges mirror or correct symmetry_sign"
        )


def _check_pose(config: RobotConfig, pose: Mapping[str, float], where: str) -> None:
    _check_order(pose, config.actuator_names, where)
    for name, value in pose.items():
        joint = config.joints[name]
        if not joint.range_min_rad <= value <= joint.range_max_rad:
            bounds = f"{joint.range_min_rad} to {joint.range_max_rad}"
            raise ConfigError(f"{where}.{name}: found {value}, expected {bounds}; move the pose into the range")


def _check_positive(value: float, where: str) -> None:
    if value <= 0:
        raise ConfigError(f"{where}: found {value}, expected a number above 0; correct it")
