"""Advantages by hand, the loss where it is known, and learning on a toy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trainer.config import NetworkConfig, PpoConfig
from trainer.networks import Networks, Normalizer, entropy, log_prob
from trainer.ppo import (
    LearnerState,
    Transition,
    adapt_learning_rate,
    compute_gae,
    make_optimizer,
    make_update,
    running_mean,
)

GAMMA, LAMBDA = 0.9, 0.8


def gae(terminated: list[float], truncated: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Three steps of one robot: rewards 1, 2, 3; values 10, 20, 30; next values 20, 30, 40."""
    column = lambda x: jnp.asarray(x)[:, None]  # noqa: E731
    advantages, returns = compute_gae(
        column([1.0, 2.0, 3.0]),
        column([10.0, 20.0, 30.0]),
        column([20.0, 30.0, 40.0]),
        column(terminated),
        column(truncated),
        GAMMA,
        LAMBDA,
    )
    return np.asarray(advantages)[:, 0], np.asarray(returns)[:, 0]


def test_advantages_of_an_open_episode() -> None:
    d0, d1, d2 = 1 + 18 - 10, 2 + 27 - 20, 3 + 36 - 30
    a1 = d1 + GAMMA * LAMBDA * d2
    advantages, returns = gae([0.0, 0, 0], [0.0, 0, 0])
    np.testing.assert_allclose(advantages, [d0 + GAMMA * LAMBDA * a1, a1, d2], rtol=1e-6)
    np.testing.assert_allclose(returns, advantages + np.array([10, 20, 30]), rtol=1e-6)


def test_termination_cuts_value_and_sum() -> None:
    advantages, _ = gae([0.0, 1, 0], [0.0, 0, 0])
    d1 = 2 - 20
    np.testing.assert_allclose(advantages[:2], [9 + GAMMA * LAMBDA * d1, d1], rtol=1e-6)


def test_truncation_keeps_value_and_cuts_sum() -> None:
    advantages, _ = gae([0.0, 0, 0], [0.0, 1, 0])
    np.testing.assert_allclose(advantages[:2], [9 + GAMMA * LAMBDA * 9, 9], rtol=1e-6)


def test_log_prob_and_entropy_are_those_of_a_gaussian() -> None:
    mean, std, action = jnp.array([0.0, 1.0]), jnp.array([0.5, 2.0]), jnp.array([0.3, -1.0])
    expected = sum(
        -0.5 * ((a - m) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))
        for a, m, s in zip([0.3, -1.0], [0.0, 1.0], [0.5, 2.0], strict=True)
    )
    assert float(log_prob(mean, std, action)) == pytest.approx(expected, rel=1e-5)
    assert float(entropy(std)) == pytest.approx(
        sum(0.5 * np.log(2 * np.pi * np.e * s**2) for s in (0.5, 2.0)), rel=1e-5
    )


def test_normalizer_agrees_with_numpy_over_batches() -> None:
    data = np.random.default_rng(0).normal(3.0, 2.0, (500, 4)).astype(np.float32)
    norm = Normalizer.create(4)
    for part in np.split(data, [100, 150, 400]):
        norm = norm.update(jnp.asarray(part))
    np.testing.assert_allclose(norm.mean, data.mean(0), rtol=1e-4)
    np.testing.assert_allclose(norm.var, data.var(0), rtol=1e-3)
    assert float(jnp.max(jnp.abs(norm.apply(jnp.full(4, 1e6))))) == 8.0


def test_learning_rate_follows_the_kl() -> None:
    config = PpoConfig(target_kl=0.01, learning_rate_range=(1e-4, 1e-2))
    rate = jnp.asarray(1e-3)
    assert float(adapt_learning_rate(rate, jnp.asarray(0.05), config)) < 1e-3
    assert float(adapt_learning_rate(rate, jnp.asarray(0.001), config)) > 1e-3
    assert float(adapt_learning_rate(rate, jnp.asarray(0.01), config)) == pytest.approx(1e-3)
    assert float(adapt_learning_rate(jnp.asarray(1e-4), jnp.asarray(1.0), config)) == pytest.approx(1e-4)


def test_the_policy_comes_to_rest() -> None:
    """A KL that is right while it learns is far too large once it has settled, and half way it is in between."""
    config = PpoConfig(target_kl=0.01, learning_rate_range=(1e-5, 1e-2), settle=(1000, 2000))
    rate, kl = jnp.asarray(1e-3), jnp.asarray(0.012)
    assert float(adapt_learning_rate(rate, kl, config, 1000)) == pytest.approx(1e-3)
    assert float(adapt_learning_rate(rate, kl, config, 1500)) < 1e-3
    assert float(adapt_learning_rate(rate, jnp.asarray(0.0055), config, 1500)) == pytest.approx(1e-3)
    for steps in (2000, 10**8):
        assert float(adapt_learning_rate(rate, jnp.asarray(0.0055), config, steps)) < 1e-3
        assert float(adapt_learning_rate(rate, jnp.asarray(0.001), config, steps)) == pytest.approx(1e-3)


def test_the_running_mean_is_of_the_weights_and_keeps_the_newest_normalisers() -> None:
    networks = Networks.create(NetworkConfig(policy_hidden_dims=(4,), value_hidden_dims=(4,)), 2)
    old, new = (networks.init(jax.random.key(seed), 3, 3) for seed in (0, 1))
    new = new._replace(obs_norm=new.obs_norm.update(jnp.full((5, 3), 7.0)))
    mean = running_mean(old, new, 0.75)
    wanted = jax.tree.map(lambda a, b: 0.75 * a + 0.25 * b, old.actor, new.actor)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), mean.actor, wanted)
    jax.tree.map(np.testing.assert_array_equal, mean.obs_norm, new.obs_norm)
    jax.tree.map(np.testing.assert_array_equal, running_mean(old, new, 0.0), new)


def test_ppo_learns_a_toy() -> None:
    """Reward -|action - (2 obs, -obs)|^2: the mean action must come close to it, from far away.

    The mean of the last weights, too, but later.
    """
    config = PpoConfig(
        num_steps=8, learning_rate=3e-3, learning_rate_range=(1e-3, 1e-2), target_kl=0.02, gamma=0.5, averaging=0.8
    )
    networks = Networks.create(NetworkConfig(policy_hidden_dims=(32,), value_hidden_dims=(32,)), 2)
    key = jax.random.key(0)
    agent = networks.init(key, 1, 1)
    state = LearnerState(agent, agent, make_optimizer(config).init(agent), jnp.asarray(3e-3), jnp.zeros((), jnp.int32))
    update = make_update(networks, config)

    def error(agent: object) -> float:
        obs = jnp.linspace(-1, 1, 21)[:, None]
        return float(jnp.mean((networks.mean(agent, obs) - obs * jnp.array([2.0, -1.0])) ** 2))

    before = error(state.agent)
    for i in range(60):
        k1, k2, k3 = jax.random.split(jax.random.fold_in(key, i), 3)
        obs = jax.random.uniform(k1, (8, 64, 1), minval=-1, maxval=1)
        mean, std = networks.mean(state.agent, obs), networks.std(state.agent)
        action = mean + std * jax.random.normal(k2, mean.shape)
        reward = -jnp.sum((action - obs * jnp.array([2.0, -1.0])) ** 2, -1)
        ended = jnp.ones_like(reward, bool)
        nothing = jnp.zeros((8, 64, 2, 0))
        rollout = Transition(obs, obs, obs, action, log_prob(mean, std, action), reward, ended, ~ended, nothing)
        state, metrics = update(state, rollout, k3)
    assert before > 0.5
    assert error(state.agent) < 0.05 * before
    assert error(state.averaged) < 0.1 * before
    assert not np.array_equal(state.averaged.log_std, state.agent.log_std)
    assert {"policy_loss", "value_loss", "entropy", "clip_fraction", "approx_kl"} <= set(metrics)
    assert int(state.env_steps) == 60 * 8 * 64
