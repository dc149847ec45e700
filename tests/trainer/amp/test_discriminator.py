"""Losses and rewards against numbers by hand, and the penalty against a finite difference."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.amp.config import AmpConfig
from trainer.amp.discriminator import (
    REWARDS,
    accuracy,
    bce_loss,
    discriminator_loss,
    gradient_penalty,
    lsgan_loss,
    make_discriminator,
    separation,
    weight_norms,
)

EXPERT, AGENT = jnp.array([1.0, 0.0, 2.0]), jnp.array([-1.0, 0.5])


def test_least_squares_by_hand() -> None:
    # expert: (0 + 1 + 1) / 3; agent: (0 + 2.25) / 2; with label -.5: (.25 + 1) / 2
    assert float(lsgan_loss(EXPERT, AGENT)) == pytest.approx(0.5 * 2 / 3 + 0.5 * 1.125)
    assert float(lsgan_loss(EXPERT, AGENT, -0.5)) == pytest.approx(0.5 * 2 / 3 + 0.5 * 0.625)


@pytest.mark.parametrize("label", [-1.0, -0.4, 0.0])
def test_cross_entropy_by_hand(label: float) -> None:
    sigmoid = lambda d: 1 / (1 + math.exp(-d))  # noqa: E731
    y = (1 + label) / 2
    expert = -sum(math.log(sigmoid(float(d))) for d in EXPERT) / 3
    agent = -sum(y * math.log(sigmoid(float(d))) + (1 - y) * math.log(1 - sigmoid(float(d))) for d in AGENT) / 2
    assert float(bce_loss(EXPERT, AGENT, label)) == pytest.approx(0.5 * (expert + agent), rel=1e-5)


def test_rewards_by_hand() -> None:
    d = jnp.array([-1.5, -1.0, 0.0, 1.0, 2.0, 4.0])
    np.testing.assert_allclose(REWARDS["lsgan"](d), [0, 0, 0.75, 1, 0.75, 0], atol=1e-6)
    sigmoid = 1 / (1 + np.exp(-np.asarray(d, np.float64)))
    np.testing.assert_allclose(REWARDS["bce"](d), -np.log(1 - sigmoid), rtol=1e-5)
    np.testing.assert_allclose(REWARDS["log_sigmoid"](d), np.log(sigmoid), rtol=1e-5)


@given(st.floats(-1e6, 1e6, width=32))
def test_bounds_of_the_rewards(logit: float) -> None:
    d = jnp.asarray(logit, jnp.float32)
    assert 0 <= float(REWARDS["lsgan"](d)) <= 1
    assert 0 <= float(REWARDS["bce"](d)) < math.inf
    assert -math.inf < float(REWARDS["log_sigmoid"](d)) <= 0


def test_gradient_penalty_is_half_the_squared_slope() -> None:
    config = AmpConfig(disc_hidden_dims=(8, 4))
    module = make_discriminator(config)
    params = module.init(jax.random.key(0), jnp.zeros(3))
    x = jax.random.normal(jax.random.key(1), (5, 3))
    logits = lambda x: module.apply(params, x)[..., 0]  # noqa: E731
    h = 1e-2
    slopes = [(logits(x + h * unit) - logits(x - h * unit)) / (2 * h) for unit in jnp.eye(3)]
    expected = 0.5 * float(jnp.mean(sum(slope**2 for slope in slopes)))
    assert expected > 0.05
    assert float(gradient_penalty(logits, x)) == pytest.approx(expected, rel=1e-2)


def test_the_loss_is_the_sum_of_its_parts() -> None:
    config = AmpConfig(disc_hidden_dims=(8, 4), r1_gamma=3.0, logit_reg=0.5, weight_decay=0.25)
    module = make_discriminator(config)
    params = module.init(jax.random.key(0), jnp.zeros(3))
    expert, agent = jax.random.normal(jax.random.key(1), (2, 6, 3))
    loss, parts = discriminator_loss(params, module, expert, agent, jnp.asarray(-1.0), config)
    kernels = [np.asarray(params["params"][f"Dense_{i}"]["kernel"]) for i in range(3)]
    whole, last = sum(float(np.sum(k**2)) for k in kernels), float(np.sum(kernels[-1] ** 2))
    assert [float(n) for n in weight_norms(params)] == pytest.approx([whole, last], rel=1e-5)
    by_hand = parts["disc_loss"] + 3.0 * parts["disc_grad_penalty"] + 0.5 * last + 0.25 * whole
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)


def test_accuracy_and_separation_by_hand() -> None:
    assert float(accuracy(EXPERT, AGENT)) == pytest.approx(0.5 * (2 / 3 + 1 / 2))
    # pairs in which the expert is above: 1 > both, 0 > one, 2 > both
    assert float(separation(EXPERT, AGENT)) == pytest.approx(5 / 6)
    assert float(separation(EXPERT + 7, AGENT + 7)) == pytest.approx(5 / 6)
    assert float(separation(jnp.zeros(4), jnp.zeros(3))) == pytest.approx(0.5)
