"""The reward terms that ask for a step: to the side, and to where the robot falls."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from trainer.env import Env
from trainer.physics.body_state import BodyState
from trainer.rewards import AHEAD_M, HALF_SOLE_M, OUTSIDE_M, RewardInputs, Term, capture_point, foothold

Place = Callable[..., BodyState]
OMEGA = np.sqrt(9.81 / 0.4)
LEFT, RIGHT, NEITHER = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)


def term(of: Term, env: Env, body: BodyState, swing: tuple[float, float] = NEITHER) -> float:
    given = {"body": body, "height": jnp.asarray(0.4), "swing": jnp.asarray(swing)}
    return float(of(env.spec, RewardInputs(**dict.fromkeys(RewardInputs._fields) | given)))


def moving(body: BodyState, x: float, y: float) -> BodyState:
    return body._replace(base_linvel=jnp.array([x, y, 0.0]))


def test_costs_nothing_between_the_outer_edges_of_the_soles(env: Env, body_in: Place) -> None:
    body = body_in()
    outer = float(jnp.max(body.foot_pos[:, 1])) + HALF_SOLE_M
    assert term(capture_point, env, body) == 0.0
    assert term(capture_point, env, moving(body, 1.0, 0.0)) == 0.0, "forward is no reason to step aside"
    assert term(capture_point, env, moving(body, 0.0, 0.95 * outer * OMEGA)) == 0.0


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_counts_tenths_of_a_metre_beyond_the_nearer_foot(env: Env, body_in: Place, side: float) -> None:
    body = body_in()
    outer = float(jnp.max(side * body.foot_pos[:, 1])) + HALF_SOLE_M
    beyond_m = 0.05
    found = term(capture_point, env, moving(body, 0.3, side * (outer + beyond_m) * OMEGA))
    assert found == pytest.approx(beyond_m / 0.1, rel=1e-3)
    turned = body_in((np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)))  # facing left: its right is the world's forward
    falling = moving(turned, -side * (outer + beyond_m) * OMEGA, 0.3)
    assert term(capture_point, env, falling) == pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize("swing", [LEFT, RIGHT])
def test_a_robot_at_rest_or_walking_need_not_step_elsewhere(
    env: Env, body_in: Place, swing: tuple[float, float]
) -> None:
    assert term(foothold, env, body_in(), swing) == 0.0
    assert term(foothold, env, moving(body_in(), 0.4, 0.0), swing) == 0.0


def test_a_foot_that_stands_is_not_asked_for_anything(env: Env, body_in: Place) -> None:
    assert term(foothold, env, moving(body_in(), 1.5, 1.0), NEITHER) == 0.0


@pytest.mark.parametrize(("side", "swing", "other"), [(1.0, LEFT, RIGHT), (-1.0, RIGHT, LEFT)])
def test_falling_sideways_asks_the_foot_on_that_side(
    env: Env, body_in: Place, side: float, swing: tuple[float, float], other: tuple[float, float]
) -> None:
    body = body_in()
    foot = float(jnp.max(side * body.foot_pos[:, 1]))
    missing_m = 0.05
    speed = side * (foot - OUTSIDE_M + missing_m) * OMEGA
    found = term(foothold, env, moving(body, 0.0, speed), swing)
    assert found == pytest.approx(missing_m / 0.1, rel=1e-3)
    assert term(foothold, env, moving(body, 0.0, speed), other) == 0.0
    halfway = (0.5 * swing[0], 0.5 * swing[1])
    assert term(foothold, env, moving(body, 0.0, speed), halfway) == pytest.approx(0.5 * found, rel=1e-3)
    turned = body_in((np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)))  # facing left: its right is the world's forward
    assert term(foothold, env, moving(turned, -speed, 0.0), swing) == pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize("swing", [LEFT, RIGHT])
def test_falling_forward_asks_for_a_longer_step(env: Env, body_in: Place, swing: tuple[float, float]) -> None:
    body = body_in()
    missing_m = 0.07
    foot = float(body.foot_pos[0 if swing == LEFT else 1, 0])
    found = term(foothold, env, moving(body, (foot - AHEAD_M + missing_m) * OMEGA, 0.0), swing)
    assert found == pytest.approx(missing_m / 0.1, rel=1e-3)
    assert term(foothold, env, moving(body, -1.0, 0.0), swing) == 0.0, "falling backwards it may step back"
