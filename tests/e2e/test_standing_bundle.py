"""The bundle that ships: whole, of this robot, and as good as its card says."""

import json

import numpy as np
import pytest

from contract import Bundle, assets_dir, load_bundle, load_robot_config
from trainer.config import TrainConfig, load_train_config
from trainer.evaluate import Policy, evaluate, evaluation_env
from trainer.onnx_network import open_session
from trainer.task import make_spec

STANDING = assets_dir() / "bundles" / "standing"
TRIALS, STEPS = 64, 500


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(STANDING, open_session)


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    return load_train_config(STANDING / "training_config.yaml")


@pytest.fixture(scope="module")
def policy(bundle: Bundle) -> Policy:
    return lambda obs: np.stack([bundle.network(row) for row in obs])


def test_it_is_whole_and_of_this_robot(bundle: Bundle, config: TrainConfig) -> None:
    assert bundle.verified and bundle.warnings == ()
    robot_config = load_robot_config(assets_dir() / "robot_config.yaml")
    assert bundle.robot_config == robot_config
    assert bundle.robot_xml is not None  # the same robot as today's: tests/assets/test_bundled_twin.py
    spec = make_spec(config.policy, robot_config, config.env)
    bundled = bundle.spec
    assert (spec.robot, spec.observation, spec.action, spec.runtime) == (
        bundled.robot,
        bundled.observation,
        bundled.action,
        bundled.runtime,
    )
    assert bundle.spec.model.obs_dim == 44
    assert sum(file.stat().st_size for file in STANDING.iterdir()) < 2e6


@pytest.mark.parametrize("push_n", [0.0, 5.0])
def test_it_stands_ten_seconds_in_every_trial(config: TrainConfig, policy: Policy, push_n: float) -> None:
    """Joints .05 rad, tilt .03 rad at reset; pushes of 0.2 s every 2-4 s in random horizontal directions."""
    result = evaluate(evaluation_env(config, TRIALS, STEPS, push_n), policy, seed=7)
    assert (result.survived, result.episode_length_mean) == (TRIALS, STEPS)
    assert result.mean_abs_torque_nm < 2.5


def test_a_wrong_policy_falls_in_the_same_evaluation(config: TrainConfig) -> None:
    lean = np.tile(np.where(np.arange(11) % 5 == 3, 1.0, 0.0), (8, 1)).astype(np.float32)  # both ankles, toes up
    result = evaluate(evaluation_env(config, 8, STEPS), lambda obs: lean)
    assert result.survived == 0


def test_its_card_holds_the_same_figures(config: TrainConfig) -> None:
    card = json.loads((STANDING / "metrics.json").read_text())
    assert {name: card[name]["survived"] for name in ("undisturbed", "pushed_5n")} == {
        "undisturbed": TRIALS,
        "pushed_5n": TRIALS,
    }
