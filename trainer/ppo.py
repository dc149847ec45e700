"""Proximal policy optimisation (Schulman et al., 2017): advantages, loss, update. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from .config import PpoConfig
from .networks import Agent, Networks, entropy, log_prob
from .physics.body_state import Array


class Transition(NamedTuple):
    """A rollout, [T, B, ...]. next_critic_obs and the second half of amp_pair, [T, B, 2, F], are of the state reached,
    before any reset."""

    obs: Array
    critic_obs: Array
    next_critic_obs: Array
    action: Array
    log_prob: Array
    reward: Array
    terminated: Array
    truncated: Array
    amp_pair: Array


class Batch(NamedTuple):
    """Samples [N, ...] of one update."""

    obs: Array
    critic_obs: Array
    action: Array
    log_prob: Array
    advantages: Array
    returns: Array


class LearnerState(NamedTuple):
    """What learning changes; plain arrays, saved as a checkpoint. averaged: the agent with the mean weights of late."""

    agent: Agent
    averaged: Agent
    opt_state: Any
    learning_rate: Array
    env_steps: Array


def compute_gae(
    rewards: Array,
    values: Array,
    next_values: Array,
    terminated: Array,
    truncated: Array,
    gamma: float,
    gae_lambda: float,
) -> tuple[Array, Array]:
    """Generalised advantage estimation (Schulman et al., 2016) over [T, B].

    delta_t = r_t + gamma V(s_t+1) (1 - terminated) - V(s_t); the sum stops at either end of an episode, but only
    `terminated` denies the value of what would have followed.

    Returns:
        advantages and returns, [T, B].
    """
    deltas = rewards + gamma * next_values * (1.0 - terminated) - values
    carry_on = 1.0 - jnp.maximum(terminated, truncated)

    def backwards(following: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        delta, go = step
        advantage = delta + gamma * gae_lambda * go * following
        return advantage, advantage

    _, advantages = jax.lax.scan(backwards, jnp.zeros_like(values[0]), (deltas, carry_on), reverse=True)
    return advantages, advantages + values


def ppo_loss(trainable: Agent, networks: Networks, batch: Batch, config: PpoConfig) -> tuple[Array, dict[str, Array]]:
    """Clipped surrogate + value error - entropy; metrics under the names of the literature."""
    mean, std = networks.mean(trainable, batch.obs), networks.std(trainable)
    log_ratio = log_prob(mean, std, batch.action) - batch.log_prob
    ratio = jnp.exp(log_ratio)
    advantages = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
    clipped = jnp.clip(ratio, 1 - config.clip_epsilon, 1 + config.clip_epsilon)
    policy_loss = -jnp.mean(jnp.minimum(ratio * advantages, clipped * advantages))
    value = networks.value(trainable, batch.critic_obs)
    value_loss = 0.5 * jnp.mean((value - batch.returns) ** 2)
    spread = entropy(std)
    loss = policy_loss + config.value_coef * value_loss - config.entropy_coef * spread
    return loss, {
        "policy_loss": policy_loss,
        "value_loss": value_loss,
        "entropy": spread,
        "clip_fraction": jnp.mean(jnp.abs(ratio - 1) > config.clip_epsilon),
        "approx_kl": jnp.mean(ratio - 1 - log_ratio),
    }


def make_optimizer(config: PpoConfig) -> optax.GradientTransformation:
    """Adam behind a global-norm clip; the learning rate is multiplied in by the update."""
    return optax.chain(optax.clip_by_global_norm(config.max_grad_norm), optax.scale_by_adam())


def make_update(networks: Networks, config: PpoConfig) -> Callable[..., tuple[LearnerState, dict[str, Array]]]:
    """The jitted update: values, advantages, epochs x minibatches, normalisers, learning rate from the KL."""
    optimizer = make_optimizer(config)
    gradient = jax.grad(ppo_loss, has_aux=True)

    def minibatch_step(state: LearnerState, batch: Batch) -> tuple[LearnerState, dict[str, Array]]:
        grads, metrics = gradient(state.agent, networks, batch, config)
        frozen = grads._replace(
            obs_norm=jax.tree.map(jnp.zeros_like, grads.obs_norm),
            critic_norm=jax.tree.map(jnp.zeros_like, grads.critic_norm),
        )
        updates, opt_state = optimizer.update(frozen, state.opt_state, state.agent)
        updates = jax.tree.map(lambda u: -state.learning_rate * u, updates)
        agent = optax.apply_updates(state.agent, updates)
        rate = adapt_learning_rate(state.learning_rate, metrics["approx_kl"], config, state.env_steps)
        return state._replace(agent=agent, opt_state=opt_state, learning_rate=rate), metrics

    @jax.jit
    def update(state: LearnerState, rollout: Transition, key: Array) -> tuple[LearnerState, dict[str, Array]]:
        batch = make_batch(networks, state.agent, rollout, config)
        size = batch.advantages.shape[0]

        def epoch(state: LearnerState, key: Array) -> tuple[LearnerState, dict[str, Array]]:
            order = jax.random.permutation(key, size).reshape(config.num_minibatches, -1)
            return jax.lax.scan(lambda s, ids: minibatch_step(s, jax.tree.map(lambda x: x[ids], batch)), state, order)

        state, metrics = jax.lax.scan(epoch, state, jax.random.split(key, config.update_epochs))
        agent = state.agent._replace(
            obs_norm=state.agent.obs_norm.update(rollout.obs),
            critic_norm=state.agent.critic_norm.update(rollout.critic_obs),
        )
        averaged = running_mean(state.averaged, agent, config.averaging)
        state = state._replace(agent=agent, averaged=averaged, env_steps=state.env_steps + rollout.reward.size)
        return state, {**jax.tree.map(jnp.mean, metrics), "learning_rate": state.learning_rate}

    return update


def running_mean(averaged: Agent, agent: Agent, averaging: float) -> Agent:
    """Polyak averaging: one more iteration in the mean of the weights; the normalisers are the newest."""
    mean: Agent = jax.tree.map(lambda old, new: averaging * old + (1 - averaging) * new, averaged, agent)
    return mean._replace(obs_norm=agent.obs_norm, critic_norm=agent.critic_norm)


def make_batch(networks: Networks, agent: Agent, rollout: Transition, config: PpoConfig) -> Batch:
    """Values, advantages and returns of a rollout, flattened to [T * B, ...]."""
    values = networks.value(agent, rollout.critic_obs)
    next_values = networks.value(agent, rollout.next_critic_obs)
    ends = (rollout.terminated.astype(jnp.float32), rollout.truncated.astype(jnp.float32))
    advantages, returns = compute_gae(rollout.reward, values, next_values, *ends, config.gamma, config.gae_lambda)
    whole = Batch(rollout.obs, rollout.critic_obs, rollout.action, rollout.log_prob, advantages, returns)
    flat: Batch = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), whole)
    return flat


def adapt_learning_rate(rate: Array, kl: Array, config: PpoConfig, env_steps: Array | int = 0) -> Array:
    """Slower above twice the target KL, faster below half of it, inside learning_rate_range."""
    target: Array | float = config.target_kl
    if config.settle is not None:
        begin, end = config.settle
        target = target * jnp.clip(1.0 - 0.9 * (env_steps - begin) / (end - begin), 0.1, 1.0)
    factor = jnp.where(kl > 2 * target, 1 / 1.2, jnp.where(kl < target / 2, 1.2, 1.0))
    return jnp.clip(rate * factor, *config.learning_rate_range)
