"""Every wrong key or value is refused in one sentence that names it."""

import json
from pathlib import Path

import pytest
import yaml
from standing_task import CONFIGS, STANDING

from contract import ConfigError, assets_dir
from trainer.config import config_hash, load_train_config, train_config_from
from trainer.randomization import DomainRandomization
from trainer.rewards import BONUSES, PENALTIES, REWARDS
from trainer.task import motion_asset

SHIPPED = assets_dir() / "bundles"


def change(**changes: object) -> dict[str, object]:
    data = yaml.safe_load(STANDING.read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        section = data
        for part in parents:
            section = section.setdefault(part, {})
        section[last] = value
    return data


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iteratons": 3}, ("iteratons", "did you mean 'iterations'")),
        ({"env__num_env": 3}, ("env.num_env", "did you mean 'num_envs'")),
        ({"env__command__vx_ms": [0, 1]}, ("env.command.vx_ms", "did you mean 'vx_m_s'")),
        ({"env__reset__tilt": 0.1}, ("env.reset.tilt", "did you mean 'tilt_rad'")),
        ({"domain_randomization__frction": [1, 1]}, ("domain_randomization.frction", "did you mean 'friction'")),
        ({"policy__lowpas_alpha": 0.1}, ("policy.lowpas_alpha", "did you mean 'lowpass_alpha'")),
        ({"network__activaton": "elu"}, ("network.activaton", "did you mean 'activation'")),
        ({"amp__replay_sise": 10}, ("amp.replay_sise", "did you mean 'replay_size'")),
        ({"ppo__lambda": 0.9}, ("ppo.lambda", "unknown key", "gae_lambda")),
        ({"rewards__uprigt": 1.0}, ("rewards", "'uprigt'", "did you mean 'upright'")),
        ({"policy__layout": ["gravty_local"]}, ("policy.layout", "did you mean 'gravity_local'")),
        ({"policy__mapping_id": "pos"}, ("policy.mapping_id", "'pos'")),
        ({"env__observation_noise": {"phase_sin_cos": 0.1}}, ("observation_noise", "'phase_sin_cos'")),
        ({"env__num_envs": 0}, ("env.num_envs", "found 0", "greater than 0")),
        ({"env__num_envs": "many"}, ("env.num_envs", "'many'", "integer")),
        ({"env__sim_dt": 0.003}, ("env.sim_dt", "0.003", "whole number")),
        ({"env__double_support": 1.0}, ("env.double_support", "1.0", "less than 1")),
        ({"env__backend": "cuda"}, ("env.backend", "'cuda'", "native")),
        ({"env__command__vx_m_s": [0.5, 0.1]}, ("env.command.vx_m_s", "[0.5, 0.1]", "smaller number first")),
        ({"env__command__yaw_rad_s": [1, -1]}, ("env.command.yaw_rad_s", "[1.0, -1.0]", "smaller number first")),
        ({"env__command__resample_every_s": [9, 4]}, ("env.command.resample_every_s", "[9.0, 4.0]", "smaller")),
        ({"env__command__stand_share": 1.2}, ("env.command.stand_share", "1.2", "less than or equal to 1")),
        ({"env__reset__reference_base_vel": [1.2, 0.5]}, ("env.reset.reference_base_vel", "[1.2, 0.5]", "smaller")),
        ({"env__reset__reference_share": 0.5}, ("env.reference", "found nothing", "assets/motions")),
        ({"domain_randomization__push_force": [5, 1]}, ("domain_randomization.push_force", "[5.0, 1.0]", "smaller")),
        ({"domain_randomization__friction": [0, 1]}, ("domain_randomization.friction", "0", "greater than 0")),
        ({"domain_randomization__imu_delay_s": [0, 0.05]}, ("imu_delay_s", "0.05", "less than or equal to 0.02")),
        ({"domain_randomization__control_latency": [0.03, 0.01]}, ("control_latency", "[0.03, 0.01]", "smaller")),
        ({"domain_randomization__backlash_rad": [-0.1, 0]}, ("backlash_rad", "-0.1", "greater than or equal to 0")),
        ({"ppo__learning_rate_range": [1e-3, 1e-4]}, ("ppo.learning_rate_range", "[0.001, 0.0001]", "smaller")),
        ({"ppo__num_minibatches": 7}, ("num_minibatches", "7")),
        ({"ppo__gamma": 1.5}, ("ppo.gamma", "1.5")),
        ({"task": "flying"}, ("task", "'flying'", "standing")),
    ],
)
def test_wrong_values_are_refused_by_name(changes: dict[str, object], words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as problem:
        train_config_from(change(**changes), "x.yaml")
    assert str(problem.value).startswith("x.yaml")
    assert "\n" not in str(problem.value)
    for word in words:
        assert word in str(problem.value)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: No such file"):
        load_train_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("task: [")
    with pytest.raises(ConfigError, match="not YAML"):
        load_train_config(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="found list, expected a mapping"):
        load_train_config(tmp_path / "list.yaml")


@pytest.mark.parametrize("name", BONUSES)
def test_a_bonus_below_zero_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"rewards.{name}: found -0.1, expected 0 or more, it is a bonus"):
        train_config_from(change(**{f"rewards__{name}": -0.1}), "x.yaml")


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_above_zero_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"rewards.{name}: found 0.1, expected 0 or less, it is a penalty"):
        train_config_from(change(**{f"rewards__{name}": 0.1}), "x.yaml")


@pytest.mark.parametrize("name", DomainRandomization().ordered)
def test_every_law_wants_the_smaller_number_first(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"domain_randomization.{name}: found \[0.02, 0.01\]"):
        train_config_from(change(**{f"domain_randomization__{name}": [0.02, 0.01]}), "x.yaml")


def test_shipped_configs_load_and_use_known_terms() -> None:
    for path in sorted(CONFIGS.glob("*.yaml")):
        config = load_train_config(path)
        assert set(config.rewards) <= set(REWARDS)
        assert any(weight > 0 for weight in config.rewards.values())
        assert set(config.env.observation_noise) == set(config.policy.layout)


def test_walking_as_it_stands_is_the_run_of_the_shipped_bundle() -> None:
    """What the docs tell people to type trains that policy, seed and all."""
    bundle = json.loads((SHIPPED / "walking" / "policy_spec.json").read_text())
    assert config_hash(load_train_config(CONFIGS / "walking.yaml")) == bundle["provenance"]["training_config_hash"]


def test_a_motion_is_named_in_assets_or_by_its_absolute_path(tmp_path: Path) -> None:
    assert motion_asset("walk.npz") == assets_dir() / "motions" / "walk.npz"
    (tmp_path / "mine.npz").write_bytes(b"")
    assert motion_asset(str(tmp_path / "mine.npz")) == tmp_path / "mine.npz"
    with pytest.raises(ConfigError, match=r"none\.npz: no such file"):
        motion_asset("none.npz")


def test_hash_changes_with_any_value() -> None:
    base = train_config_from(change(), "x")
    assert config_hash(base) == config_hash(train_config_from(change(), "x"))
    assert config_hash(base) != config_hash(train_config_from(change(domain_randomization__push_duration_s=0.3), "x"))
