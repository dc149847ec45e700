"""The reward term that asks for a step to the side."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from trainer.env import Env
from trainer.physics.body_state import BodyState
from trainer.rewards import HALF_SOLE_M, RewardInputs, capture_point

Place = Callable[..., BodyState]
OMEGA = np.sqrt(9.81 / 0.4)


def term(env: Env, body: BodyState, height_m: float = 0.4) -> float:
    fields = dict.fromkeys(RewardInputs._fields)
    return float(capture_point(env.spec, RewardInputs(**fields | {"body": body, "height": jnp.asarray(height_m)})))


def moving(body: BodyState, x: float, y: float) -> BodyState:
    return body._replace(base_linvel=jnp.array([x, y, 0.0]))


def test_costs_nothing_between_the_outer_edges_of_the_soles(env: Env, body_in: Place) -> None:
    body = body_in()
    outer = float(jnp.max(body.foot_pos[:, 1])) + HALF_SOLE_M
    assert term(env, body) == 0.0
    assert term(env, moving(body, 1.0, 0.0)) == 0.0, "forward is no reason to step aside"
    assert term(env, moving(body, 0.0, 0.95 * outer * OMEGA)) == 0.0


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_counts_tenths_of_a_metre_beyond_the_nearer_foot(env: Env, body_in: Place, side: float) -> None:
    body = body_in()
    outer = float(jnp.max(side * body.foot_pos[:, 1])) + HALF_SOLE_M
    beyond_m = 0.05
    found = term(env, moving(body, 0.3, side * (outer + beyond_m) * OMEGA))
    assert found == pytest.approx(beyond_m / 0.1, rel=1e-3)
    turned = body_in((np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)))  # facing left: its right is the world's forward
    assert term(env, moving(turned, -side * (outer + beyond_m) * OMEGA, 0.3)) == pytest.approx(found, rel=1e-3)
