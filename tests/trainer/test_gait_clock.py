"""What the gait clock asks of the feet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import advance
from trainer.env import Env, EnvState
from trainer.motion.reference import ReferenceMotion

WALK, STAND = (0.3, 0.0, 0.0), (0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def state(walking: Env) -> EnvState:
    return jax.jit(walking.start)(jax.random.key(0)).state


def swings(env: Env, state: EnvState, phases: np.ndarray, command: tuple[float, ...] = WALK) -> np.ndarray:
    """(N, 2) how high the clock wants the left and the right foot."""
    state = state._replace(command=jnp.array(command))
    look = jax.vmap(lambda p: env.swing(state._replace(policy=state.policy._replace(phase_rad=p))))
    return np.asarray(look(jnp.asarray(phases, jnp.float32)))


def test_the_left_foot_swings_in_the_first_half_and_the_right_in_the_second(walking: Env, state: EnvState) -> None:
    phases = np.linspace(0, 2 * np.pi, 721)[:-1]
    left, right = swings(walking, state, phases).T
    margin = walking.config.double_support * np.pi / 2
    inside = lambda start: (phases > start + margin + 1e-4) & (phases < start + np.pi - margin - 1e-4)  # noqa: E731
    outside = lambda start: (phases < start + margin - 1e-4) | (phases > start + np.pi - margin + 1e-4)  # noqa: E731
    assert (left[inside(0.0)] > 0).all() and (left[outside(0.0)] == 0).all()
    assert (right[inside(np.pi)] > 0).all() and (right[outside(np.pi)] == 0).all()
    assert ((left == 0) & (right == 0)).mean() == pytest.approx(walking.config.double_support, abs=0.01)
    assert left.max() == pytest.approx(1.0, abs=1e-4) and phases[left.argmax()] == pytest.approx(np.pi / 2, abs=0.01)


def test_one_foot_does_half_a_cycle_later_what_the_other_does_now(walking: Env, state: EnvState) -> None:
    phases = np.linspace(0, 2 * np.pi, 101)[:-1] + 0.01
    now, later = swings(walking, state, phases), swings(walking, state, (phases + np.pi) % (2 * np.pi))
    np.testing.assert_allclose(now, later[:, ::-1], atol=2e-6)
    assert np.abs(now - later).max() > 0.9


def test_nobody_swings_to_stand_and_everybody_to_move_at_all(walking: Env, state: EnvState) -> None:
    phases = np.linspace(0, 2 * np.pi, 50)
    assert (swings(walking, state, phases, STAND) == 0).all()
    for command in ((-0.1, 0.0, 0.0), (0.0, 0.05, 0.0), (0.0, 0.0, 0.1)):
        np.testing.assert_array_equal(swings(walking, state, phases, command), swings(walking, state, phases))


def test_a_policy_without_a_clock_is_never_asked_to_swing(env: Env, state: EnvState) -> None:
    assert env.spec.runtime.gait_period_s is None
    assert (swings(env, state, np.linspace(0, 6, 50)) == 0).all()


def test_the_clock_goes_round_in_its_period(walking: Env, state: EnvState) -> None:
    spec, policy, steps = walking.spec, state.policy, round(walking.spec.runtime.gait_period_s / walking.config.ctrl_dt)
    tick = jax.jit(lambda policy: advance(spec, policy, jnp.zeros(spec.num_joints))[0])
    for _ in range(steps):
        policy = tick(policy)
    turn = float(policy.phase_rad - state.policy.phase_rad)
    assert np.remainder(turn + np.pi, 2 * np.pi) - np.pi == pytest.approx(0.0, abs=1e-4)


def test_the_reference_lifts_the_foot_that_the_clock_wants(
    walking: Env, state: EnvState, motion: ReferenceMotion
) -> None:
    """Frame by frame: no foot touches in the middle of its swing, each does in the middle of its stance."""
    clip = int(np.argmin(np.abs(motion.command - np.array([0.4, 0.0, 0.0])).sum(1)))
    frames = motion.joint_pos.shape[1]
    swing = swings(walking, state, 2 * np.pi * np.arange(frames) / frames)
    touches = motion.contact[clip].reshape(frames, 2, 2).any(2)
    assert not touches[swing > 0.3].any()
    assert touches[np.roll(swing, frames // 2, axis=0) > 0.3].all()
    assert (swing > 0.3).sum() > frames // 2
