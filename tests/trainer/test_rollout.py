"""Rollouts: episodes that end begin anew, all others go on."""

import jax
import numpy as np

from trainer.config import TrainConfig
from trainer.physics.native import NativePhysics
from trainer.rollout import Sampler, padded
from trainer.task import make_env
from trainer.train import init_learner, make_networks


def test_only_ended_episodes_begin_anew(config: TrainConfig, key: jax.Array) -> None:
    env = make_env(config, num_envs=20, episode_steps=3)
    networks = make_networks(config, env)
    agent = init_learner(config, env, networks, key).agent
    sampler = Sampler(env, networks, NativePhysics(env.robot, 20, env.config.decimation, 1))
    worker = sampler.start(key)
    states = worker.states._replace(step=worker.states.step.at[:17].add(2))  # more than the smallest padding
    worker, _, verdict = sampler.step(agent, worker._replace(states=states), jax.random.key(1))
    assert np.flatnonzero(verdict.outcome.truncated).tolist() == list(range(17))
    assert worker.states.step.tolist() == [0] * 17 + [1] * 3
    starts = np.asarray(worker.body.joint_pos)[:17]
    assert len(np.unique(starts.round(6), axis=0)) == 17, "all begin differently"
    angles = np.asarray(worker.states.joints)[:17, 0]
    np.testing.assert_allclose(starts, angles, atol=1e-6, err_msg="physics and episode begin at the same angles")


def test_few_sizes_are_compiled() -> None:
    sizes = {len(padded(np.arange(n), 256)) for n in range(1, 257)}
    assert sizes == {16, 64, 256}
    assert padded(np.array([3, 7]), 256).tolist() == [3, 7, *[256] * 14]
