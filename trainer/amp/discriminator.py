"""The discriminator's losses and style rewards. D is its logit: above 0 it says expert, below 0 agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..networks import Mlp
from ..physics.body_state import Array
from .config import AmpConfig

Logits = Callable[[Array], Array]


def make_discriminator(config: AmpConfig) -> Mlp:
    """A multilayer perceptron from inputs (..., D) to one logit (..., 1)."""
    return Mlp(config.disc_hidden_dims, 1, "elu", 1.0)


def lsgan_loss(expert: Array, agent: Array, agent_label: Array | float = -1.0) -> Array:
    """Least squares (Mao et al., 2017) of logits (N,); the agent's label is -1, or higher under a handicap."""
    # 1/2 E[(D_E - 1)^2] + 1/2 E[(D_A - label)^2]
    return 0.5 * jnp.mean((expert - 1.0) ** 2) + 0.5 * jnp.mean((agent - agent_label) ** 2)


def bce_loss(expert: Array, agent: Array, agent_label: Array | float = -1.0) -> Array:
    """Cross entropy of logits (N,); a label in [-1, 1] is the probability y = (1 + label) / 2 of being expert."""
    y = 0.5 * (1.0 + agent_label)
    # -1/2 E[log sigmoid(D_E)] - 1/2 E[y log sigmoid(D_A) + (1 - y) log(1 - sigmoid(D_A))]
    return 0.5 * jnp.mean(jax.nn.softplus(-expert)) + 0.5 * jnp.mean(jax.nn.softplus(agent) - y * agent)


LOSSES: dict[str, Callable[..., Array]] = {"bce": bce_loss, "lsgan": lsgan_loss}

REWARDS: dict[str, Callable[[Array], Array]] = {
    "lsgan": lambda d: jnp.maximum(0.0, 1.0 - 0.25 * (d - 1.0) ** 2),  # max(0, 1 - (D - 1)^2 / 4), in [0, 1]
    "bce": jax.nn.softplus,  # -log(1 - sigmoid(D)) = log(1 + e^D), above 0
    "log_sigmoid": jax.nn.log_sigmoid,  # log(sigmoid(D)), below 0
}


def gradient_penalty(logits: Logits, expert: Array) -> Array:
    """R1 (Mescheder et al., 2018) without its weight: 1/2 E[|dD/dx|^2] at expert inputs (N, D)."""
    slopes = jax.grad(lambda x: jnp.sum(logits(x)))(expert)
    return 0.5 * jnp.mean(jnp.sum(slopes**2, -1))


def weight_norms(params: Any) -> tuple[Array, Array]:
    """Sum of the squared weights, without biases: of all layers, and of the last one."""
    layers = params["params"]
    sums = [jnp.sum(layers[f"Dense_{i}"]["kernel"] ** 2) for i in range(len(layers))]
    return jnp.sum(jnp.stack(sums)), sums[-1]


def discriminator_loss(
    params: Any, module: Mlp, expert: Array, agent: Array, agent_label: Array, config: AmpConfig
) -> tuple[Array, dict[str, Array]]:
    """All that is minimised, on inputs (N, D) that have their noise already; the parts as metrics."""

    def logits(x: Array) -> Array:
        logit: Array = module.apply(params, x)
        return logit[..., 0]

    fit = LOSSES[config.loss](logits(expert), logits(agent), agent_label)
    penalty = gradient_penalty(logits, expert)
    weights, last = weight_norms(params)
    # L = fit + gamma R1 + logit_reg |w_last|^2 + weight_decay |W|^2
    loss = fit + config.r1_gamma * penalty + config.logit_reg * last + config.weight_decay * weights
    return loss, {"disc_loss": fit, "disc_grad_penalty": penalty}


def accuracy(expert: Array, agent: Array) -> Array:
    """Mean of the shares of expert and of agent logits on their own side of 0."""
    return 0.5 * (jnp.mean(expert > 0) + jnp.mean(agent < 0))


def separation(expert: Array, agent: Array) -> Array:
    """How often an expert's logit is above an agent's (area under the ROC curve): .5 alike, 1 told apart everywhere.

    Unlike the accuracy it does not depend on where the discriminator puts its border.
    """
    ranks = jnp.sort(agent)
    below = jnp.searchsorted(ranks, expert, side="left")
    up_to = jnp.searchsorted(ranks, expert, side="right")
    return jnp.mean(0.5 * (below + up_to)) / agent.shape[0]
