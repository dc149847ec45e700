"""From what was measured on a builder's robot to a narrower domain randomisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract import ConfigError, RobotConfig, load_robot_config
from contract.robot_params import WHOLE, Measured, RobotParams, load_robot_params

from .config import TrainConfig, train_config_from
from .randomization import DomainRandomization
from .task import asset

# measured: range of the randomisation
RANGES = {
    "control_latency_s": "control_latency",
    "move_time_s": "move_time_s",
    "joint_friction": "joint_friction",
    "joint_damping": "joint_damping",
    "backlash_rad": "backlash_rad",
    "motor_strength": "motor_strength",
    "mass_kg": "mass_scale",
}


def narrowed(config: TrainConfig, path: Path) -> tuple[TrainConfig, list[str]]:
    """The config with its domain_randomization narrowed to a robot_params.yaml, and a sentence for each change.

    Raises:
        ConfigError: an unusable file, or a value outside the range that the config allows.
    """
    robot = load_robot_config(asset(config.env.robot_config))
    random, notes = narrow(config.domain_randomization, load_robot_params(path, robot), robot, str(path))
    data = config.model_dump() | {"domain_randomization": random.model_dump()}
    return train_config_from(data, str(path)), notes


def narrow(
    random: DomainRandomization, params: RobotParams, robot: RobotConfig, where: str = "robot_params"
) -> tuple[DomainRandomization, list[str]]:
    """Ranges of value +- uncertainty, never wider than they were, and a sentence for each.

    A range holds for all joints, so joint by joint values span it from the lowest to the highest, and one that leaves
    joints out leaves the range as it is. joint_offset_rad is a half-width about zero: the largest offset that may be.

    Raises:
        ConfigError: a measured value lies outside the range.
    """
    changes: dict[str, Any] = {}
    notes = []
    for key, measured in params.measured.items():
        missing = [name for name in robot.actuator_names if name not in measured and WHOLE not in measured]
        if missing:
            notes.append(f"{where}: {key} says nothing of {missing[0]}, so its range stays as the config has it")
        elif key in RANGES:
            name, scale = RANGES[key], 1 / robot.total_mass_kg if key == "mass_kg" else 1.0
            changes[name] = _narrow_range(getattr(random, name), measured, scale, f"{where}: {key}", name)
            notes.append(f"{where}: {name} is {_text(changes[name])} instead of {_text(getattr(random, name))}")
        elif key == "joint_offset_rad":
            widest = max(max(abs(e.low), abs(e.high)) for e in measured.values())
            changes[key] = min(random.joint_offset_rad, widest)
            notes.append(f"{where}: {key} is {changes[key]:.4g} instead of {random.joint_offset_rad:.4g}")
        else:
            notes += _speed_notes(measured, robot, where)
    return random.model_copy(update=changes), notes


def _narrow_range(
    allowed: tuple[float, float], measured: Measured, scale: float, where: str, name: str
) -> tuple[float, float]:
    low = scale * min(estimate.low for estimate in measured.values())
    high = scale * max(estimate.high for estimate in measured.values())
    result = max(low, allowed[0]), min(high, allowed[1])
    if result[0] > result[1]:
        raise ConfigError(
            f"{where}: {_text((low, high))} lies outside of domain_randomization.{name} {_text(allowed)}, expected "
            "them to overlap; measure again or widen the config's range"
        )
    return result


def _speed_notes(measured: Measured, robot: RobotConfig, where: str) -> list[str]:
    """Speed is not randomised: policy and robotd both take it from robot_config.yaml."""
    for name in robot.actuator_names:
        found, assumed = measured[name if name in measured else WHOLE], robot.joints[name].max_velocity_rad_s
        if found.high < assumed:
            return [
                f"{where}: {name} reaches {found.value:.3g} rad/s, but robot_config.yaml says {assumed:.3g}; "
                "lower max_velocity_rad_s there, it is not randomised"
            ]
    return []


def _text(pair: tuple[float, float]) -> str:
    return f"[{pair[0]:.4g}, {pair[1]:.4g}]"
