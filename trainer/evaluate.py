"""Deterministic evaluation from rest, on finer physics than training used."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from contract import ConfigError, load_bundle

from .checkpoint import load_checkpoint
from .config import CommandConfig, ResetConfig, TrainConfig
from .env import Env, Start
from .networks import Networks
from .physics.body_state import Array
from .rollout import amp_pair
from .tally import Evaluation, Moment, Tally
from .task import make_env, native_physics
from .train import TrainState, init_learner, make_networks

Policy = Callable[[np.ndarray], np.ndarray]  # observations (B, O) -> raw actions (B, J)
OnPair = Callable[[np.ndarray, np.ndarray], None]  # AMP pairs (B, 2, F), not yet fallen (B,) bool
EVALUATION_SIM_DT = 0.002
FLOORS = ("flat", "tilted", "rough")
TILT_RAD = math.radians(3.0)
ROUGH_SCENE = "scene_rough.xml"


class Kick(NamedTuple):
    """One push of each robot: force (B, 3) N in the world's frame, from `start_s` of the episode for `duration_s`."""

    force: np.ndarray
    start_s: float = 2.0
    duration_s: float = 0.2


class Steps:
    """The env's functions for a batch, compiled when first used: hand them to `roll` to compile them only once."""

    def __init__(self, env: Env) -> None:
        self.start = jax.jit(jax.vmap(env.start))
        self.observe = jax.jit(jax.vmap(lambda state, body, key: env.observe(state, body, key)[0]))
        self.act, self.judge = jax.jit(jax.vmap(env.act)), jax.jit(jax.vmap(env.judge))


def evaluate(
    env: Env, policy: Policy, seed: int = 0, *, slope_rad: float | None = None, on_pair: OnPair | None = None
) -> Evaluation:
    """Run one episode in each of the env's robots; nothing begins anew. Arguments as of `roll` and `tally_of`."""
    return tally_of(env, roll(env, policy, seed, slope_rad=slope_rad), on_pair).result(env.config.episode_steps)


def tally_of(env: Env, moments: Iterable[Moment], on_pair: OnPair | None = None) -> Tally:
    """What the moments of `roll` come to, until every robot has fallen, with the figures of each robot too.

    Args:
        on_pair: given the AMP feature pairs of each step, (B, 2, F), and which robots have not fallen, (B,) bool.
    """
    tally = Tally(env.config.ctrl_dt)
    pairs = jax.jit(jax.vmap(partial(amp_pair, env)))
    for moment in moments:
        tally.add(moment)
        if on_pair is not None:
            on_pair(np.asarray(pairs(moment.states, moment.before, moment.body)), tally.up.copy())
        if not tally.up.any():
            break
    return tally


def roll(
    env: Env,
    policy: Policy,
    seed: int = 0,
    *,
    commands: np.ndarray | None = None,
    kick: Kick | None = None,
    slope_rad: float | None = None,
    steps: Steps | None = None,
) -> Iterator[Moment]:
    """The moments of one episode in each of the env's robots, those of fallen robots too.

    Args:
        commands: (B, 3) vx, vy m/s and yaw rate rad/s, for each robot its own, instead of the env's.
        kick: one push of each robot at a fixed time, beside those that the env draws.
        slope_rad: slope of every floor, in directions spread evenly over the robots; None leaves it to the env's law.
    """
    physics, config = native_physics(env), env.config
    batch, keys = config.num_envs, jax.random.split(jax.random.key(seed), config.episode_steps + 1)
    run = steps or Steps(env)
    start = run.start(jax.random.split(keys[0], batch))
    if slope_rad is not None:
        start = on_slopes(env, start, slope_rad)
    states = start.state
    if commands is not None:
        states = states._replace(command=jnp.asarray(_commands(commands, batch)))
    body = physics.reset(np.arange(batch), *jax.tree.map(np.asarray, start[1:]))
    for step, key in enumerate(keys[1:]):
        k_obs, k_act = (jax.random.split(k, batch) for k in jax.random.split(key))
        action = policy(np.asarray(run.observe(states, body, k_obs)))
        states, targets, drawn = run.act(states, jnp.asarray(action), k_act)
        push = np.asarray(drawn)
        if kick is not None and kick.start_s <= step * config.ctrl_dt < kick.start_s + kick.duration_s - 1e-9:
            push = push + kick.force
        before, body = body, physics.step(np.asarray(targets), push)
        states, outcome = run.judge(states, before, body, jnp.asarray(action))
        yield Moment(states, before, body, action, outcome, push)


def on_slopes(env: Env, start: Start, slope_rad: float) -> Start:
    """The same beginnings (B,) with every floor at one slope, its direction spread evenly over the robots.

    The env must have drawn level floors, as `evaluation_env` does for a floor by name.
    """

    def tilt(one: Start, angle: Array) -> Start:
        half = jnp.asarray(slope_rad / 2)
        axis = jnp.sin(half) * jnp.stack([jnp.cos(angle), jnp.sin(angle), jnp.zeros(())])
        quat = jnp.concatenate([jnp.cos(half)[None], axis])
        qpos, qvel = env._on_floor(one.qpos, one.qvel, quat)
        state = one.state._replace(floor_quat=quat)
        return Start(state, qpos, qvel, one.params._replace(floor_quat=quat))

    batch = len(start.qpos)
    tilted: Start = jax.jit(jax.vmap(tilt))(start, jnp.arange(batch) * np.float32(2 * math.pi / batch))
    return tilted


def evaluation_env(
    config: TrainConfig,
    trials: int,
    steps: int,
    push_n: float = 0.0,
    command: tuple[float, float, float] = (0.0, 0.0, 0.0),
    push_every_s: tuple[float, float] = (2.0, 4.0),
    floor: str | None = None,
) -> Env:
    """The config's env as it is evaluated: from rest at home, 2 ms physics, one command, pushes of one size for 0.2 s.

    The robots are as different from each other as in training.

    Args:
        floor: one of FLOORS, level but for what `roll` is told; None leaves its slope to the config's law.

    Raises:
        ConfigError: an unknown floor.
    """
    if floor is not None and floor not in FLOORS:
        raise ConfigError(f"floor: found {floor!r}, expected one of {', '.join(FLOORS)}; correct the name")
    random = config.domain_randomization.model_copy(
        update={"push_force": (push_n, push_n), "push_duration_s": 0.2, "push_every_s": push_every_s}
        | {"push_sideways_share": 0.0}
        | ({} if floor is None else {"floor_tilt_rad": 0.0})
    )
    vx, vy, yaw = ((v, v) for v in command)
    return make_env(
        config,
        random,
        num_envs=trials,
        episode_steps=steps,
        sim_dt=EVALUATION_SIM_DT,
        command=CommandConfig(vx_m_s=vx, vy_m_s=vy, yaw_rad_s=yaw),
        reset=ResetConfig(joint_pos_rad=0.05, tilt_rad=0.03),
        **({"model": ROUGH_SCENE} if floor == "rough" else {}),
    )


def slope_of(floor: str | None) -> float | None:
    """What `roll` is to be told about a floor of FLOORS, rad."""
    return TILT_RAD if floor == "tilted" else None


def checkpoint_policy(config: TrainConfig, checkpoint: Path) -> tuple[Policy, Networks, Any, dict[str, Any]]:
    """A checkpoint's deterministic policy, its networks, its agent and its meta data. Raises ConfigError."""
    env = make_env(config)
    networks = make_networks(config, env)
    template = TrainState(init_learner(config, env, networks, jax.random.key(0)), None)
    state, meta = load_checkpoint(checkpoint, template)
    agent = jax.tree.map(jnp.asarray, state.learner.averaged)
    mean = jax.jit(networks.mean)
    return (lambda obs: np.asarray(mean(agent, jnp.asarray(obs)))), networks, agent, meta


def stochastic(policy: Policy, networks: Networks, agent: Any, seed: int = 0) -> Policy:
    """The policy with the spread of actions that it trained with, drawn from `seed`."""
    spread, rng = np.asarray(networks.std(agent)), np.random.default_rng(seed)

    def draw(obs: np.ndarray) -> np.ndarray:
        mean = policy(obs)
        return (mean + spread * rng.normal(size=mean.shape)).astype(np.float32)

    return draw


def bundle_policy(path: Path) -> Policy:
    """A bundle's policy, through ONNX as on the robot. Raises ContractError."""
    from .onnx_network import open_session

    network = load_bundle(path, open_session).network
    return lambda obs: np.stack([network(row) for row in obs])


def _commands(commands: np.ndarray, batch: int) -> np.ndarray:
    found = np.asarray(commands, np.float32)
    if found.shape != (batch, 3):
        raise ConfigError(f"commands: found shape {found.shape}, expected ({batch}, 3), one for each robot")
    return found
