"""A mirrored robot must look mirrored: observation of the mirrored state = mirror of the observation."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trainer.config import TrainConfig
from trainer.env import Env, EnvState
from trainer.motion.reference import ReferenceMotion, nearest_clip, sample
from trainer.networks import Networks
from trainer.physics.body_state import BodyState
from trainer.rewards import BONUSES, REWARDS
from trainer.symmetry import make_mirrors, mirror_of_action, mirror_of_critic, mirror_of_joints, mirror_of_observation
from trainer.task import make_env, native_physics

WALKING = (
    "phase_sin_cos",
    "velocity_cmd_lateral_yaw",
    "prev_action",
    "gravity_local",
    "foot_switches",
    "padding",
    "joint_vel_normalized",
    "angvel_heading_local",
    "joint_pos_normalized",
    "velocity_cmd",
)
FEET = np.array([2, 3, 0, 1])


@pytest.fixture(scope="module")
def every_term(config: TrainConfig) -> Env:
    """An env whose layout holds every term of the contract."""
    policy = config.policy.model_copy(update={"layout": WALKING, "gait_period_s": 0.7})
    return make_env(config.model_copy(update={"policy": policy}), num_envs=1)


@pytest.fixture(scope="module")
def state(every_term: Env) -> EnvState:
    return jax.jit(every_term.start)(jax.random.key(0)).state


def random_body(env: Env, seed: int) -> BodyState:
    rng = np.random.default_rng(seed)
    r = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
    quat, imu = r(4), r(4)
    joints = env.spec.num_joints
    return BodyState(
        base_pos=r(3),
        base_quat=quat / jnp.linalg.norm(quat),
        base_linvel=r(3),
        base_angvel=r(3),
        joint_pos=r(joints),
        joint_vel=r(joints),
        joint_torque=r(joints),
        imu_quat=imu / jnp.linalg.norm(imu),
        imu_gyro=r(3),
        foot_force=jnp.asarray(rng.uniform(0, 5, 4), jnp.float32),
        foot_pos=r(2, 3),
    )


def mirrored_body(env: Env, body: BodyState) -> BodyState:
    """The reflection in the world's x-z plane."""
    joints = mirror_of_joints(env.robot.config)
    vector, turning, quat = jnp.array([1.0, -1, 1]), jnp.array([-1.0, 1, -1]), jnp.array([1.0, -1, 1, -1])
    return BodyState(
        body.base_pos * vector,
        body.base_quat * quat,
        body.base_linvel * vector,
        body.base_angvel * turning,
        joints(body.joint_pos),
        joints(body.joint_vel),
        joints(body.joint_torque),
        body.imu_quat * quat,
        body.imu_gyro * turning,
        body.foot_force[FEET],
        body.foot_pos[::-1] * vector,
    )


def mirrored_state(env: Env, state: EnvState) -> EnvState:
    action = mirror_of_action(env.spec, env.robot.config)
    policy = state.policy._replace(
        applied_action=action(state.policy.applied_action), phase_rad=(state.policy.phase_rad + jnp.pi) % (2 * jnp.pi)
    )
    return state._replace(
        policy=policy,
        command=state.command * jnp.array([1.0, -1, -1]),
        push=state.push._replace(force=state.push.force * jnp.array([1.0, -1, 1])),
        heading_error=-state.heading_error,
        floor_quat=state.floor_quat * jnp.array([1.0, -1, 1, -1]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_observations_of_a_mirrored_robot_are_mirrored(
    every_term: Env, state: EnvState, key: jax.Array, seed: int
) -> None:
    env, k = every_term, jax.random.fold_in(key, seed)
    state = state._replace(
        policy=state.policy._replace(
            applied_action=jax.random.normal(k, (env.spec.num_joints,)), phase_rad=jnp.asarray(0.7)
        ),
        command=jnp.array([0.3, 0.1, -0.2]),
        push=state.push._replace(force=jnp.array([3.0, 4.0, 0.0])),
        heading_error=jnp.asarray(0.4),
        floor_quat=jnp.array([np.cos(0.05), 0.6 * np.sin(0.05), 0.8 * np.sin(0.05), 0.0]),
    )
    body = random_body(env, seed)
    _, critic = env.observe(state, body, k)
    _, reflected = env.observe(mirrored_state(env, state), mirrored_body(env, body), k)
    size = env.spec.model.obs_dim
    robot = env.robot.config
    np.testing.assert_allclose(mirror_of_critic(env.spec, robot)(critic), reflected, atol=2e-5)
    np.testing.assert_allclose(mirror_of_observation(env.spec, robot)(critic[:size]), reflected[:size], atol=2e-5)
    assert np.abs(np.asarray(critic - reflected)).max() > 0.1


def test_a_mirror_undoes_itself(every_term: Env) -> None:
    robot = every_term.robot.config
    for mirror in (mirror_of_action(every_term.spec, robot), mirror_of_critic(every_term.spec, robot)):
        x = np.arange(len(mirror.order)) + 1.0
        np.testing.assert_array_equal(mirror(mirror(x)), x)


def test_mirrored_actions_move_the_twin_in_a_mirror(env: Env) -> None:
    """Twenty steps of physics from home with random targets, and with their mirror images."""
    physics, robot = native_physics(env), env.robot
    joints = mirror_of_joints(robot.config)
    physics.reset(np.arange(4), np.tile(robot.home_qpos, (4, 1)), np.zeros((4, robot.model.nv)))
    rng = np.random.default_rng(0)
    for _ in range(20):
        target = robot.config.home + rng.normal(0, 0.1, env.spec.num_joints)
        both = np.stack([target, joints(target), target, target])[:, None].repeat(env.config.decimation, 1)
        body = physics.step(both, np.zeros((4, 3)))
    one, two = (jax.tree.map(lambda x, i=i: jnp.asarray(x[i]), body) for i in (0, 1))
    reflected = mirrored_body(env, one)
    for name in ("base_pos", "base_quat", "joint_pos"):
        np.testing.assert_allclose(getattr(two, name), getattr(reflected, name), atol=2e-3, err_msg=name)
    assert np.abs(np.asarray(one.joint_pos - two.joint_pos)).max() > 0.05


def test_every_reward_term_is_blind_to_left_and_right(every_term: Env, state: EnvState) -> None:
    """A walk seen in a mirror earns what the walk earns, term by term."""
    env = every_term
    weights = {name: 1.0 if name in BONUSES else -1.0 for name in REWARDS}
    judge = jax.jit(replace(env, weights=weights).judge)
    action = mirror_of_action(env.spec, env.robot.config)
    for seed in range(5):
        before, body = random_body(env, seed), random_body(env, seed + 10)
        rng = np.random.default_rng(seed)
        raw, last = (jnp.asarray(rng.normal(size=env.spec.num_joints), jnp.float32) for _ in range(2))
        body = body._replace(base_linvel=0.2 * body.base_linvel, base_angvel=0.2 * body.base_angvel)
        begun = state._replace(
            last_action=last,
            command=jnp.array([0.3, 0.1, -0.2]),
            policy=state.policy._replace(phase_rad=jnp.asarray(rng.uniform(0, 6), jnp.float32)),
        )
        reflected = mirrored_state(env, begun)._replace(last_action=action(last))
        _, one = judge(begun, before, body, raw)
        _, two = judge(reflected, mirrored_body(env, before), mirrored_body(env, body), action(raw))
        for name in REWARDS:
            assert float(two.terms[name]) == pytest.approx(float(one.terms[name]), rel=2e-3, abs=1e-4), name


def test_the_reference_is_its_own_mirror_image(walking: Env, motion: ReferenceMotion) -> None:
    """Straight ahead, half a cycle later the other side does the same."""
    joints, clip = mirror_of_joints(walking.robot.config), nearest_clip(motion, jnp.array([0.4, 0.0, 0.0]))
    for phase in (0.3, 1.1, 2.9):
        now, later = sample(motion, clip, phase), sample(motion, clip, phase + np.pi)
        np.testing.assert_allclose(joints(now.joint_pos), later.joint_pos, atol=2e-3)
        np.testing.assert_array_equal(now.contact[FEET], later.contact)
        assert np.abs(np.asarray(now.joint_pos - later.joint_pos)).max() > 0.1


def test_networks_treat_both_sides_alike(env: Env, networks: Networks, key: jax.Array) -> None:
    """The action for a mirrored observation is the mirrored action, its value the same, to float32."""
    robot, spec = env.robot.config, env.spec
    k1, k2, k3 = jax.random.split(key, 3)
    mirrors = make_mirrors(spec, robot)
    agent = networks.init(k1, spec.model.obs_dim, len(mirrors.critic_obs.order))
    shaken = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(k2, x.shape), agent)
    agent = shaken._replace(obs_norm=agent.obs_norm.update(2.0 + jax.random.normal(k3, (100, spec.model.obs_dim))))
    obs = jax.random.normal(k3, (64, spec.model.obs_dim))
    action = networks.mean(agent, obs)
    np.testing.assert_allclose(networks.mean(agent, mirrors.obs(obs)), mirrors.action(action), atol=1e-5)
    assert np.abs(np.asarray(action - mirrors.action(action))).max() > 0.05
    critic_obs = jax.random.normal(k3, (64, len(mirrors.critic_obs.order)))
    value = networks.value(agent, critic_obs)
    np.testing.assert_allclose(networks.value(agent, mirrors.critic_obs(critic_obs)), value, atol=1e-5)
    std = networks.std(agent)
    np.testing.assert_allclose(std, std[mirrors.action.order], rtol=1e-6)
    one_sided = Networks.create(networks.config.model_copy(update={"symmetric": False}), spec.num_joints, mirrors)
    difference = one_sided.mean(agent, mirrors.obs(obs)) - mirrors.action(one_sided.mean(agent, obs))
    assert np.abs(np.asarray(difference)).max() > 0.05
