"""A ring of past samples, so that the discriminator does not forget what the agent once did."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..physics.body_state import Array


class Replay(NamedTuple):
    """samples (N, ...); cursor () where the next one goes; filled () how many are there."""

    samples: Array
    cursor: Array
    filled: Array

    @staticmethod
    def create(size: int, shape: tuple[int, ...]) -> Replay:
        """Empty, for `size` samples of one shape."""
        return Replay(jnp.zeros((size, *shape)), jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))

    def add(self, batch: Array) -> Replay:
        """Put in samples (n, ...) over the oldest; of more than N the last N stay."""
        size = self.samples.shape[0]
        batch = batch[-size:]
        count = batch.shape[0]
        places = (self.cursor + jnp.arange(count, dtype=jnp.int32)) % size
        return Replay(
            self.samples.at[places].set(batch, unique_indices=True),
            (self.cursor + count) % size,
            jnp.minimum(self.filled + count, size),
        )

    def sample(self, key: Array, count: int) -> Array:
        """(count, ...) with replacement, of what is there; zeros while nothing is."""
        places = jax.random.randint(key, (count,), 0, jnp.maximum(self.filled, 1))
        return self.samples[places]
