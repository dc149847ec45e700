"""Expert transitions recorded from a trained walker in physics: motion that this robot can really do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..env import Env
from ..physics.body_state import Physics
from ..rollout import amp_pair
from .expert import ExpertMotions

SETTLE_STEPS = 50


def record_expert(
    env: Env,
    physics: Physics,
    policy: Callable[[np.ndarray], np.ndarray],
    pairs: int,
    provenance: dict[str, Any],
    seed: int = 0,
) -> ExpertMotions:
    """Run a deterministic policy (B, O) -> (B, J) under the env's commands and keep `pairs` transitions.

    Kept are runs of neighbours of robots that never fall, after the first second; the env says which pushes and which
    differences between robots there are.
    """
    batch, steps = physics.num_envs, env.config.episode_steps
    keys = jax.random.split(jax.random.key(seed), steps + 1)
    start, observe = jax.jit(jax.vmap(env.start)), jax.jit(jax.vmap(env.observe))
    act, judge, pair = (
        jax.jit(jax.vmap(env.act)),
        jax.jit(jax.vmap(env.judge)),
        jax.jit(jax.vmap(partial(amp_pair, env))),
    )
    fresh = start(jax.random.split(keys[0], batch))
    states, body = fresh.state, physics.reset(np.arange(batch), *jax.tree.map(np.asarray, tuple(fresh[1:])))
    up, kept = np.ones(batch, bool), []
    for key in keys[1:]:
        k_obs, k_act = (jax.random.split(k, batch) for k in jax.random.split(key))
        action = jnp.asarray(policy(np.asarray(observe(states, body, k_obs)[0])))
        states, targets, push = act(states, action, k_act)
        before, body = body, physics.step(np.asarray(targets), np.asarray(push))
        states, outcome = judge(states, before, body, action)
        up &= ~np.asarray(outcome.terminated)
        kept.append(np.asarray(pair(states, before, body)))
    runs = np.stack(kept, 1)[up, SETTLE_STEPS:]  # (robots, time, 2, F): neighbours in time stay neighbours
    flat = runs.reshape(-1, *runs.shape[2:])
    length = 50
    count = len(flat) // length
    chosen = np.random.default_rng(seed).permutation(count)[: max(1, pairs // length)]
    flat = flat[: count * length].reshape(count, length, *flat.shape[1:])[np.sort(chosen)]
    names = env.spec.robot.actuator_names
    return ExpertMotions(flat.reshape(-1, *flat.shape[2:]), names, env.config.ctrl_dt, provenance)
