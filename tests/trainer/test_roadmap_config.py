"""The roadmap's AMPPPOConfig as it stands, and it runs."""

import json
from pathlib import Path

import numpy as np
from standing_task import CONFIGS

from trainer.config import load_train_config
from trainer.task import make_env
from trainer.train import train


def test_its_values_are_the_roadmaps_and_it_trains(tmp_path: Path) -> None:
    config = load_train_config(CONFIGS / "roadmap.yaml")
    ppo, amp, network = config.ppo, config.amp, config.network
    assert (config.env.num_envs, ppo.num_steps, config.iterations) == (16, 10, 3000)
    assert (ppo.learning_rate, ppo.gamma, ppo.gae_lambda, ppo.clip_epsilon) == (3e-4, 0.99, 0.95, 0.2)
    assert (ppo.entropy_coef, ppo.num_minibatches, ppo.update_epochs) == (0.01, 4, 4)
    assert (amp.enable_amp, amp.amp_reward_weight, amp.disc_learning_rate) == (True, 1.0, 1e-4)
    assert (amp.disc_updates_per_iter, amp.r1_gamma) == (2, 5.0)
    assert network.policy_hidden_dims == network.value_hidden_dims == (512, 256, 128)
    assert amp.disc_hidden_dims == (1024, 512, 256)
    assert config.rewards == {
        "tracking_lin_vel": 1.0,
        "tracking_ang_vel": 0.5,
        "torque_penalty": -0.05,
        "action_rate": -0.01,
        "dof_pos_limits": -0.1,
        "base_height": 0.3,
    }
    random = config.domain_randomization
    assert (random.friction, random.mass_scale, random.link_mass_scale) == ((0.4, 1.25), (0.85, 1.15), (0.8, 1.2))
    assert (random.push_force, random.push_every_s) == ((0.0, 10.0), (2.0, 4.0))
    assert (random.motor_strength, random.joint_damping) == ((0.9, 1.1), (0.5, 1.5))
    assert random.control_latency == (0.0, 0.02)
    spec = make_env(config).spec
    assert (spec.model.obs_dim, spec.model.action_dim) == (44, 11)

    train(config.model_copy(update={"iterations": 2}), tmp_path / "run")
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    names = ("policy_loss", "value_loss", "entropy_loss", "clip_fraction", "approx_kl", "disc_loss", "disc_accuracy")
    names += ("amp_reward_mean", "amp_reward_std", "env_steps_per_sec")
    assert all(np.isfinite(last[name]) for name in names)
    assert {"episode_reward", "episode_length"} <= set(last)
    assert last["amp_reward_mean"] < 0, "log(sigmoid(D)), as the roadmap writes it"
    assert list((tmp_path / "run" / "tensorboard").glob("*tfevents*"))
