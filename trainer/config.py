"""The training YAML as validated data. Unknown keys are errors with a suggestion."""

from __future__ import annotations

import difflib
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from contract import TERMS, ConfigError
from contract.plain_yaml import load_plain
from contract.schema import short
from contract.spec_reader import MAPPING_IDS

from .amp.config import AmpConfig
from .randomization import DomainRandomization
from .rewards import BONUSES, PENALTIES, REWARDS
from .section import NotNegative, Positive, Section

CANONICAL_LAYOUT = (
    "gravity_local",
    "angvel_heading_local",
    "joint_pos_normalized",
    "joint_vel_normalized",
    "foot_switches",
    "prev_action",
    "velocity_cmd",
)


class PolicyConfig(Section):
    """What the policy sees and says: goes into policy_spec.json word for word."""

    layout: tuple[str, ...] = CANONICAL_LAYOUT
    mapping_id: str = "pos_target_home_025_v1"
    scale_rad: tuple[float, ...] | None = None
    lowpass_alpha: Annotated[float, Field(ge=0, lt=1)] = 0.0
    action_delay_steps: Annotated[int, Field(ge=0, le=10)] = 0
    gait_period_s: Positive | None = None


class ResetConfig(Section):
    """Half-widths of the uniform noise about the pose an episode begins in, and how many begin in the middle of a step.

    reference_share: probability of beginning at a random phase of the reference motion nearest to the command, with
    its joint speeds times `reference_speed` and its base velocity times a uniform factor."""

    joint_pos_rad: NotNegative = 0.05
    tilt_rad: NotNegative = 0.03
    joint_vel_rad_s: NotNegative = 0.0
    base_vel_m_s: NotNegative = 0.0
    reference_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    reference_speed: NotNegative = 0.7
    reference_base_vel: tuple[NotNegative, NotNegative] = (0.5, 1.2)


class CommandConfig(Section):
    """What the robot is asked to do: uniform in each range, drawn at the start and every `resample_every_s`."""

    vx_m_s: tuple[float, float] = (0.0, 0.0)
    vy_m_s: tuple[float, float] = (0.0, 0.0)
    yaw_rad_s: tuple[float, float] = (0.0, 0.0)
    stand_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    straight_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    resample_every_s: tuple[Positive, Positive] = (1e6, 1e6)


class EnvConfig(Section):
    """The task's world. `reference` names a file of reference motions in assets/motions, or any by its absolute path;
    `double_support` is the share of each half of the gait's cycle in which the clock wants both feet on the floor."""

    model: str = "scene.xml"
    robot_config: str = "robot_config.yaml"
    reference: str | None = None
    backend: Literal["auto", "native", "mjx", "warp"] = "auto"
    ctrl_dt: Positive = 0.02
    sim_dt: Positive = 0.005
    num_envs: Annotated[int, Field(gt=0)] = 256
    episode_steps: Annotated[int, Field(gt=0)] = 500
    command: CommandConfig = CommandConfig()
    double_support: Annotated[float, Field(ge=0, lt=1)] = 0.2
    min_height_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.7
    min_upright: Annotated[float, Field(gt=-1, lt=1)] = 0.7
    reset: ResetConfig = ResetConfig()
    observation_noise: dict[str, NotNegative] = Field(default_factory=dict)

    @property
    def decimation(self) -> int:
        return round(self.ctrl_dt / self.sim_dt)


class NetworkConfig(Section):
    """Multilayer perceptrons for actor and critic; the actor's spread starts at init_std and stays above min_std.

    With `symmetric` both treat left and right alike by construction: f(x) = (g(x) + mirror(g(mirror(x)))) / 2."""

    policy_hidden_dims: tuple[int, ...] = (128, 128)
    value_hidden_dims: tuple[int, ...] = (128, 128)
    activation: Literal["elu", "relu", "tanh"] = "elu"
    init_std: Positive = 0.4
    min_std: Positive = 0.1
    symmetric: bool = True


class PpoConfig(Section):
    """Names as in the literature. The learning rate follows the KL divergence inside learning_rate_range.

    settle: env steps between which target_kl falls linearly to a tenth, so that the policy comes to rest; None: no.
    averaging: share of the past in the running mean of the weights, taken once an iteration, which is what is evaluated
    and exported; 0: the last weights."""

    num_steps: Annotated[int, Field(gt=0)] = 24
    update_epochs: Annotated[int, Field(gt=0)] = 4
    num_minibatches: Annotated[int, Field(gt=0)] = 4
    learning_rate: Positive = 5e-4
    learning_rate_range: tuple[Positive, Positive] = (1e-4, 1e-3)
    target_kl: Positive = 0.012
    settle: tuple[Positive, Positive] | None = None
    averaging: Annotated[float, Field(ge=0, lt=1)] = 0.0
    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.98
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = 0.95
    clip_epsilon: Positive = 0.2
    entropy_coef: NotNegative = 0.001
    value_coef: NotNegative = 1.0
    max_grad_norm: Positive = 1.0


class TrainConfig(Section):
    """A whole training run."""

    task: Literal["standing", "walking"]
    seed: int = 0
    iterations: Annotated[int, Field(gt=0)] = 200
    checkpoint_every: Annotated[int, Field(gt=0)] = 50
    policy: PolicyConfig = PolicyConfig()
    env: EnvConfig = EnvConfig()
    domain_randomization: DomainRandomization = DomainRandomization()
    rewards: dict[str, float]
    reward_scale: Positive = 0.1
    network: NetworkConfig = NetworkConfig()
    ppo: PpoConfig = PpoConfig()
    amp: AmpConfig = AmpConfig()


def load_train_config(path: Path) -> TrainConfig:
    """Read a training YAML.

    Raises:
        ConfigError: one sentence with file, key, value and what was expected.
    """
    path = Path(path)
    try:
        data = load_plain(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}, expected a training config; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(problem).split())}); correct that line") from None
    return train_config_from(data, str(path))


def train_config_from(data: object, where: str) -> TrainConfig:
    """Build a TrainConfig from plain data; `where` begins every message. Raises ConfigError."""
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: found {type(data).__name__}, expected a mapping with task and rewards")
    try:
        config = TrainConfig.model_validate(data)
    except ValidationError as problem:
        raise ConfigError(f"{where}.{_first(problem)}") from None
    _check_words(config, where)
    return config


def config_hash(config: TrainConfig) -> str:
    """Twelve hex digits that change when anything in the config changes."""
    return hashlib.sha256(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:12]


def _first(problem: ValidationError) -> str:
    error = problem.errors()[0]
    key = ".".join(str(part) for part in error["loc"])[:200]
    if error["type"] == "extra_forbidden":
        section: Any = TrainConfig
        for part in error["loc"][:-1]:
            section = section.model_fields[str(part)].annotation
        return f"{key}: unknown key{_suggest(str(error['loc'][-1]), section.model_fields)}; remove or correct it"
    found = "" if error["type"] == "missing" else f" found {short(error['input'])},"
    return f"{key}:{found} expected: {error['msg']}"


def _check_words(config: TrainConfig, where: str) -> None:
    for key, words, known in (
        ("rewards", config.rewards, REWARDS),
        ("policy.layout", config.policy.layout, TERMS),
        ("policy.mapping_id", [config.policy.mapping_id], MAPPING_IDS),
        ("env.observation_noise", config.env.observation_noise, config.policy.layout),
    ):
        for word in words:
            if word not in known:
                raise ConfigError(f"{where}.{key}: unknown name {word!r}{_suggest(word, known)}; correct it")
    steps = config.env.ctrl_dt / config.env.sim_dt
    if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
        raise ConfigError(f"{where}.env.sim_dt: {config.env.ctrl_dt} / {config.env.sim_dt} s is not a whole number")
    command, reset = config.env.command, config.env.reset
    pairs = {
        **{f"domain_randomization.{name}": pair for name, pair in config.domain_randomization.ordered.items()},
        **{f"env.command.{name}": getattr(command, name) for name in ("vx_m_s", "vy_m_s", "yaw_rad_s")},
        "env.command.resample_every_s": command.resample_every_s,
        "env.reset.reference_base_vel": reset.reference_base_vel,
        "ppo.learning_rate_range": config.ppo.learning_rate_range,
        "ppo.settle": config.ppo.settle or (0, 0),
    }
    for key, (low, high) in pairs.items():
        if low > high:
            raise ConfigError(f"{where}.{key}: found [{low}, {high}], expected the smaller number first")
    for name, weight in config.rewards.items():
        if (name in BONUSES and weight < 0) or (name in PENALTIES and weight > 0):
            kind, sign = ("bonus", "0 or more") if name in BONUSES else ("penalty", "0 or less")
            raise ConfigError(f"{where}.rewards.{name}: found {weight}, expected {sign}, it is a {kind}; turn the sign")
    if reset.reference_share > 0 and config.env.reference is None:
        raise ConfigError(
            f"{where}.env.reference: found nothing, expected a file of assets/motions; reference_share > 0"
        )
    batch = config.env.num_envs * config.ppo.num_steps
    if batch % config.ppo.num_minibatches:
        raise ConfigError(f"{where}.ppo.num_minibatches: {batch} samples do not divide by {config.ppo.num_minibatches}")


def _suggest(word: str, known: object) -> str:
    names = sorted(known)  # type: ignore[call-overload]
    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(names)})"
