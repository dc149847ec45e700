"""Actor and critic: multilayer perceptrons on normalised observations."""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from .config import NetworkConfig
from .physics.body_state import Array
from .symmetry import Mirrors

ACTIVATIONS = {"elu": nn.elu, "relu": nn.relu, "tanh": nn.tanh}
OBSERVATION_CLIP = 8.0


class Mlp(nn.Module):
    """Hidden layers with one activation, then a linear layer whose weights start at `last_scale`."""

    hidden_dims: tuple[int, ...]
    output_dim: int
    activation: str
    last_scale: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for width in self.hidden_dims:
            x = ACTIVATIONS[self.activation](nn.Dense(width, kernel_init=nn.initializers.orthogonal(np.sqrt(2)))(x))
        return nn.Dense(self.output_dim, kernel_init=nn.initializers.orthogonal(self.last_scale))(x)


class Normalizer(NamedTuple):
    """Running mean and variance (D,) over `count` samples."""

    mean: Array
    var: Array
    count: Array

    @staticmethod
    def create(dim: int) -> Normalizer:
        return Normalizer(jnp.zeros(dim), jnp.ones(dim), jnp.full((), 1e-4, jnp.float32))

    def update(self, batch: Array) -> Normalizer:
        """Take in samples (..., D) by Chan's parallel formula."""
        flat = batch.reshape(-1, batch.shape[-1])
        mean, var, n = flat.mean(0), flat.var(0), flat.shape[0]
        total = self.count + n
        delta = mean - self.mean
        m2 = self.var * self.count + var * n + delta**2 * self.count * n / total
        return Normalizer(self.mean + delta * n / total, m2 / total, total)

    def apply(self, x: Array) -> Array:
        """(x - mean) / std, clipped to +-OBSERVATION_CLIP."""
        return jnp.clip((x - self.mean) / jnp.sqrt(self.var + 1e-5), -OBSERVATION_CLIP, OBSERVATION_CLIP)


class Agent(NamedTuple):
    """All that acting and judging needs: parameters and the two normalisers."""

    actor: Any
    log_std: Array
    critic: Any
    obs_norm: Normalizer
    critic_norm: Normalizer


class Networks(NamedTuple):
    """The two modules, what shapes the spread of actions, and the reflections if left and right are treated alike."""

    actor: Mlp
    critic: Mlp
    config: NetworkConfig
    mirrors: Mirrors | None

    @staticmethod
    def create(config: NetworkConfig, action_dim: int, mirrors: Mirrors | None = None) -> Networks:
        """Networks for a robot with action_dim joints; `mirrors` count only where the config says symmetric."""
        actor = Mlp(config.policy_hidden_dims, action_dim, config.activation, 0.01)
        critic = Mlp(config.value_hidden_dims, 1, config.activation, 1.0)
        return Networks(actor, critic, config, mirrors if config.symmetric else None)

    def init(self, key: Array, obs_dim: int, critic_dim: int) -> Agent:
        k1, k2 = jax.random.split(key)
        return Agent(
            actor=self.actor.init(k1, jnp.zeros(obs_dim)),
            log_std=jnp.full(self.actor.output_dim, np.log(self.config.init_std)),
            critic=self.critic.init(k2, jnp.zeros(critic_dim)),
            obs_norm=Normalizer.create(obs_dim),
            critic_norm=Normalizer.create(critic_dim),
        )

    def mean(self, agent: Agent, obs: Array) -> Array:
        """The deterministic action, (..., J)."""
        one = self._one_sided_mean(agent, obs)
        if self.mirrors is None:
            return one
        return 0.5 * (one + self.mirrors.action(self._one_sided_mean(agent, self.mirrors.obs(obs))))

    def std(self, agent: Agent) -> Array:
        """Spread of the actions (J,), the same for a joint and its mirror image."""
        log_std = agent.log_std
        if self.mirrors is not None:
            log_std = 0.5 * (log_std + log_std[self.mirrors.action.order])
        return jnp.maximum(jnp.exp(log_std), self.config.min_std)

    def value(self, agent: Agent, critic_obs: Array) -> Array:
        """Expected return, (...)."""
        one = self._one_sided_value(agent, critic_obs)
        if self.mirrors is None:
            return one
        return 0.5 * (one + self._one_sided_value(agent, self.mirrors.critic_obs(critic_obs)))

    def _one_sided_mean(self, agent: Agent, obs: Array) -> Array:
        mean: Array = self.actor.apply(agent.actor, agent.obs_norm.apply(obs))
        return mean

    def _one_sided_value(self, agent: Agent, critic_obs: Array) -> Array:
        value: Array = self.critic.apply(agent.critic, agent.critic_norm.apply(critic_obs))
        return value[..., 0]


def log_prob(mean: Array, std: Array, action: Array) -> Array:
    """Log density of a diagonal Gaussian, summed over the last axis."""
    return jnp.sum(-0.5 * ((action - mean) / std) ** 2 - jnp.log(std) - 0.5 * np.log(2 * np.pi), -1)


def entropy(std: Array) -> Array:
    """Entropy of a diagonal Gaussian, ()."""
    return jnp.sum(jnp.log(std) + 0.5 * np.log(2 * np.pi * np.e))
