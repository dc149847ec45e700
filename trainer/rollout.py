"""Experience: env functions and physics in turn. A plain loop around two jitted steps serves every backend."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
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
        self._begin = jax.jit(self._begin_some)
        self._put = jax.jit(put_rows)
        self._at_once = max(16, physics.num_envs // 16)

    def start(self, key: Array) -> Worker:
        """New episodes in every robot."""
        everyone = np.arange(self.physics.num_envs)
        begun = list(self._episodes(everyone, key))
        fresh = jax.tree.map(lambda *x: np.concatenate(x)[: len(everyone)], *(fresh for _, fresh in begun))
        return Worker(fresh.state, self.physics.reset(everyone, *fresh[1:]))

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
            for ids, fresh in self._episodes(ended, jax.random.fold_in(key, 2)):
                states = self._put(states, ids, fresh.state)
                real = np.flatnonzero(ids < self.physics.num_envs)
                body = self.physics.reset(ids[real], *jax.tree.map(itemgetter(real), fresh[1:]))
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

    def _episodes(self, ids: np.ndarray, key: Array) -> Iterator[tuple[np.ndarray, Start]]:
        """New episodes for robots `ids`, a few at a time, by one program however many there are.

        Yields ids (N,), those beyond the batch are only padding, and what was begun, numpy (N, ...).
        """
        batch, n = self.physics.num_envs, self._at_once
        words = np.asarray(jax.random.key_data(jax.random.split(key, -(-batch // n) * n)))
        for first in range(0, len(ids), n):
            some = ids[first : first + n]
            some = np.concatenate([some, np.full(n - len(some), batch)]).astype(np.int32)
            yield some, jax.tree.map(np.asarray, self._begin(words[first : first + n]))

    def _begin_some(self, words: Array) -> Start:
        return jax.vmap(self.env.start)(jax.random.wrap_key_data(words))

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


def amp_pair(env: Env, state: EnvState, before: BodyState, body: BodyState) -> Array:
    """(2, F): what the discriminator sees of one robot's step, with heights above its tilted floor."""
    floors = [b.base_pos[2] - env.height(state, b.base_pos) for b in (before, body)]
    return jnp.stack([amp_features(b, floor) for b, floor in zip((before, body), floors, strict=True)])


def put_rows(old: EnvState, ids: Array, new: EnvState) -> EnvState:
    """Old (B, ...) with the rows of new (N, ...) at `ids` (N,); ids beyond the batch put nothing."""
    return cast(EnvState, jax.tree.map(lambda a, b: a.at[ids].set(b, mode="drop"), old, new))
