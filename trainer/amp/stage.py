"""The stage beside PPO: discriminator, its data and its reward, in two jitted calls for each iteration."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from contract import RobotConfig

from ..networks import Normalizer
from ..physics.body_state import Array
from .config import AmpConfig, FeatureScales
from .discriminator import REWARDS, accuracy, discriminator_loss, make_discriminator, separation
from .expert import ExpertMotions, split_held_out, with_mirrored
from .features import feature_slices, mirror_of_features
from .replay import Replay

FEATURE_CLIP = 8.0
FULL_HANDICAP = 0.85
MEMORY = 0.8  # share of the accuracy's running mean that stays from one iteration to the next


class AmpState(NamedTuple):
    """What the stage learns and remembers; plain arrays, saved with a checkpoint.

    norm: centre and squared unit of each feature (F,); replay of agent pairs (N, 2, F); accuracy (): running mean.
    """

    params: Any
    opt_state: Any
    norm: Normalizer
    replay: Replay
    accuracy: Array


class AmpStage:
    """Fixed parts: config, network, expert data to learn from (M, 2, F) and held out (H, 2, F).

    Features come as (T, B, 2, F): amp_features of s_t and of the state reached from it, before any reset.
    """

    def __init__(self, config: AmpConfig, expert: ExpertMotions, robot: RobotConfig) -> None:
        self.config = config
        self.num_joints = len(expert.joint_names)
        parts = split_held_out(expert.pairs)
        if config.mirror:
            parts = tuple(with_mirrored(part, mirror_of_features(robot)) for part in parts)  # type: ignore[assignment]
        self.expert, self.held_out = (jnp.asarray(part, jnp.float32) for part in parts)
        self.module = make_discriminator(config)
        self.optimizer = optax.adam(config.disc_learning_rate)
        self._update = jax.jit(self._updated)
        self._reward = jax.jit(self._rewarded)

    def init(self, key: Array) -> AmpState:
        """Fresh parameters and an empty replay."""
        state: AmpState = jax.jit(self._fresh)(key)
        return state

    def _fresh(self, key: Array) -> AmpState:
        norm = initial_norm(self.config, self.expert, self.num_joints)
        inputs = self._inputs(norm, self.expert[:1])
        params = self.module.init(key, inputs[0])
        replay = Replay.create(self.config.replay_size, self.expert.shape[1:])
        return AmpState(params, self.optimizer.init(params), norm, replay, jnp.asarray(0.5, jnp.float32))

    def style_reward(self, state: AmpState, features: Array) -> Array:
        """Style reward (T, B) of features (T, B, 2, F), without its weight; ask before the update."""
        return self._reward(state, features)

    def update(self, state: AmpState, features: Array, key: Array) -> tuple[AmpState, dict[str, Array]]:
        """disc_updates_per_iter steps on expert, fresh and replayed pairs.

        All metrics but disc_loss and disc_grad_penalty are measured before the steps and without noise, on expert
        pairs that are never learned from and on agent pairs that are not yet learned from.
        """
        result: tuple[AmpState, dict[str, Array]] = self._update(state, self.expert, self.held_out, features, key)
        return result

    def _inputs(self, norm: Normalizer, pairs: Array) -> Array:
        """What the network sees (N, D) of pairs (..., 2, F): in units, clipped; D is 2 F, or F without `pair`."""
        seen = pairs if self.config.pair else pairs[..., 1:, :]
        scaled = jnp.clip((seen - norm.mean) / jnp.sqrt(norm.var), -FEATURE_CLIP, FEATURE_CLIP)
        return scaled.reshape(-1, scaled.shape[-2] * scaled.shape[-1])

    def _logits(self, params: Any, inputs: Array) -> Array:
        logits: Array = self.module.apply(params, inputs)
        return logits[..., 0]

    def _rewarded(self, state: AmpState, features: Array) -> Array:
        logits = self._logits(state.params, self._inputs(state.norm, features))
        return REWARDS[self.config.reward](logits).reshape(features.shape[:-2])

    def _updated(
        self, state: AmpState, expert: Array, held_out: Array, features: Array, key: Array
    ) -> tuple[AmpState, dict[str, Array]]:
        config, k = self.config, jax.random.split(key, 3)
        agent = features.reshape(-1, *features.shape[-2:])
        held = self._inputs(state.norm, _some(k[0], held_out, config.batch_size))
        metrics = self._measure(state, held, self._inputs(state.norm, agent))
        running = MEMORY * state.accuracy + (1 - MEMORY) * metrics["disc_accuracy"]
        weakness = handicap(running, config.target_accuracy)
        replay = state.replay.add(_some(k[1], agent, min(config.batch_size, len(agent))))

        def step(carry: tuple[Any, Any], key: Array) -> tuple[tuple[Any, Any], dict[str, Array]]:
            params, opt_state = carry
            batch = self._minibatch(state.norm, expert, agent, replay, key)
            gradient = jax.grad(discriminator_loss, has_aux=True)
            grads, losses = gradient(params, self.module, *batch, weakness - 1.0, config)
            updates, opt_state = self.optimizer.update(grads, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state), losses

        keys = jax.random.split(k[2], config.disc_updates_per_iter)
        (params, opt_state), losses = jax.lax.scan(step, (state.params, state.opt_state), keys)
        norm = state.norm if isinstance(config.feature_scales, FeatureScales) else follow(state.norm, features)
        metrics |= {name: jnp.mean(values) for name, values in losses.items()} | {"disc_handicap": weakness}
        return AmpState(params, opt_state, norm, replay, running), metrics

    def _minibatch(
        self, norm: Normalizer, expert: Array, agent: Array, replay: Replay, key: Array
    ) -> tuple[Array, Array]:
        """Noisy inputs (batch_size, D) of experts, and of agents: half fresh, half replayed."""
        size, k = self.config.batch_size, jax.random.split(key, 4)
        experts = self._inputs(norm, _some(k[0], expert, size))
        seen = jnp.concatenate([_some(k[1], agent, size - size // 2), replay.sample(k[2], size // 2)])
        agents = self._inputs(norm, seen)
        noise = self.config.instance_noise * jax.random.normal(k[3], (2, *experts.shape))
        return experts + noise[0], agents + noise[1]

    def _measure(self, state: AmpState, held_out: Array, agent: Array) -> dict[str, Array]:
        expert_logits, agent_logits = self._logits(state.params, held_out), self._logits(state.params, agent)
        reward = REWARDS[self.config.reward](agent_logits)
        return {
            "disc_accuracy": accuracy(expert_logits, agent_logits),
            "disc_separation": separation(expert_logits, agent_logits),
            "disc_logit_expert": jnp.mean(expert_logits),
            "disc_logit_agent": jnp.mean(agent_logits),
            "amp_reward_mean": jnp.mean(reward),
            "amp_reward_std": jnp.std(reward),
        }


def handicap(running_accuracy: Array, target: float | None) -> Array:
    """How much the discriminator is held back, () in [0, 1]: 0 at the target accuracy, 1 at FULL_HANDICAP.

    The agent's label is raised from -1 to handicap - 1, at most to 0, which means undecided. Skipped updates and
    smaller steps freeze the border where it happens to lie, noise only shrinks the logits; this goes on learning in
    which direction the expert lies and puts the border into the middle of what the agent does, where the reward
    differs from sample to sample. It does not bring the agent nearer to the expert, and it lifts the mean reward:
    so judge by disc_separation, which no border changes, and read accuracy and reward together with disc_handicap.
    """
    if target is None:
        return jnp.zeros(())
    return jnp.clip((running_accuracy - target) / (FULL_HANDICAP - target), 0.0, 1.0)


def initial_norm(config: AmpConfig, expert: Array, num_joints: int) -> Normalizer:
    """Centre and squared units of the features (F,): the expert's mean, and fixed units or the expert's spread."""
    flat = expert.reshape(-1, expert.shape[-1])
    if not isinstance(config.feature_scales, FeatureScales):
        return Normalizer(flat.mean(0), flat.var(0) + 1e-5, jnp.asarray(len(flat), jnp.float32))
    units = np.zeros(flat.shape[-1], np.float32)
    for name, place in feature_slices(num_joints).items():
        units[place] = getattr(config.feature_scales, name)
    return Normalizer(flat.mean(0), jnp.asarray(units**2), jnp.asarray(len(flat), jnp.float32))


def follow(norm: Normalizer, features: Array) -> Normalizer:
    """Running mean and variance after agent features (..., F); the same for both sides."""
    grown = norm.update(features)
    return grown._replace(var=jnp.maximum(grown.var, 1e-5))


def _some(key: Array, samples: Array, count: int) -> Array:
    """(count, ...) of samples (N, ...), with replacement."""
    return samples[jax.random.randint(key, (count,), 0, len(samples))]
