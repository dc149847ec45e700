"""policy_spec.json as validated, frozen data: everything that changes what a policy means."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import schema

CONTRACT_NAME = "wildrobot_policy"
CONTRACT_VERSION = "1.2.0"
SPEC_VERSION = 2
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class ModelSpec:
    """The network's face: ONNX, one input [1, obs_dim] and one output [1, action_dim]."""

    obs_dim: int
    action_dim: int
    format: str = "onnx"
    input_name: str = "observation"
    output_name: str = "action"
    dtype: str = "float32"


@dataclass(frozen=True)
class JointSpec:
    """One joint as the policy knows it; `policy_action_sign` is +1 or -1."""

    range_min_rad: float
    range_max_rad: float
    max_velocity_rad_s: float
    policy_action_sign: float = 1.0


@dataclass(frozen=True)
class RobotSpec:
    """The robot's joints in policy order. Arrays are (J,) float32, rad or rad/s."""

    robot_name: str
    actuator_names: tuple[str, ...]
    joints: dict[str, JointSpec]
    home_ctrl_rad: tuple[float, ...] | None = None

    def _column(self, key: str) -> Float32:
        return np.array([getattr(self.joints[n], key) for n in self.actuator_names], np.float32)

    @cached_property
    def range_min(self) -> Float32:
        return self._column("range_min_rad")

    @cached_property
    def range_max(self) -> Float32:
        return self._column("range_max_rad")

    @cached_property
    def center(self) -> Float32:
        return (self.range_max + self.range_min) / np.float32(2)

    @cached_property
    def span(self) -> Float32:
        """Half of each range, rad."""
        return (self.range_max - self.range_min) / np.float32(2)

    @cached_property
    def max_velocity(self) -> Float32:
        return self._column("max_velocity_rad_s")

    @cached_property
    def action_sign(self) -> Float32:
        return self._column("policy_action_sign")

    @cached_property
    def home(self) -> Float32:
        """Home pose; a bundle that gives none has the middle of each range."""
        return self.center if self.home_ctrl_rad is None else np.array(self.home_ctrl_rad, np.float32)

    @cached_property
    def home_reach(self) -> Float32:
        """S = max(|min - home|, |max - home|), rad: what an action of 1 moves in the home mappings."""
        reach: Float32 = np.maximum(np.abs(self.range_min - self.home), np.abs(self.range_max - self.home))
        return reach


@dataclass(frozen=True)
class LayoutEntry:
    """One term of the observation, in place."""

    name: str
    size: int
    frame: str | None = None
    units: str | None = None


@dataclass(frozen=True)
class ObservationSpec:
    """Which terms the observation has, in which order."""

    layout: tuple[LayoutEntry, ...]
    layout_id: str
    dtype: str = "float32"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.layout)

    def slice_of(self, name: str) -> slice:
        """Where a term lies in the observation. Raises KeyError for a term that the layout lacks."""
        start = 0
        for entry in self.layout:
            if entry.name == name:
                return slice(start, start + entry.size)
            start += entry.size
        raise KeyError(f"layout {self.layout_id} has no term {name!r}{schema.suggest(name, self.names)}")


@dataclass(frozen=True)
class Bounds:
    """What the network's output is clipped to."""

    min: float = -1.0
    max: float = 1.0


@dataclass(frozen=True)
class ActionSpec:
    """From the network's output to joint targets: filter, then mapping."""

    postprocess_id: str
    mapping_id: str
    postprocess_params: dict[str, float] = field(default_factory=dict)
    bounds: Bounds = Bounds()
    scale_rad: tuple[float, ...] | None = None
    dtype: str = "float32"

    @property
    def alpha(self) -> float:
        """Weight of the OLD value in the low-pass; 0 where there is none."""
        return self.postprocess_params.get("alpha", 0.0)

    @property
    def is_home_mapping(self) -> bool:
        return self.mapping_id != "pos_target_rad_v1"


@dataclass(frozen=True)
class CommandRange:
    """The commands that a policy was trained for, [lowest, highest] each, with zero in between: forward, to the left,
    turning to the left."""

    vx_m_s: tuple[float, ...]
    vy_m_s: tuple[float, ...]
    yaw_rad_s: tuple[float, ...]

    @cached_property
    def low(self) -> Float32:
        """(3,) m/s, m/s, rad/s."""
        return np.array([self.vx_m_s[0], self.vy_m_s[0], self.yaw_rad_s[0]], np.float32)

    @cached_property
    def high(self) -> Float32:
        """(3,) m/s, m/s, rad/s."""
        return np.array([self.vx_m_s[1], self.vy_m_s[1], self.yaw_rad_s[1]], np.float32)


@dataclass(frozen=True)
class RuntimeSpec:
    """Control period in s, delay of actions in control steps, gait period in s where the layout has a phase, and the
    range that commands are held to; without one every command goes to the policy as it is."""

    ctrl_dt: float = 0.02
    action_delay_steps: int = 0
    gait_period_s: float | None = None
    command: CommandRange | None = None


@dataclass(frozen=True)
class Provenance:
    """Where a policy comes from. Changes nothing in its behaviour; holds no absolute paths."""

    created_at: str | None = None
    training_config_hash: str | None = None
    checkpoint_id: str | None = None
    package_version: str | None = None
    metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PolicySpec:
    """A whole policy_spec.json. Build one with `parse_spec`, which validates."""

    model: ModelSpec
    robot: RobotSpec
    observation: ObservationSpec
    action: ActionSpec
    runtime: RuntimeSpec = RuntimeSpec()
    provenance: Provenance = Provenance()
    contract_name: str = CONTRACT_NAME
    contract_version: str = CONTRACT_VERSION
    spec_version: int = SPEC_VERSION

    @property
    def num_joints(self) -> int:
        return len(self.robot.actuator_names)

    @cached_property
    def scale_rad(self) -> Float32:
        """What an action of 1 moves from the mapping's middle, rad, (J,)."""
        if self.action.mapping_id == "pos_target_rad_v1":
            return self.robot.span
        if self.action.mapping_id == "pos_target_home_scaled_v1":
            return np.array(self.action.scale_rad, np.float32)
        if self.action.mapping_id == "pos_target_home_025_v1":
            return np.full(self.num_joints, 0.25, np.float32)
        return self.robot.home_reach

    @cached_property
    def middle_rad(self) -> Float32:
        """The target of a zero action, rad, (J,): range middle or home."""
        return self.robot.home if self.action.is_home_mapping else self.robot.center


def spec_to_json(spec: PolicySpec) -> str:
    """The text of policy_spec.json: stable order, no key that is null."""
    return json.dumps(schema.write(spec), indent=2) + "\n"
