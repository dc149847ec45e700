"""Rollouts: episodes that end begin anew, all others go on."""

import logging
import re
from collections import Counter

import jax
import numpy as np
import pytest

from trainer.config import TrainConfig
from trainer.physics.native import NativePhysics
from trainer.rollout import Sampler
from trainer.task import make_env
from trainer.train import Trainer, init_learner, make_networks


def test_only_ended_episodes_begin_anew(config: TrainConfig, key: jax.Array) -> None:
    env = make_env(config, num_envs=20, episode_steps=3)
    networks = make_networks(config, env)
    agent = init_learner(config, env, networks, key).agent
    sampler = Sampler(env, networks, NativePhysics(env.robot, 20, env.config.decimation, 1))
    worker = sampler.start(key)
    states = worker.states._replace(step=worker.states.step + 2 * (np.arange(20) < 17))  # more than begin at once
    worker, _, verdict = sampler.step(agent, worker._replace(states=states), jax.random.key(1))
    assert np.flatnonzero(verdict.outcome.truncated).tolist() == list(range(17))
    assert worker.states.step.tolist() == [0] * 17 + [1] * 3
    starts = np.asarray(worker.body.joint_pos)[:17]
    assert len(np.unique(starts.round(6), axis=0)) == 17, "all begin differently"
    angles = np.asarray(worker.states.joints)[:17, 0]
    np.testing.assert_allclose(starts, angles, atol=1e-6, err_msg="physics and episode begin at the same angles")


def test_each_program_is_compiled_once(config: TrainConfig, key: jax.Array, caplog: pytest.LogCaptureFixture) -> None:
    """Seconds of every start of training: types that change after the first iteration, one program for each size."""
    trainer = Trainer(config.model_copy(update={"env": config.env.model_copy(update={"num_envs": 40})}))
    caplog.set_level(logging.WARNING)
    with jax.log_compiles():
        state = trainer.begin()
        begun = len(re.findall("Finished XLA compilation", caplog.text))
        for iteration in (1, 2, 3):
            states = state.worker.states
            ending = states._replace(step=np.asarray(states.step) + 10_000 * (np.arange(40) < 15 * iteration))
            state, _, _ = trainer.iterate(state._replace(worker=state.worker._replace(states=ending)), iteration)
    compiled = Counter(re.findall(r"Finished XLA compilation of jit\((\w+)\)", caplog.text))
    heavy = ("_begin_some", "put_rows", "_act_step", "_judge_step", "update")
    assert {name: compiled[name] for name in heavy} == dict.fromkeys(heavy, 1)
    assert begun < 30, "parameters come from one program, not from hundreds of single operations"
