"""The env's semantics: signals, noise, what the policy sees late, latency, ends of episodes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import GOLDEN_POSES, GoldenPose, check_golden_pose, observe, rotate
from contract.signals import Command
from trainer.env import Env, EnvState
from trainer.physics.body_state import BodyState
from trainer.rewards import heading_velocity

Place = Callable[..., BodyState]


@pytest.fixture(scope="module")
def state(env: Env) -> EnvState:
    return jax.jit(env.start)(jax.random.key(0)).state


@pytest.fixture(scope="module")
def plain_state(plain_env: Env) -> EnvState:
    return jax.jit(plain_env.start)(jax.random.key(0)).state


@pytest.fixture(scope="module")
def judge(env: Env) -> Callable[..., Any]:
    return jax.jit(env.judge)


def filled(state: EnvState, body: BodyState) -> EnvState:
    """The robot has been like this for a while."""
    imu = jnp.concatenate([body.imu_quat, body.imu_gyro])
    return state._replace(joints=jnp.tile(body.joint_pos, (len(state.joints), 1)), imu=imu, step=jnp.asarray(50))


@pytest.mark.parametrize("pose", GOLDEN_POSES, ids=lambda pose: pose.name)
def test_golden_poses(plain_env: Env, plain_state: EnvState, body_in: Place, pose: GoldenPose) -> None:
    """Ideal signals, and those of the robot's own sensors where nothing is wrong with them."""
    body = body_in(pose.quat_wxyz, **pose.joints_from_home_rad)
    state = filled(plain_state, body)
    ideal, sensed = plain_env.signals(state, body), plain_env.sensed(state, body)
    assert check_golden_pose(plain_env.spec, pose, ideal) == []
    assert check_golden_pose(plain_env.spec, pose, sensed, tolerance=1e-5) == []
    np.testing.assert_allclose(sensed.joint_vel_rad_s, 0.0, atol=1e-5)


def test_sensors_without_quirks_say_the_truth(plain_env: Env, plain_state: EnvState, body_in: Place) -> None:
    body = body_in((0.96, 0.0, 0.28, 0.0), left_knee_pitch=0.3)._replace(imu_gyro=jnp.array([0.4, -0.8, 1.2]))
    state = filled(plain_state, body)._replace(imu=jnp.ones(7))
    ideal, sensed = plain_env.signals(state, body), plain_env.sensed(state, body)
    for name in ("quat_wxyz", "gyro_rad_s", "joint_pos_rad", "foot_switches"):
        np.testing.assert_allclose(getattr(sensed, name), getattr(ideal, name), atol=1e-6, err_msg=name)


def test_a_tilted_imu_sees_gravity_and_turning_in_its_own_frame(
    plain_env: Env, plain_state: EnvState, body_in: Place
) -> None:
    """Mounted nose down by .3 rad on a level body, the IMU senses a body that is nose down by .3 rad."""
    body = body_in()._replace(imu_gyro=jnp.array([0.0, 0.0, 2.0]))
    mount = jnp.array([np.cos(0.15), 0.0, np.sin(0.15), 0.0])
    quirks = plain_state.quirks._replace(imu_mount=mount, gyro_bias=jnp.array([0.01, 0.02, 0.03]))
    sensed = plain_env.sensed(filled(plain_state, body)._replace(quirks=quirks), body)
    down = rotate(np.asarray(sensed.quat_wxyz) * np.array([1, -1, -1, -1], np.float32), np.array([0.0, 0, -1]))
    np.testing.assert_allclose(down, [np.sin(0.3), 0.0, -np.cos(0.3)], atol=1e-5)
    rates = [-2.0 * np.sin(0.3) + 0.01, 0.02, 2.0 * np.cos(0.3) + 0.03]
    np.testing.assert_allclose(sensed.gyro_rad_s, rates, atol=1e-5)
    turned = body_in((np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)))
    sensed = plain_env.sensed(filled(plain_state, turned)._replace(quirks=quirks), turned)
    down = rotate(np.asarray(sensed.quat_wxyz) * np.array([1, -1, -1, -1], np.float32), np.array([0.0, 0, -1]))
    np.testing.assert_allclose(down, [np.sin(0.3), 0.0, -np.cos(0.3)], atol=1e-5)


def test_a_late_imu_is_between_two_steps(plain_env: Env, plain_state: EnvState, body_in: Place) -> None:
    before, now = body_in((np.cos(0.05), np.sin(0.05), 0, 0)), body_in((np.cos(0.15), np.sin(0.15), 0, 0))
    now = now._replace(imu_gyro=jnp.array([5.0, 0.0, 0.0]))
    quirks = plain_state.quirks._replace(imu_delay=jnp.asarray(0.005))
    state = filled(plain_state, before)._replace(quirks=quirks)
    sensed = plain_env.sensed(state, now)
    roll = 2 * np.arctan2(sensed.quat_wxyz[1], sensed.quat_wxyz[0])
    assert roll == pytest.approx(0.3 - 0.25 * 0.2, abs=1e-3)
    assert float(jnp.linalg.norm(sensed.quat_wxyz)) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(sensed.gyro_rad_s, [3.75, 0.0, 0.0], atol=1e-5)
    at_start = plain_env.sensed(state._replace(step=jnp.asarray(0)), now)
    np.testing.assert_allclose(at_start.quat_wxyz, now.imu_quat, atol=1e-6)


def test_observation_is_the_contracts_own_with_noise_of_the_stated_size(
    plain_env: Env, plain_state: EnvState, body_in: Place, key: jax.Array
) -> None:
    env, body = plain_env, body_in()
    state = filled(plain_state, body)
    exact = observe(env.spec, state.policy, env.signals(state, body), Command(state.command))
    look = jax.jit(jax.vmap(lambda k: env.observe(state, body, k)))
    noisy, critic = look(jax.random.split(key, 4000))
    np.testing.assert_allclose(critic[0, : env.spec.model.obs_dim], exact, atol=1e-6)
    np.testing.assert_allclose(np.std(noisy, axis=0), env.noise_std, rtol=0.1, atol=1e-7)
    np.testing.assert_allclose(np.mean(noisy, axis=0), exact, atol=0.1 * env.noise_std.max())
    assert (env.noise_std > 0).all()


def test_the_policy_sees_joints_late_and_the_critic_at_once(
    plain_env: Env, plain_state: EnvState, body_in: Place, key: jax.Array
) -> None:
    """Feedback that is 20 ms old lies one control step back."""
    env = plain_env
    state = filled(plain_state, body_in())
    joints = jnp.tile(state.joints[:1], (5, 1))
    state = state._replace(joints=joints, quirks=state.quirks._replace(feedback_delay=jnp.asarray(env.config.ctrl_dt)))
    knee = env.spec.robot.actuator_names.index("left_knee_pitch")
    knee += env.spec.observation.slice_of("joint_pos_normalized").start
    judge, look = jax.jit(env.judge), jax.jit(env.observe)
    seen = []
    before = body_in()
    for step in range(5):
        body = body_in(left_knee_pitch=0.1 * step)
        state, _ = judge(state, before, body, jnp.zeros(env.spec.num_joints))
        actor, critic = look(state, body, key)
        exact = observe(env.spec, state.policy, env.sensed(state, body), Command(state.command))
        assert abs(float(actor[knee] - exact[knee])) < 6 * env.noise_std[knee]
        seen.append((float(exact[knee]), float(critic[knee])))
        before = body
    late, at_once = np.transpose(seen)
    np.testing.assert_allclose(late[1:], at_once[:-1], atol=1e-5)
    assert at_once[4] - at_once[3] > 0.05


def test_latency_holds_the_old_target(plain_env: Env, plain_state: EnvState, key: jax.Array) -> None:
    state = plain_state._replace(quirks=plain_state.quirks._replace(latency=jnp.asarray(3)))
    next_state, aims, _ = jax.jit(plain_env.act)(state, jnp.ones(plain_env.spec.num_joints), key)
    np.testing.assert_array_equal(aims[:3], np.tile(state.servos.set_point, (3, 1)))
    moved = np.abs(np.asarray(aims[3] - aims[0]))
    fastest = plain_env.spec.robot.max_velocity * plain_env.config.sim_dt
    assert (moved > 0).any() and (moved <= fastest + 1e-6).all()
    assert float(jnp.max(jnp.abs(next_state.servos.targets[0] - state.servos.targets[0]))) > 0.05


def test_falls_terminate_and_time_truncates(
    env: Env, state: EnvState, judge: Callable[..., Any], body_in: Place
) -> None:
    action = jnp.zeros(env.spec.num_joints)
    body = body_in()
    level = state._replace(floor_quat=jnp.array([1.0, 0, 0, 0]))
    for fallen in (
        body._replace(base_pos=jnp.array([0.0, 0.0, 0.2])),
        body._replace(base_quat=jnp.array([0.8, 0.6, 0.0, 0.0])),
        body._replace(base_quat=jnp.array([0.0, 1.0, 0.0, 0.0])),
        body._replace(base_quat=jnp.full(4, jnp.nan)),
    ):
        _, outcome = judge(level, body, fallen, action)
        assert bool(outcome.terminated) and not bool(outcome.truncated)
    _, outcome = judge(level._replace(step=jnp.asarray(env.config.episode_steps - 1)), body, body, action)
    assert bool(outcome.truncated) and not bool(outcome.terminated)
    _, outcome = judge(level, body, body, action)
    assert not bool(outcome.truncated) and not bool(outcome.terminated)


def test_height_is_measured_from_the_tilted_floor(env: Env, state: EnvState) -> None:
    slope = state._replace(floor_quat=jnp.array([np.cos(0.05), 0.0, -np.sin(0.05), 0.0]))
    uphill = jnp.array([np.cos(0.1), 0.0, np.sin(0.1)])
    assert float(env.height(slope, uphill)) == pytest.approx(0.0, abs=1e-6)
    assert float(env.height(slope, jnp.array([0.0, 0.0, 1.0]))) == pytest.approx(np.cos(0.1), abs=1e-6)


def test_heading_error_is_what_was_turned_beyond_the_command(
    env: Env, state: EnvState, judge: Callable[..., Any], body_in: Place
) -> None:
    """Half a turn and more to the left, .1 rad a step through the seam at pi, while .05 rad a step was asked."""
    state = state._replace(heading_error=jnp.zeros(()), command=jnp.array([0.0, 0.0, 0.05 / env.config.ctrl_dt]))
    home = body_in()
    turned = lambda a: home._replace(base_quat=jnp.array([np.cos(a / 2), 0.0, 0.0, np.sin(a / 2)]))  # noqa: E731
    action = jnp.zeros(env.spec.num_joints)
    for step in range(40):
        state, _ = judge(state, turned(0.1 * step), turned(0.1 * (step + 1)), action)
    assert float(state.heading_error) == pytest.approx(40 * 0.05, abs=1e-3)


def test_heading_velocity_turns_with_the_robot(body_in: Place) -> None:
    body = body_in()._replace(base_linvel=jnp.array([0.0, 0.5, 0.0]))
    np.testing.assert_allclose(heading_velocity(body), [0.0, 0.5], atol=1e-6)
    left = jnp.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    np.testing.assert_allclose(heading_velocity(body._replace(base_quat=left)), [0.5, 0.0], atol=1e-6)
