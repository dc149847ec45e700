"""The ring of past samples."""

import jax
import jax.numpy as jnp
import numpy as np

from trainer.amp.replay import Replay


def column(*values: float) -> jax.Array:
    return jnp.asarray(values)[:, None]


def test_the_ring_goes_round_over_the_oldest() -> None:
    ring = Replay.create(4, (1,)).add(column(1.0, 2, 3))
    assert (int(ring.filled), int(ring.cursor)) == (3, 3)
    ring = ring.add(column(4.0, 5, 6))
    np.testing.assert_array_equal(ring.samples[:, 0], [5, 6, 3, 4])
    assert (int(ring.filled), int(ring.cursor)) == (4, 2)


def test_of_too_many_the_last_stay() -> None:
    ring = Replay.create(3, (1,)).add(column(*range(8)))
    assert sorted(np.asarray(ring.samples[:, 0])) == [5, 6, 7]
    assert int(ring.filled) == 3


def test_samples_are_of_what_is_there() -> None:
    ring = Replay.create(100, (1,)).add(column(7.0, 8, 9))
    drawn = np.asarray(ring.sample(jax.random.key(0), 200))
    assert drawn.shape == (200, 1)
    assert set(drawn[:, 0]) == {7.0, 8.0, 9.0}
    assert not np.asarray(Replay.create(5, (2,)).sample(jax.random.key(0), 3)).any()


def test_adding_under_jit_is_the_same() -> None:
    ring, batch = Replay.create(4, (1,)).add(column(1.0, 2, 3)), column(4.0, 5)
    for here, there in zip(ring.add(batch), jax.jit(Replay.add)(ring, batch), strict=True):
        np.testing.assert_array_equal(here, there)
