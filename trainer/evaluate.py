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
from .config import CommandConfig, ResetConfig, TrainConfig
from .env import Env
from .networks import Networks
from .physics.body_state import BodyState, Physics
from .rewards import heading_velocity, to_heading
from .task import make_env, make_physics
from .train import TrainState, init_learner, make_networks

Policy = Callable[[np.ndarray], np.ndarray]  # observations (B, O) -> raw actions (B, J)
EVALUATION_SIM_DT = 0.002
SETTLED_S = 1.0
"""Velocity counts from here on: an episode begins from rest."""
SUCCESS_SHARE = 0.8
"""An episode that lasts longer than this share of its steps is a success: 400 of 500."""
HIGH_TORQUE_NM = 2.5


@dataclass(frozen=True)
class Evaluation:
    """What a batch of trials showed, over the steps before a fall.

    survived: trials without a fall; success_rate: share of trials longer than 80 % of the steps. Velocity in the
    frame of the heading, m/s, after the first second; drifts are means of what was lost at the end, against the
    command; torques in Nm at the joints; action_rate: mean of sum (a_t - a_t-1)^2; min_foot_gap_m: nearest that the
    soles' middle lines came, sideways.
    """

    trials: int
    steps: int
    survived: int
    survived_interval: tuple[float, float]
    success_rate: float
    episode_length_mean: float
    reward_per_step: float
    forward_velocity_m_s: float
    mean_abs_torque_nm: float
    rms_torque_nm: float
    p99_abs_torque_nm: float
    max_abs_torque_nm: float
    high_torque_share: float
    action_rate: float
    heading_drift_deg: float
    lateral_drift_m: float
    max_drift_m: float
    min_foot_gap_m: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class _Tally:
    """Sums over the steps of a batch, each robot until it falls."""

    def __init__(self, body: BodyState, joints: int, ctrl_dt: float) -> None:
        batch = len(body.base_pos)
        self.up, self.lengths, self.ctrl_dt = np.ones(batch, bool), np.zeros(batch, int), ctrl_dt
        self._origin, self._last = body.base_pos[:, :2].copy(), np.zeros((batch, joints))
        self._torques: list[np.ndarray] = []
        self._sums = {name: 0.0 for name in ("reward", "rate", "velocity", "settled")}
        self._drift, self._sideways, self._heading = np.zeros(batch), np.zeros(batch), np.zeros(batch)
        self._gap = math.inf
        self._derived = jax.jit(jax.vmap(_derived))

    def add(self, body: BodyState, action: np.ndarray, outcome: Any, command: Any, heading_error: Any) -> None:
        self.up &= ~np.asarray(outcome.terminated)
        up = self.up
        self.lengths += up
        velocity, gap = (np.asarray(x) for x in self._derived(body))
        self._sums["reward"] += float(np.asarray(outcome.reward)[up].sum())
        self._sums["rate"] += float(np.sum((action - self._last)[up] ** 2))
        if self.lengths.max() * self.ctrl_dt > SETTLED_S:
            self._sums["velocity"] += float(velocity[up].sum())
            self._sums["settled"] += int(up.sum())
        self._torques.append(np.abs(body.joint_torque[up]))
        away = body.base_pos[:, :2] - self._origin
        self._drift = np.where(up, np.maximum(self._drift, np.linalg.norm(away, axis=1)), self._drift)
        wanted = np.asarray(command)[:, 1] * self.lengths * self.ctrl_dt
        self._sideways = np.where(up, away[:, 1] - wanted, self._sideways)
        self._heading = np.where(up, np.asarray(heading_error), self._heading)
        self._gap = min(self._gap, float(gap[up].min(initial=math.inf)))
        self._last = action

    def result(self, steps: int) -> Evaluation:
        torque = np.concatenate(self._torques) if self._torques else np.zeros((1, 1))
        torque = torque if torque.size else np.zeros((1, 1))
        survived, trials, lived = int(self.up.sum()), len(self.up), max(int(self.lengths.sum()), 1)
        return Evaluation(
            trials=trials,
            steps=steps,
            survived=survived,
            survived_interval=wilson_interval(survived, trials),
            success_rate=float(np.mean(self.lengths > SUCCESS_SHARE * steps)),
            episode_length_mean=float(self.lengths.mean()),
            reward_per_step=self._sums["reward"] / lived,
            forward_velocity_m_s=self._sums["velocity"] / max(self._sums["settled"], 1),
            mean_abs_torque_nm=float(torque.mean()),
            rms_torque_nm=float(np.sqrt(np.mean(torque**2))),
            p99_abs_torque_nm=float(np.percentile(torque, 99)),
            max_abs_torque_nm=float(torque.max()),
            high_torque_share=float(np.mean(torque > HIGH_TORQUE_NM)),
            action_rate=self._sums["rate"] / lived,
            heading_drift_deg=float(np.degrees(np.mean(np.abs(self._heading)))),
            lateral_drift_m=float(np.mean(np.abs(self._sideways))),
            max_drift_m=float(self._drift.max()),
            min_foot_gap_m=self._gap,
        )


def _derived(body: BodyState) -> tuple[Any, Any]:
    """Forward velocity and sideways distance of the feet, () each."""
    across = to_heading(body, body.foot_pos[0, :2] - body.foot_pos[1, :2])[1]
    return heading_velocity(body)[0], across


def evaluate(env: Env, policy: Policy, seed: int = 0, physics: Physics | None = None) -> Evaluation:
    """Run one episode in each of the env's robots; nothing begins anew."""
    physics, config = physics or make_physics(env), env.config
    batch, keys = config.num_envs, jax.random.split(jax.random.key(seed), config.episode_steps + 1)
    observe = jax.jit(jax.vmap(lambda state, body, key: env.observe(state, body, key)[0]))
    act, judge = jax.jit(jax.vmap(env.act)), jax.jit(jax.vmap(env.judge))
    states, *reset = jax.jit(jax.vmap(env.start))(jax.random.split(keys[0], batch))
    body = physics.reset(np.arange(batch), *jax.tree.map(np.asarray, reset))
    tally = _Tally(body, env.spec.num_joints, config.ctrl_dt)
    for key in keys[1:]:
        k_obs, k_act = (jax.random.split(k, batch) for k in jax.random.split(key))
        action = policy(np.asarray(observe(states, body, k_obs)))
        states, targets, push = act(states, jnp.asarray(action), k_act)
        before, body = body, physics.step(np.asarray(targets), np.asarray(push))
        states, outcome = judge(states, before, body, jnp.asarray(action))
        tally.add(body, action, outcome, states.command, states.heading_error)
        if not tally.up.any():
            break
    return tally.result(config.episode_steps)


def evaluation_env(
    config: TrainConfig,
    trials: int,
    steps: int,
    push_n: float = 0.0,
    command: tuple[float, float, float] = (0.0, 0.0, 0.0),
    push_every_s: tuple[float, float] = (2.0, 4.0),
) -> Env:
    """The config's env as it is evaluated: from rest at home, 2 ms physics, one command, pushes of one size for 0.2 s.

    The robots are as different from each other as in training.
    """
    random = config.domain_randomization.model_copy(
        update={"push_force": (push_n, push_n), "push_duration_s": 0.2, "push_every_s": push_every_s}
    )
    vx, vy, yaw = ((v, v) for v in command)
    asked = CommandConfig(vx_m_s=vx, vy_m_s=vy, yaw_rad_s=yaw)
    return make_env(
        config,
        random,
        num_envs=trials,
        episode_steps=steps,
        sim_dt=EVALUATION_SIM_DT,
        command=asked,
        reset=ResetConfig(joint_pos_rad=0.05, tilt_rad=0.03),
    )


def checkpoint_policy(config: TrainConfig, checkpoint: Path) -> tuple[Policy, Networks, Any, dict[str, Any]]:
    """A checkpoint's deterministic policy, its networks, its agent and its meta data. Raises ConfigError."""
    env = make_env(config)
    networks = make_networks(config, env)
    template = TrainState(init_learner(config, env, networks, jax.random.key(0)), None)
    state, meta = load_checkpoint(checkpoint, template)
    agent = jax.tree.map(jnp.asarray, state.learner.agent)
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
