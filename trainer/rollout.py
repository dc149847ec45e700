"""Experience: env functions and physics in turn. A plain loop around two jitted steps serves every backend."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from .amp.features import amp_features
from .env import Env, EnvState, Outcome, Start
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


class Verdict(NamedTuple):
    """What is known after physics, [B, ...]: next_critic_obs is that of the state reached, before any reset."""

    outcome: Outcome
    next_critic_obs: Array
    amp_pair: Array


class Sampler:
    """The jitted steps of one env and its networks; holds no state of its own but the time that physics took."""

    def __init__(self, env: Env, networks: Networks, physics: Physics) -> None:
        self.env, self.networks, self.physics = env, networks, physics
        self.physics_s = 0.0
        self._act = jax.jit(self._act_step)
        self._judge = jax.jit(self._judge_step)
        self._start = jax.jit(jax.vmap(env.start))
        self._restart = jax.jit(self._begin_anew)

    def start(self, key: Array) -> Worker:
        """New episodes in every robot."""
        fresh = self._start(jax.random.split(key, self.physics.num_envs))
        return Worker(fresh.state, self._reset(np.arange(self.physics.num_envs), jax.tree.map(np.asarray, fresh)))

    def step(self, agent: Agent, worker: Worker, key: Array) -> tuple[Worker, Step, Verdict]:
        """One control step of all robots; ended episodes begin anew."""
        states, step, targets, push = self._act(agent, worker, key)
        targets, push = np.asarray(targets), np.asarray(push)
        begun = time.perf_counter()
        body = self.physics.step(targets, push)
        cast(Any, jax).block_until_ready(body)  # MJX hands out arrays before they are computed
        self.physics_s += time.perf_counter() - begun
        states, verdict = self._judge(states, worker.body, body, step.action, key)
        ended = np.flatnonzero(np.asarray(verdict.outcome.terminated | verdict.outcome.truncated))
        if len(ended):
            states, fresh = self._restart(states, padded(ended, self.physics.num_envs), key)
            body = self._reset(ended, jax.tree.map(lambda x: x[: len(ended)], fresh))
        return Worker(states, body), step, verdict

    def collect(
        self, agent: Agent, worker: Worker, key: Array, num_steps: int
    ) -> tuple[Worker, Transition, dict[str, float]]:
        """A rollout of num_steps, [T, B, ...], and the mean of each reward term."""
        rows, terms = [], []
        for step_key in jax.random.split(key, num_steps):
            worker, step, (outcome, next_critic_obs, amp_pair) = self.step(agent, worker, step_key)
            ends = (outcome.reward, outcome.terminated, outcome.truncated)
            row = Transition(step.obs, step.critic_obs, next_critic_obs, step.action, step.log_prob, *ends, amp_pair)
            rows.append(row)
            terms.append(outcome.terms)
        stack = jax.tree.map(lambda *x: np.stack(x), *rows)
        return worker, stack, jax.tree.map(lambda *x: float(np.mean(x)), *terms)

    def _reset(self, ids: np.ndarray, fresh: Start) -> BodyState:
        return self.physics.reset(ids, *jax.tree.map(np.asarray, fresh[1:]))

    def _act_step(self, agent: Agent, worker: Worker, key: Array) -> tuple[EnvState, Step, Array, Array]:
        batch = self.physics.num_envs
        k_obs, k_action, k_push = jax.random.split(key, 3)
        obs, critic_obs = jax.vmap(self.env.observe)(worker.states, worker.body, jax.random.split(k_obs, batch))
        mean, std = self.networks.mean(agent, obs), self.networks.std(agent)
        action = mean + std * jax.random.normal(k_action, mean.shape)
        states, targets, push = jax.vmap(self.env.act)(worker.states, action, jax.random.split(k_push, batch))
        return states, Step(obs, critic_obs, action, log_prob(mean, std, action)), targets, push

    def _judge_step(
        self, states: EnvState, before: BodyState, body: BodyState, action: Array, key: Array
    ) -> tuple[EnvState, Verdict]:
        keys = jax.random.split(jax.random.fold_in(key, 1), self.physics.num_envs)
        states, outcome = jax.vmap(self.env.judge)(states, before, body, action)
        _, critic_obs = jax.vmap(self.env.observe)(states, body, keys)
        pair = jax.vmap(partial(amp_pair, self.env))(states, before, body)
        return states, Verdict(outcome, critic_obs, pair)

    def _begin_anew(self, states: EnvState, ids: Array, key: Array) -> tuple[EnvState, Start]:
        """States (B, ...) with new episodes at `ids` (N,), those beyond the batch are only padding; what was begun."""
        fresh = jax.vmap(self.env.start)(jax.random.split(jax.random.fold_in(key, 2), len(ids)))
        return jax.tree.map(lambda old, new: old.at[ids].set(new, mode="drop"), states, fresh.state), fresh


def amp_pair(env: Env, state: EnvState, before: BodyState, body: BodyState) -> Array:
    """(2, F): what the discriminator sees of one robot's step, with heights above its tilted floor."""
    floors = [b.base_pos[2] - env.height(state, b.base_pos) for b in (before, body)]
    return jnp.stack([amp_features(b, floor) for b, floor in zip((before, body), floors, strict=True)])


def padded(ids: np.ndarray, beyond: int) -> np.ndarray:
    """Ids (N,) filled up with `beyond` to one of few sizes, for each of which there is a compiled program."""
    size = 16
    while size < len(ids):
        size *= 4
    return np.concatenate([ids, np.full(size - len(ids), beyond)]).astype(np.int32)
