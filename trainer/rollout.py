"""Experience: env functions and physics in turn. A plain loop around two jitted steps serves every backend."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .env import Env, EnvState, Outcome
from .networks import Agent, Networks, log_prob
from .physics.body_state import Array, BodyState, Physics
from .ppo import Transition


class Worker(NamedTuple):
    """Where the batch of episodes stands."""

    states: EnvState
    body: BodyState


class Step(NamedTuple):
    """What one control step of the batch leaves, [B, ...]."""

    obs: Array
    critic_obs: Array
    action: Array
    log_prob: Array


class Sampler:
    """The jitted steps of one env and its networks; holds no state of its own."""

    def __init__(self, env: Env, networks: Networks, physics: Physics) -> None:
        self.env, self.networks, self.physics = env, networks, physics
        self._act = jax.jit(self._act_step)
        self._judge = jax.jit(self._judge_step)
        self._start = jax.jit(jax.vmap(env.start))

    def start(self, key: Array) -> Worker:
        """New episodes in every robot."""
        states, qpos, qvel = self._start(jax.random.split(key, self.physics.num_envs))
        return Worker(states, self.physics.reset(np.arange(self.physics.num_envs), np.asarray(qpos), np.asarray(qvel)))

    def step(self, agent: Agent, worker: Worker, key: Array) -> tuple[Worker, Step, Outcome, Array]:
        """One control step of all robots; ended episodes begin anew.

        Returns:
            The worker, what was seen and done, the outcome, and next_critic_obs [B, C] before any reset.
        """
        states, step, targets, push = self._act(agent, worker, key)
        body = self.physics.step(np.asarray(targets), np.asarray(push))
        states, outcome, critic_obs, fresh = self._judge(states, body, step.action, key)
        ended = np.flatnonzero(np.asarray(outcome.terminated | outcome.truncated))
        if len(ended):
            body = self.physics.reset(ended, np.asarray(fresh[0])[ended], np.asarray(fresh[1])[ended])
        return Worker(states, body), step, outcome, critic_obs

    def collect(
        self, agent: Agent, worker: Worker, key: Array, num_steps: int
    ) -> tuple[Worker, Transition, dict[str, float]]:
        """A rollout of num_steps, [T, B, ...], and the mean of each reward term."""
        rows, terms = [], []
        for step_key in jax.random.split(key, num_steps):
            worker, step, outcome, critic_obs = self.step(agent, worker, step_key)
            ends = (outcome.reward, outcome.terminated, outcome.truncated)
            rows.append(Transition(step.obs, step.critic_obs, critic_obs, step.action, step.log_prob, *ends))
            terms.append(outcome.terms)
        stack = jax.tree.map(lambda *x: np.stack(x), *rows)
        return worker, stack, jax.tree.map(lambda *x: float(np.mean(x)), *terms)

    def _act_step(self, agent: Agent, worker: Worker, key: Array) -> tuple[EnvState, Step, Array, Array]:
        batch = self.physics.num_envs
        k_obs, k_action, k_push = jax.random.split(key, 3)
        obs, critic_obs = jax.vmap(self.env.observe)(worker.states, worker.body, jax.random.split(k_obs, batch))
        mean, std = self.networks.mean(agent, obs), self.networks.std(agent)
        action = mean + std * jax.random.normal(k_action, mean.shape)
        states, targets, push = jax.vmap(self.env.act)(worker.states, action, jax.random.split(k_push, batch))
        return states, Step(obs, critic_obs, action, log_prob(mean, std, action)), targets, push

    def _judge_step(
        self, states: EnvState, body: BodyState, action: Array, key: Array
    ) -> tuple[EnvState, Outcome, Array, tuple[Array, Array]]:
        batch = self.physics.num_envs
        keys = jax.random.split(jax.random.fold_in(key, 1), batch)
        states, outcome = jax.vmap(self.env.judge)(states, body, action)
        _, critic_obs = jax.vmap(self.env.observe)(states, body, keys)
        new_states, qpos, qvel = jax.vmap(self.env.start)(keys)
        ended = outcome.terminated | outcome.truncated
        states = jax.tree.map(lambda new, old: jnp.where(_like(ended, new), new, old), new_states, states)
        return states, outcome, critic_obs, (qpos, qvel)


def _like(mask: Array, x: Array) -> Array:
    return mask.reshape(mask.shape + (1,) * (x.ndim - 1))
