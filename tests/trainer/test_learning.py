"""PPO on a world small enough to know: a point on a line that is to be held at zero."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trainer import ppo
from trainer.config import NetworkConfig, PpoConfig
from trainer.networks import Agent, Networks, log_prob
from trainer.ppo import LearnerState, Transition, make_optimizer, make_update

DT, LENGTH, BATCH, STEPS, ITERATIONS = 0.1, 40, 64, 20, 60
CONFIG = PpoConfig(
    num_steps=STEPS, learning_rate=1e-3, learning_rate_range=(3e-4, 3e-3), gamma=0.95, entropy_coef=0.0, target_kl=0.02
)
SOLVED = 0.8
"""Mean reward of a step from a random start; 1 is to sit at zero, doing nothing earns a third."""


class Point(NamedTuple):
    """position, speed () of a unit mass; step () of the episode. The action is a force, at most 1."""

    position: jax.Array
    speed: jax.Array
    step: jax.Array


def begin(key: jax.Array) -> Point:
    k = jax.random.split(key)
    position = jax.random.uniform(k[0], minval=-1.0, maxval=1.0)
    return Point(position, jax.random.uniform(k[1], minval=-0.3, maxval=0.3), jnp.zeros((), jnp.int32))


def move(point: Point, action: jax.Array) -> tuple[Point, jax.Array, jax.Array, jax.Array]:
    """Next point, reward exp(-4 x^2), fell (left [-2, 2]), time is up."""
    speed = point.speed + DT * jnp.clip(action[0], -1.0, 1.0)
    point = Point(point.position + DT * speed, speed, point.step + 1)
    fell = jnp.abs(point.position) > 2.0
    return point, jnp.exp(-4.0 * point.position**2), fell, (point.step >= LENGTH) & ~fell


def look(point: Point) -> jax.Array:
    return jnp.stack([point.position, point.speed])


class World:
    """Rollouts of a batch of points, jitted once."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.collect = jax.jit(self._collect)
        self.mean_reward = jax.jit(self._mean_reward)

    def _collect(self, agent: Agent, points: Point, key: jax.Array) -> tuple[Point, Transition]:
        def step(points: Point, key: jax.Array) -> tuple[Point, Transition]:
            k_act, k_begin = jax.random.split(key)
            obs = jax.vmap(look)(points)
            mean, std = self.networks.mean(agent, obs), self.networks.std(agent)
            action = mean + std * jax.random.normal(k_act, mean.shape)
            after, reward, fell, late = jax.vmap(move)(points, action)
            row = Transition(
                obs, obs, jax.vmap(look)(after), action, log_prob(mean, std, action), reward, fell, late,
                jnp.zeros((BATCH, 2, 0)),
            )  # fmt: skip
            fresh = jax.vmap(begin)(jax.random.split(k_begin, BATCH))
            return jax.tree.map(lambda new, old: jnp.where(fell | late, new, old), fresh, after), row

        return jax.lax.scan(step, points, jax.random.split(key, STEPS))

    def _mean_reward(self, agent: Agent, key: jax.Array) -> jax.Array:
        """Deterministic, from random starts over LENGTH steps; nothing more comes after a fall."""

        def step(carry: tuple[Point, jax.Array], _: None) -> tuple[tuple[Point, jax.Array], jax.Array]:
            points, up = carry
            points, reward, fell, _ = jax.vmap(move)(points, self.networks.mean(agent, jax.vmap(look)(points)))
            up = up & ~fell
            return (points, up), reward * up

        points = jax.vmap(begin)(jax.random.split(key, 256))
        return jnp.mean(jax.lax.scan(step, (points, jnp.ones(256, bool)), None, LENGTH)[1])


def learn(seed: int) -> tuple[float, float]:
    """Mean reward before and after learning."""
    networks = Networks.create(NetworkConfig(policy_hidden_dims=(32, 32), value_hidden_dims=(32, 32), init_std=0.6), 1)
    world, update, key = World(networks), make_update(networks, CONFIG), jax.random.key(seed)
    agent = networks.init(key, 2, 2)
    rate = jnp.asarray(CONFIG.learning_rate)
    state = LearnerState(agent, agent, make_optimizer(CONFIG).init(agent), rate, jnp.zeros((), jnp.int32))
    points = jax.vmap(begin)(jax.random.split(key, BATCH))
    before = float(world.mean_reward(state.agent, jax.random.key(100)))
    for k in jax.random.split(key, ITERATIONS):
        k_collect, k_update = jax.random.split(k)
        points, rollout = world.collect(state.agent, points, k_collect)
        state, metrics = update(state, rollout, k_update)
    assert all(np.isfinite(value) for value in metrics.values())
    assert int(state.env_steps) == ITERATIONS * STEPS * BATCH
    return before, float(world.mean_reward(state.agent, jax.random.key(100)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_point_learns_to_stay_at_zero(seed: int) -> None:
    before, after = learn(seed)
    assert before < 0.5, f"nothing to learn: {before:.3f}"
    assert after > SOLVED, f"mean reward {before:.3f} before, {after:.3f} after"


def test_it_does_not_learn_with_the_advantages_turned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above can fail: the very same run with the sign of the advantages flipped gets worse."""
    straight = ppo.compute_gae

    def turned(*args: object) -> tuple[jax.Array, jax.Array]:
        advantages, returns = straight(*args)  # type: ignore[arg-type]
        return -advantages, returns

    monkeypatch.setattr(ppo, "compute_gae", turned)
    before, after = learn(0)
    assert after < before, f"mean reward {before:.3f} before, {after:.3f} after"
