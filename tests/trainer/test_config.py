"""Every wrong key or value is refused in one sentence that names it."""

from pathlib import Path

import pytest
import yaml
from standing_task import CONFIGS, STANDING

from contract import ConfigError
from trainer.config import config_hash, load_train_config, train_config_from
from trainer.rewards import REWARDS


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
        ({"env__push__force": 3}, ("env.push.force", "did you mean 'force_n'")),
        ({"rewards__uprigt": 1.0}, ("rewards", "'uprigt'", "did you mean 'upright'")),
        ({"policy__layout": ["gravty_local"]}, ("policy.layout", "did you mean 'gravity_local'")),
        ({"policy__mapping_id": "pos"}, ("policy.mapping_id", "'pos'")),
        ({"env__observation_noise": {"phase_sin_cos": 0.1}}, ("observation_noise", "'phase_sin_cos'")),
        ({"env__num_envs": 0}, ("env.num_envs", "found 0", "greater than 0")),
        ({"env__num_envs": "many"}, ("env.num_envs", "'many'", "integer")),
        ({"env__sim_dt": 0.003}, ("env.sim_dt", "0.003", "whole number")),
        ({"env__push__force_n": [5, 1]}, ("env.push.force_n", "[5.0, 1.0]", "smaller number first")),
        ({"env__latency_s": [0, 0.03]}, ("env.latency_s", "0.03", "action_delay_steps")),
        ({"env__feedback_delay_steps": [3, 1]}, ("env.feedback_delay_steps", "[3, 1]", "smaller number first")),
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


def test_shipped_configs_load_and_use_known_terms() -> None:
    for path in sorted(CONFIGS.glob("*.yaml")):
        config = load_train_config(path)
        assert set(config.rewards) <= set(REWARDS)
        assert any(weight > 0 for weight in config.rewards.values())


def test_hash_changes_with_any_value() -> None:
    base = train_config_from(change(), "x")
    assert config_hash(base) == config_hash(train_config_from(change(), "x"))
    assert config_hash(base) != config_hash(train_config_from(change(env__push__duration_s=0.3), "x"))
