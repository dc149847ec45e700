"""How much an evaluated policy moves like the expert: style reward and accuracy of its own discriminator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .amp.discriminator import accuracy
from .amp.stage import AmpStage, AmpState
from .checkpoint import load_checkpoint
from .config import TrainConfig
from .task import make_env
from .train import TrainState, init_learner, make_amp, make_networks

EVERY = 5  # steps from one look to the next: neighbours tell the same


class StyleJudge:
    """Takes the pairs that `evaluate` hands to `on_pair`, and says style_reward and discriminator_accuracy."""

    def __init__(self, stage: AmpStage, state: AmpState) -> None:
        self._stage, self._state = stage, state
        self._calls = 0
        self._pairs: list[np.ndarray] = []

    def __call__(self, pairs: np.ndarray, up: np.ndarray) -> None:
        """Pairs (B, 2, F) of one step, and which robots have not fallen (B,)."""
        if self._calls % EVERY == 0:
            self._pairs.append(pairs[up])
        self._calls += 1

    def figures(self) -> dict[str, float]:
        """style_reward: mean, without its weight; discriminator_accuracy: on these pairs and held-out expert pairs."""
        agent, stage, state = jnp.asarray(np.concatenate(self._pairs)), self._stage, self._state
        expert_logits, agent_logits = (
            stage._logits(state.params, stage._inputs(state.norm, pairs)) for pairs in (stage.held_out, agent)
        )
        return {
            "style_reward": float(jnp.mean(stage.style_reward(state, agent[:, None]))),
            "discriminator_accuracy": float(accuracy(expert_logits, agent_logits)),
        }


def load_style_judge(config: TrainConfig, checkpoint: Path) -> StyleJudge | None:
    """The discriminator of a checkpoint, None where it was trained without AMP. Raises ConfigError."""
    env = make_env(config)
    stage = make_amp(config, env)
    if stage is None:
        return None
    learner = init_learner(config, env, make_networks(config, env), jax.random.key(0))
    template: Any = TrainState(learner, stage.init(jax.random.key(0)))
    state, _ = load_checkpoint(checkpoint, template)
    return StyleJudge(stage, jax.tree.map(jnp.asarray, state.amp))
