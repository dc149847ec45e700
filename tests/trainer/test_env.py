"""The env's semantics: signals, pushes, latency, ends of episodes, rewards."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import GOLDEN_POSES, GoldenPose, check_golden_pose, observe
from contract.signals import Command
from trainer.config import TrainConfig
from trainer.env import Env
from trainer.physics.body_state import BodyState
from trainer.rewards import REWARDS, RewardInputs, heading_velocity
from trainer.task import make_env, make_physics


def body_in(env: Env, quat: tuple[float, ...] = (1, 0, 0, 0), **joints: float) -> BodyState:
    """One robot's state at home, in an attitude, with joints moved from home (rad)."""
    robot = env.robot
    qpos = robot.home_qpos
    qpos[robot.base_qpos + 3 : robot.base_qpos + 7] = quat
    for name, delta in joints.items():
        qpos[robot.qpos[robot.config.actuator_names.index(name)]] += delta
    batch = make_physics(env).reset(np.arange(4), np.tile(qpos, (4, 1)), np.zeros((4, robot.model.nv)))
    return jax.tree.map(lambda x: jnp.asarray(x[0]), batch)


@pytest.mark.parametrize("pose", GOLDEN_POSES, ids=lambda pose: pose.name)
def test_golden_poses(env: Env, key: jax.Array, pose: GoldenPose) -> None:
    state, _, _ = env.start(key)
    body = body_in(env, pose.quat_wxyz, **pose.joints_from_home_rad)
    assert check_golden_pose(env.spec, pose, env.signals(state, body)) == []


def test_observation_is_the_contracts_own_with_noise_of_the_stated_size(env: Env, key: jax.Array) -> None:
    state, _, _ = env.start(key)
    body = body_in(env)
    state, _ = env.judge(state, body, jnp.zeros(env.spec.num_joints))
    state = state._replace(feedback_delay=jnp.asarray(0))
    exact = observe(env.spec, state.policy, env.signals(state, body), Command(state.command))
    noisy, critic = jax.vmap(lambda k: env.observe(state, body, k))(jax.random.split(key, 4000))
    np.testing.assert_allclose(critic[0, : env.spec.model.obs_dim], exact)
    np.testing.assert_allclose(np.std(noisy, axis=0), env.noise_std, rtol=0.1, atol=1e-7)
    np.testing.assert_allclose(np.mean(noisy, axis=0), exact, atol=0.1 * env.noise_std.max())
    assert (env.noise_std > 0).all()


def test_start_is_within_the_stated_noise(env: Env, key: jax.Array) -> None:
    states, qpos, qvel = jax.vmap(env.start)(jax.random.split(key, 500))
    robot, reset = env.robot, env.config.reset
    moved = np.abs(np.asarray(qpos)[:, robot.qpos] - robot.config.home)
    assert 0.9 * reset.joint_pos_rad < moved.max() <= reset.joint_pos_rad + 1e-6
    tilt = 2 * np.arccos(np.clip(np.asarray(qpos)[:, robot.base_qpos + 3], -1, 1))
    assert 0.9 * reset.tilt_rad < tilt.max() <= reset.tilt_rad + 1e-3
    assert np.unique(np.asarray(states.latency_steps)).tolist() == [0, 1, 2, 3, 4]
    assert np.abs(np.asarray(qvel)).max() > 0


def test_pushes_have_size_duration_and_pauses(config: TrainConfig, key: jax.Array) -> None:
    env = make_env(config, push={"force_n": (5.0, 5.0), "duration_s": 0.2, "every_s": (1.0, 1.0)})
    state, _, _ = env.start(key)
    act = jax.jit(env.act)
    forces = []
    for k in jax.random.split(key, 300):
        state, _, force = act(state, jnp.zeros(env.spec.num_joints), k)
        state = state._replace(step=state.step + 1)
        forces.append(np.asarray(force))
    size = np.linalg.norm(forces, axis=1)
    assert set(np.round(size, 4)) == {0.0, 5.0}
    assert np.asarray(forces)[:, 2].max() == 0
    starts = np.flatnonzero((size[1:] > 0) & (size[:-1] == 0)) + 1
    assert np.diff(starts).tolist() == [50] * (len(starts) - 1)
    assert (size[starts[0] : starts[0] + 11] > 0).tolist() == [True] * 10 + [False]
    directions = {tuple(np.round(forces[i], 3)) for i in starts}
    assert len(directions) == len(starts)


def test_the_policy_sees_joints_late_and_the_critic_at_once(env: Env, key: jax.Array) -> None:
    state, _, _ = env.start(key)
    state = state._replace(feedback_delay=jnp.asarray(2))
    places = env.spec.observation.slice_of("joint_pos_normalized")
    seen = []
    for step in range(5):
        body = body_in(env, left_knee_pitch=0.1 * step)
        state, _ = env.judge(state, body, jnp.zeros(env.spec.num_joints))
        actor, critic = jax.vmap(lambda k, s=state, b=body: env.observe(s, b, k))(jax.random.split(key, 2000))
        knee = places.start + env.spec.robot.actuator_names.index("left_knee_pitch")
        seen.append((float(actor[:, knee].mean()), float(critic[0, knee])))
    actor, critic = np.transpose(seen)
    np.testing.assert_allclose(actor[2:], critic[:-2], atol=2e-3)
    assert critic[4] - critic[2] > 0.1


def test_latency_holds_the_old_target(env: Env, key: jax.Array) -> None:
    state, _, _ = env.start(key)
    state = state._replace(latency_steps=jnp.asarray(3))
    next_state, targets, _ = env.act(state, jnp.ones(env.spec.num_joints), key)
    np.testing.assert_array_equal(targets[:3], np.tile(state.last_target, (3, 1)))
    np.testing.assert_array_equal(targets[3], next_state.last_target)
    assert np.abs(np.asarray(targets[3] - targets[0])).min() > 0.1


def test_falls_terminate_and_time_truncates(env: Env, key: jax.Array) -> None:
    state, _, _ = env.start(key)
    action = jnp.zeros(env.spec.num_joints)
    body = body_in(env)
    for fallen in (
        body._replace(base_pos=jnp.array([0.0, 0.0, 0.2])),
        body._replace(base_quat=jnp.array([0.8, 0.6, 0.0, 0.0])),
        body._replace(base_quat=jnp.array([0.0, 1.0, 0.0, 0.0])),
        body._replace(base_quat=jnp.full(4, jnp.nan)),
    ):
        _, outcome = env.judge(state, fallen, action)
        assert bool(outcome.terminated) and not bool(outcome.truncated)
    _, outcome = env.judge(state._replace(step=jnp.asarray(env.config.episode_steps - 1)), body, action)
    assert bool(outcome.truncated) and not bool(outcome.terminated)
    _, outcome = env.judge(state, body, action)
    assert not bool(outcome.truncated) and not bool(outcome.terminated)


def inputs(env: Env, body: BodyState, action: float = 0.0) -> RewardInputs:
    joints = jnp.zeros(env.spec.num_joints)
    height = jnp.asarray(env.robot.config.base.standing_height_m)
    return RewardInputs(body, joints + action, joints, jnp.zeros(3), height)


@pytest.mark.parametrize("name", REWARDS)
def test_terms_are_finite_and_not_negative(env: Env, name: str) -> None:
    for quat in ((1, 0, 0, 0), (0, 1, 0, 0), (0.7071, 0, 0.7071, 0)):
        value = float(REWARDS[name](env.spec, inputs(env, body_in(env, quat), 0.3)))
        assert np.isfinite(value) and value >= 0


def test_kernels_reward_standing_still_most(env: Env) -> None:
    home = body_in(env)._replace(foot_force=jnp.full(4, 8.7))
    worse = {
        "tracking_lin_vel": home._replace(base_linvel=jnp.array([0.3, 0.0, 0.0])),
        "tracking_ang_vel": home._replace(base_angvel=jnp.array([0.0, 0.0, 1.0])),
        "base_height": home._replace(base_pos=home.base_pos - 0.05),
        "upright": body_in(env, (0.98, 0.199, 0, 0)),
        "pose": body_in(env, left_knee_pitch=0.3),
        "feet_on_floor": home._replace(foot_force=jnp.zeros(4)),
    }
    for name, body in worse.items():
        assert REWARDS[name](env.spec, inputs(env, body)) < REWARDS[name](env.spec, inputs(env, home)) - 0.1, name
    penalties = {
        "torque_penalty": home._replace(joint_torque=home.joint_torque + 1.0),
        "joint_velocity": home._replace(joint_vel=home.joint_vel + 1.0),
        "dof_pos_limits": home._replace(joint_pos=home.joint_pos + 3.0),
    }
    for name, body in penalties.items():
        assert REWARDS[name](env.spec, inputs(env, body)) > REWARDS[name](env.spec, inputs(env, home)) + 0.1, name
    assert REWARDS["action_rate"](env.spec, inputs(env, home, 0.5)) == pytest.approx(0.25 * env.spec.num_joints)


def test_kernels_have_a_slope_at_reset_states(config: TrainConfig, env: Env, key: jax.Array) -> None:
    """A kernel too sharp for the states an episode begins in would teach nothing there."""
    tilt = config.env.reset.tilt_rad
    body = body_in(env, (np.cos(tilt / 2), np.sin(tilt / 2), 0, 0), left_hip_pitch=config.env.reset.joint_pos_rad)
    body = body._replace(base_linvel=jnp.full(3, config.env.reset.base_vel_m_s), base_pos=body.base_pos - 0.01)
    body = body._replace(base_angvel=jnp.full(3, 0.3))
    for name in ("tracking_lin_vel", "tracking_ang_vel", "base_height", "upright", "pose"):
        slope = jax.grad(lambda b, term=REWARDS[name]: term(env.spec, inputs(env, b)))(body)
        largest = max(float(jnp.max(jnp.abs(leaf))) for leaf in slope)
        assert np.isfinite(largest) and largest > 1e-2, name


def test_heading_velocity_turns_with_the_robot(env: Env) -> None:
    body = body_in(env)._replace(base_linvel=jnp.array([0.0, 0.5, 0.0]))
    np.testing.assert_allclose(heading_velocity(body), [0.0, 0.5], atol=1e-6)
    left = jnp.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    np.testing.assert_allclose(heading_velocity(body._replace(base_quat=left)), [0.5, 0.0], atol=1e-6)


def test_yaml_signs_fit_the_terms(config: TrainConfig) -> None:
    penalties = {"torque_penalty", "action_rate", "joint_velocity", "dof_pos_limits"}
    for name, weight in config.rewards.items():
        assert (weight <= 0) == (name in penalties), name
