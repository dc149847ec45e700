"""Deterministic evaluation from rest, on finer physics than training used."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from contract import load_bundle

from .checkpoint import load_checkpoint
from .config import TrainConfig
from .env import Env
from .networks import Networks
from .task import make_env, make_physics
from .train import init_learner, make_networks

Policy = Callable[[np.ndarray], np.ndarray]  # observations (B, O) -> raw actions (B, J)
EVALUATION_SIM_DT = 0.002


@dataclass(frozen=True)
class Evaluation:
    """What a batch of trials showed; torques in Nm over the steps before a fall, drift in m from the start."""

    trials: int
    steps: int
    survived: int
    survived_interval: tuple[float, float]
    mean_steps: float
    mean_velocity_m_s: float
    max_drift_m: float
    mean_abs_torque_nm: float
    p99_abs_torque_nm: float
    max_abs_torque_nm: float
    mean_action_rate: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(env: Env, policy: Policy, seed: int = 0) -> Evaluation:
    """Run one episode in each of the env's robots; nothing begins anew."""
    physics, config = make_physics(env), env.config
    batch, keys = config.num_envs, jax.random.split(jax.random.key(seed), config.episode_steps + 1)
    observe = jax.jit(jax.vmap(env.observe))
    act, judge = jax.jit(jax.vmap(env.act)), jax.jit(jax.vmap(env.judge))
    states, qpos, qvel = jax.vmap(env.start)(jax.random.split(keys[0], batch))
    body = physics.reset(np.arange(batch), np.asarray(qpos), np.asarray(qvel))
    origin, up = body.base_pos[:, :2].copy(), np.ones(batch, bool)
    lengths, drift, rates = np.zeros(batch, int), np.zeros(batch), []
    torques, distance, last = [], np.zeros(batch), np.zeros((batch, env.spec.num_joints))
    for key in keys[1:]:
        k_obs, k_act = (jax.random.split(k, batch) for k in jax.random.split(key))
        obs, _ = observe(states, body, k_obs)
        action = policy(np.asarray(obs))
        states, targets, push = act(states, jnp.asarray(action), k_act)
        body = physics.step(np.asarray(targets), np.asarray(push))
        states, outcome = judge(states, body, jnp.asarray(action))
        up &= ~np.asarray(outcome.terminated)
        if not up.any():
            break
        lengths += up
        torques.append(np.abs(body.joint_torque[up]))
        rates.append(np.mean(np.sum((action - last)[up] ** 2, -1)))
        travelled = np.linalg.norm(body.base_pos[:, :2] - origin, axis=1)
        drift = np.where(up, np.maximum(drift, travelled), drift)
        distance, last = np.where(up, body.base_pos[:, 0] - origin[:, 0], distance), action
    torque = np.concatenate(torques) if torques else np.zeros((1, env.spec.num_joints))
    survived = int(up.sum())
    return Evaluation(
        trials=batch,
        steps=config.episode_steps,
        survived=survived,
        survived_interval=wilson_interval(survived, batch),
        mean_steps=float(lengths.mean()),
        mean_velocity_m_s=float(distance.sum() / max(lengths.sum(), 1) / config.ctrl_dt),
        max_drift_m=float(drift.max()),
        mean_abs_torque_nm=float(torque.mean()),
        p99_abs_torque_nm=float(np.percentile(torque, 99)),
        max_abs_torque_nm=float(torque.max()),
        mean_action_rate=float(np.mean(rates)) if rates else 0.0,
    )


def evaluation_env(config: TrainConfig, trials: int, steps: int, push_n: float = 0.0, push_every_s: float = 3.0) -> Env:
    """The config's env as it is evaluated: 2 ms physics, the stated reset noise, pushes of one size for 0.2 s."""
    push = {"force_n": (push_n, push_n), "duration_s": 0.2, "every_s": (push_every_s, push_every_s)}
    reset = {"joint_pos_rad": 0.05, "tilt_rad": 0.03}
    return make_env(config, num_envs=trials, episode_steps=steps, sim_dt=EVALUATION_SIM_DT, push=push, reset=reset)


def checkpoint_policy(config: TrainConfig, checkpoint: Path) -> tuple[Policy, Networks, Any, dict[str, Any]]:
    """A checkpoint's deterministic policy, its networks, its agent and its meta data. Raises ConfigError."""
    env = make_env(config)
    networks = make_networks(config, env)
    template = init_learner(config, env, networks, jax.random.key(0))
    state, meta = load_checkpoint(checkpoint, template)
    agent = jax.tree.map(jnp.asarray, state.agent)
    mean = jax.jit(networks.mean)
    return (lambda obs: np.asarray(mean(agent, jnp.asarray(obs)))), networks, agent, meta


def bundle_policy(path: Path, allow_unverified: bool = False) -> Policy:
    """A bundle's policy, through ONNX as on the robot. Raises ContractError."""
    from .onnx_network import open_session

    network = load_bundle(path, open_session, allow_unverified).network
    return lambda obs: np.stack([network(row) for row in obs])


def wilson_interval(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, 1927)."""
    p, n = successes / trials, trials
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
