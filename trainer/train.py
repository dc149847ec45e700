"""One training run: rollout, update, log, checkpoint. Everything that learns is in other files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import yaml

from .amp.expert import load_expert
from .amp.stage import AmpStage, AmpState
from .checkpoint import load_checkpoint, save_checkpoint
from .config import TrainConfig, config_hash
from .env import Env
from .networks import Networks
from .physics.native import NativePhysics
from .ppo import LearnerState, Transition, make_optimizer, make_update
from .rollout import Sampler
from .symmetry import make_mirrors
from .task import asset, make_env, make_physics


class EpisodeMeter:
    """Mean reward and length of the last episodes that ended, over all robots."""

    def __init__(self, num_envs: int, memory: int = 256) -> None:
        self._reward, self._length = np.zeros(num_envs), np.zeros(num_envs)
        self._ended: list[tuple[float, float]] = []
        self._memory = memory

    def add(self, rollout: Transition) -> dict[str, float]:
        """Take in a rollout [T, B]; means of what ended, nan before the first episode has."""
        for reward, terminated, truncated in zip(rollout.reward, rollout.terminated, rollout.truncated, strict=True):
            self._reward += reward
            self._length += 1
            for i in np.flatnonzero(terminated | truncated):
                self._ended.append((self._reward[i], self._length[i]))
                self._reward[i] = self._length[i] = 0
        self._ended = self._ended[-self._memory :]
        means = np.mean(self._ended, axis=0) if self._ended else (np.nan, np.nan)
        return {"episode_reward": float(means[0]), "episode_length": float(means[1])}


def init_learner(config: TrainConfig, env: Env, networks: Networks, key: Any) -> LearnerState:
    """Fresh parameters for an env's sizes."""
    state = env.start(key).state
    body = jax.tree.map(lambda x: x[0], one_robot_at_home(env))
    obs, critic_obs = env.observe(state, body, key)
    agent = networks.init(key, obs.shape[-1], critic_obs.shape[-1])
    opt_state = make_optimizer(config.ppo).init(agent)
    return LearnerState(agent, opt_state, jnp.asarray(config.ppo.learning_rate), jnp.zeros((), jnp.int32))


class TrainState(NamedTuple):
    """All that training changes; amp is None without a discriminator."""

    learner: LearnerState
    amp: AmpState | None


def make_amp(config: TrainConfig, env: Env) -> AmpStage | None:
    """The AMP stage of a config, None where it has none. Raises ConfigError."""
    if not config.amp.enable_amp:
        return None
    path = asset(f"motions/{config.amp.expert}")
    expert = load_expert(path, env.spec.robot.actuator_names, config.env.ctrl_dt)
    return AmpStage(config.amp, expert, env.robot.config)


def _add_style(
    config: TrainConfig, amp: AmpStage, rollout: Transition, state: TrainState, key: Any
) -> tuple[Transition, TrainState, dict[str, float]]:
    """The rollout with the style reward added, asked before the discriminator learns; the state after that."""
    assert state.amp is not None
    style = np.asarray(amp.style_reward(state.amp, rollout.amp_pair))
    amp_state, metrics = amp.update(state.amp, rollout.amp_pair, key)
    weight = config.reward_scale * config.amp.amp_reward_weight
    rollout = rollout._replace(reward=rollout.reward + np.float32(weight) * style)
    return rollout, state._replace(amp=amp_state), {name: float(value) for name, value in metrics.items()}


def make_networks(config: TrainConfig, env: Env) -> Networks:
    """Actor and critic for an env's robot and layout."""
    return Networks.create(config.network, env.spec.num_joints, make_mirrors(env.spec, env.robot.config))


class DivergedError(RuntimeError):
    """A loss is not finite any more: the parameters are lost, the last checkpoint is not."""


def _check_finite(losses: dict[str, Any], iteration: int, last: Path) -> None:
    for name, value in losses.items():
        if not np.isfinite(value):
            raise DivergedError(
                f"iteration {iteration}: {name} is {float(value)}, expected a finite number; "
                f"train with a lower learning rate or another seed; what was learned before is in {last}"
            )


def one_robot_at_home(env: Env) -> Any:
    """One robot at home: its BodyState tells all shapes."""
    one = NativePhysics(env.robot, 1, env.config.decimation, 1)
    return one.reset(np.arange(1), env.robot.home_qpos[None], np.zeros((1, env.robot.model.nv)))


def train(
    config: TrainConfig,
    run: Path,
    resume: Path | None = None,
    report: Callable[[dict[str, Any]], None] = lambda metrics: None,
) -> Path:
    """Train into the folder `run` (config.yaml, metrics.jsonl, checkpoints/<env steps>/).

    Args:
        resume: a checkpoint to go on from; episodes begin anew.
        report: called with the metrics of each iteration.

    Returns:
        The last checkpoint.
    """
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    env = make_env(config)
    networks = make_networks(config, env)
    sampler = Sampler(env, networks, make_physics(env))
    update, amp = make_update(networks, config.ppo), make_amp(config, env)
    key, k_init, k_start, k_amp = jax.random.split(jax.random.key(config.seed), 4)
    state, done = TrainState(init_learner(config, env, networks, k_init), amp.init(k_amp) if amp else None), 0
    if resume is not None:
        state, meta = load_checkpoint(resume, state)
        done = int(meta["iteration"])
        key = jax.random.fold_in(key, done)
    worker, meter = sampler.start(k_start), EpisodeMeter(config.env.num_envs)
    last, begun = run, time.monotonic()
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as log:
        for iteration in range(done + 1, config.iterations + 1):
            started = time.monotonic()
            key, k_rollout, k_update, k_amp = jax.random.split(key, 4)
            worker, rollout, terms = sampler.collect(state.learner.agent, worker, k_rollout, config.ppo.num_steps)
            collected = time.monotonic()
            metrics = meter.add(rollout)
            if amp is not None and iteration > config.amp.amp_start_iteration:
                rollout, state, styles = _add_style(config, amp, rollout, state, k_amp)
                metrics |= styles
                terms["amp_style"] = config.amp.amp_reward_weight * styles["amp_reward_mean"]
            learner, losses = update(state.learner, rollout, k_update)
            state = state._replace(learner=learner)
            metrics |= {"iteration": iteration, "env_steps": int(learner.env_steps)}
            metrics |= {name: float(value) for name, value in losses.items()}
            now = time.monotonic()
            metrics |= {f"reward/{name}": value for name, value in terms.items()}
            metrics |= {"rollout_s": collected - started, "update_s": now - collected, "wall_s": now - begun}
            metrics["physics_s"], sampler.physics_s = sampler.physics_s, 0.0
            metrics["env_steps_per_sec"] = rollout.reward.size / (now - started)
            log.write(json.dumps(metrics) + "\n")
            log.flush()
            report(metrics)
            _check_finite(losses, iteration, last)
            if iteration % config.checkpoint_every == 0 or iteration == config.iterations:
                last = run / "checkpoints" / str(metrics["env_steps"])
                save_checkpoint(last, state, {"iteration": iteration, "config_hash": config_hash(config)})
    return last
