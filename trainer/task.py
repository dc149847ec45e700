"""From a training config to the env, its spec and its physics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from contract import (
    ActionSpec,
    CommandRange,
    ConfigError,
    JointSpec,
    ModelSpec,
    ObservationSpec,
    PolicySpec,
    RobotConfig,
    RobotSpec,
    RuntimeSpec,
    assets_dir,
    load_robot_config,
    make_layout,
    parse_spec,
)
from contract.schema import write

from .config import EnvConfig, PolicyConfig, TrainConfig
from .env import Env
from .motion.reference import load_reference
from .physics.native import NativePhysics
from .physics.robot_model import load_robot_model
from .randomization import DomainRandomization


def make_spec(policy: PolicyConfig, robot: RobotConfig, env: EnvConfig) -> PolicySpec:
    """The policy's contract, validated as the robot will validate it; `env` is of training. Raises SpecError."""
    joints = {
        name: JointSpec(j.range_min_rad, j.range_max_rad, j.max_velocity_rad_s, float(j.policy_action_sign))
        for name, j in robot.joints.items()
    }
    layout = make_layout(policy.layout, len(joints))
    filtered, asked = policy.lowpass_alpha > 0, env.command
    # Zero is always asked for: at the start, after a stop, and where a controller falls silent.
    ranges = [(min(low, 0.0), max(high, 0.0)) for low, high in (asked.vx_m_s, asked.vy_m_s, asked.yaw_rad_s)]
    spec = PolicySpec(
        model=ModelSpec(obs_dim=sum(entry.size for entry in layout), action_dim=len(joints)),
        robot=RobotSpec(robot.robot_name, robot.actuator_names, joints, tuple(float(x) for x in robot.home.round(6))),
        observation=ObservationSpec(layout, layout_id="+".join(policy.layout)),
        action=ActionSpec(
            postprocess_id="lowpass_v1" if filtered else "none",
            mapping_id=policy.mapping_id,
            postprocess_params={"alpha": policy.lowpass_alpha} if filtered else {},
            scale_rad=policy.scale_rad,
        ),
        runtime=RuntimeSpec(env.ctrl_dt, policy.action_delay_steps, policy.gait_period_s, CommandRange(*ranges)),
    )
    return parse_spec(write(spec), "policy")[0]


def asset(name: str) -> Path:
    """A file named in a config: relative names lie in assets/. Raises ConfigError."""
    path = assets_dir() / name
    if not path.is_file():
        raise ConfigError(f"{path}: no such file, expected the one that the training config names; correct the name")
    return path


def motion_asset(name: str) -> Path:
    """A motion named in a config: relative names lie in assets/motions. Raises ConfigError."""
    return asset(str(Path("motions", name)))


def make_env(config: TrainConfig, random: DomainRandomization | None = None, **changes: object) -> Env:
    """The env of a config; `changes` replace fields of its env section and `random` its randomisation, to evaluate."""
    env = EnvConfig.model_validate({**config.env.model_dump(), **changes})
    robot_config = load_robot_config(asset(env.robot_config))
    robot = load_robot_model(asset(env.model), robot_config, env.sim_dt)
    spec = make_spec(config.policy, robot_config, config.env)
    motion = load_reference(motion_asset(env.reference), robot_config)[0] if env.reference else None
    random = random or config.domain_randomization
    return Env(spec, env, random, dict(config.rewards), config.reward_scale, robot, motion)


def native_physics(env: Env) -> NativePhysics:
    """Batched physics on this machine's CPUs for an env, whatever its backend."""
    return NativePhysics(env.robot, env.config.num_envs, env.config.decimation)


def with_provenance(spec: PolicySpec, **facts: object) -> PolicySpec:
    """The spec with facts about its origin."""
    return replace(spec, provenance=replace(spec.provenance, **facts))  # type: ignore[arg-type]
