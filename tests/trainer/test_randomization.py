"""The laws of domain randomisation, and that a draw reaches MuJoCo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import rotate
from trainer.env import Env, Start
from trainer.physics.body_state import BodyState, PhysicsParams
from trainer.physics.native import NativePhysics
from trainer.randomization import DomainRandomization

NONE = np.zeros((2, 3))


def spread(name: str, values: np.ndarray, low: float, high: float) -> None:
    """`values` are uniform in [low, high]: inside, near both ends, and of a uniform law's mean and deviation."""
    width = high - low
    assert low - 1e-5 <= values.min() <= low + 0.02 * width, name
    assert high - 0.02 * width <= values.max() <= high + 1e-5, name
    assert abs(values.mean() - (low + high) / 2) < 0.02 * width, name
    assert values.std() == pytest.approx(width / np.sqrt(12), rel=0.05), name


def test_each_law_is_uniform_in_its_range(env: Env, starts: Start) -> None:
    random, params, quirks = env.random, starts.params, starts.state.quirks
    for name in ("friction", "motor_strength", "joint_damping", "joint_friction"):
        spread(name, getattr(params, name), *getattr(random, name))
    spread("backlash", quirks.backlash, *random.backlash_rad)
    spread("feedback_period", quirks.feedback_period, *random.feedback_period_s)
    spread("feedback_delay", quirks.feedback_delay, *random.feedback_delay_s)
    spread("feedback_phase", quirks.feedback_phase, 0.0, 1.0)
    spread("imu_delay", quirks.imu_delay, *random.imu_delay_s)
    spread("joint_offset", quirks.joint_offset, -random.joint_offset_rad, random.joint_offset_rad)
    spread("gyro_bias", quirks.gyro_bias, -random.gyro_bias_rad_s, random.gyro_bias_rad_s)
    mount = 2 * quirks.imu_mount[:, 1:]
    spread("imu_tilt", mount, -random.imu_tilt_rad, random.imu_tilt_rad)
    np.testing.assert_allclose(np.linalg.norm(quirks.imu_mount, axis=1), 1.0, atol=1e-6)
    slope = 2 * np.arcsin(np.linalg.norm(params.floor_quat[:, 1:], axis=1))
    spread("floor_tilt", slope, 0.0, random.floor_tilt_rad)
    spread("floor direction", np.arctan2(params.floor_quat[:, 2], params.floor_quat[:, 1]), -np.pi, np.pi)
    np.testing.assert_array_equal(params.floor_quat[:, 3], 0.0)


def test_latency_and_ramp_are_whole_physics_steps(env: Env, starts: Start) -> None:
    """Rounded uniform draws: both ends have half the share of a value between."""
    most = round(env.random.control_latency[1] / env.config.sim_dt)
    values, counts = np.unique(starts.state.quirks.latency, return_counts=True)
    assert values.tolist() == list(range(most + 1))
    inner = counts[1:-1].mean()
    np.testing.assert_allclose(counts[1:-1] / inner, 1.0, atol=0.15)
    np.testing.assert_allclose(counts[[0, -1]] / inner, 0.5, atol=0.12)
    ramp = np.unique(starts.state.quirks.ramp)
    assert ramp.tolist() == list(range(1, round(env.random.move_time_s[1] / env.config.sim_dt) + 1))


def test_mass_is_one_factor_for_all_times_one_for_each_link(env: Env, starts: Start) -> None:
    random, scale = env.random, starts.params.mass_scale
    low, high = (a * b for a, b in zip(random.mass_scale, random.link_mass_scale, strict=True))
    assert scale.min() >= low and scale.max() <= high
    assert scale.mean() == pytest.approx(1.0, abs=0.01)
    total = np.exp(np.log(scale).mean(1))
    assert np.corrcoef(scale[:, 0], scale[:, 1])[0, 1] == pytest.approx(
        share_of_total(random.mass_scale, random.link_mass_scale), abs=0.06
    )
    link = scale / total[:, None]
    correlation = np.corrcoef(link.T) - np.eye(scale.shape[1])
    assert np.abs(correlation + 1 / (scale.shape[1] - 1) * (1 - np.eye(scale.shape[1]))).max() < 0.12


def share_of_total(total: tuple[float, float], link: tuple[float, float]) -> float:
    """Correlation of two products T A and T B of independent uniform draws about 1."""
    t, a = ((high - low) ** 2 / 12 for low, high in (total, link))
    return t / (t + a + t * a)


def test_each_joint_has_its_own_draw(starts: Start) -> None:
    for values in (starts.params.motor_strength, starts.params.joint_damping, starts.state.quirks.joint_offset):
        correlation = np.corrcoef(values.T) - np.eye(values.shape[1])
        assert np.abs(correlation).max() < 0.12
    both = np.corrcoef(starts.params.friction, starts.params.motor_strength[:, 0])[0, 1]
    assert abs(both) < 0.08


def test_no_randomisation_draws_the_mjcf_itself(plain_env: Env) -> None:
    begun = jax.jit(plain_env.start)(jax.random.key(5))
    params, quirks = begun.params, begun.state.quirks
    for name in ("mass_scale", "motor_strength", "joint_damping", "joint_friction", "friction"):
        np.testing.assert_array_equal(getattr(params, name), 1.0, err_msg=name)
    np.testing.assert_allclose(params.floor_quat, [1, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(quirks.imu_mount, [1, 0, 0, 0], atol=1e-6)
    assert float(quirks.latency) == 0 and float(quirks.ramp) == 1
    for name in ("backlash", "joint_offset", "feedback_period", "feedback_delay", "imu_delay", "gyro_bias"):
        np.testing.assert_array_equal(getattr(quirks, name), 0.0, err_msg=name)


def test_all_roadmap_keys_are_there() -> None:
    roadmap = ["friction", "mass_scale", "link_mass_scale", "push_force", "motor_strength", "joint_damping"]
    assert list(DomainRandomization.model_fields)[:7] == [*roadmap, "control_latency"]


def nominal(env: Env, **changes: np.ndarray) -> PhysicsParams:
    """Two robots: the first as the MJCF says, the second with fields changed."""
    joints, bodies = len(env.robot.qpos), env.robot.model.nbody
    params = PhysicsParams(
        friction=np.ones(2),
        mass_scale=np.ones((2, bodies)),
        motor_strength=np.ones((2, joints)),
        joint_damping=np.ones((2, joints)),
        joint_friction=np.ones((2, joints)),
        floor_quat=np.tile([1.0, 0, 0, 0], (2, 1)),
    )
    for name, value in changes.items():
        getattr(params, name)[1] = value
    return params


def begun(env: Env, params: PhysicsParams | None) -> NativePhysics:
    physics, robot = NativePhysics(env.robot, 2, env.config.decimation, 1), env.robot
    physics.reset(np.arange(2), np.tile(robot.home_qpos, (2, 1)), np.zeros((2, robot.model.nv)), params)
    return physics


def hold(env: Env, physics: NativePhysics, steps: int, push: np.ndarray = NONE, move: float = 0.0) -> BodyState:
    targets = np.tile(env.robot.config.home + move, (2, env.config.decimation, 1))
    return [physics.step(targets, push) for _ in range(steps)][-1]


def test_a_heavier_robot_presses_the_floor_harder(env: Env) -> None:
    force = hold(env, begun(env, nominal(env, mass_scale=np.full(env.robot.model.nbody, 1.15))), 100).foot_force.sum(1)
    assert force[1] / force[0] == pytest.approx(1.15, rel=0.02)
    assert force[0] == pytest.approx(env.robot.config.total_mass_kg * 9.81, rel=0.02)


def test_one_heavier_link_counts_alone(env: Env) -> None:
    model = env.robot.model
    scale = np.ones(model.nbody)
    scale[model.body("chassis").id] = 2.0
    force = hold(env, begun(env, nominal(env, mass_scale=scale)), 100).foot_force.sum(1)
    more = float(model.body("chassis").mass[0]) * 9.81
    assert force[1] - force[0] == pytest.approx(more, rel=0.05)


def test_a_slippery_floor_slides_where_a_rough_one_holds(env: Env) -> None:
    physics = begun(env, nominal(env, friction=np.asarray(0.05)))
    hold(env, physics, 50)
    push = np.tile([0.0, 4.0, 0.0], (2, 1))
    before = hold(env, physics, 1, push).foot_pos.mean(1)
    slid = np.linalg.norm((hold(env, physics, 15, push).foot_pos.mean(1) - before)[:, :2], axis=1)
    assert slid[0] < 0.005
    assert slid[1] > 0.02


def test_stronger_motors_have_gain_and_limit_in_proportion(env: Env) -> None:
    """Half the strength: half the torque at a small error, and half at the limit of 4 Nm."""
    robot, params = env.robot, nominal(env, motor_strength=np.full(len(env.robot.qpos), 0.5))
    knee = robot.config.actuator_names.index("left_knee_pitch")
    targets = np.tile(robot.config.home, (2, env.config.decimation, 1))
    targets[:, :, knee] += 0.1
    physics = NativePhysics(robot, 2, 1, 1)
    physics.reset(np.arange(2), np.tile(robot.home_qpos, (2, 1)), np.zeros((2, robot.model.nv)), params)
    gain = robot.model.actuator_gainprm[robot.actuator[knee], 0]
    assert physics.step(targets[:, :1], NONE).joint_torque[:, knee] == pytest.approx(
        [0.1 * gain, 0.05 * gain], rel=1e-4
    )
    physics = begun(env, params)
    targets[:, :, knee] += 1.5
    torque = [physics.step(targets, NONE).joint_torque[:, knee] for _ in range(3)]
    assert np.max(torque, axis=0) == pytest.approx([4.0, 2.0], abs=0.01)


def test_more_damping_and_friction_slow_a_falling_joint(env: Env) -> None:
    joints = len(env.robot.qpos)
    for name in ("joint_damping", "joint_friction"):
        physics = begun(env, nominal(env, **{name: np.full(joints, 20.0)}))
        speed = np.abs(hold(env, physics, 2, move=-0.3).joint_vel).mean(1)
        assert speed[1] < 0.9 * speed[0], name


def test_a_tilted_floor_tilts_what_stands_on_it(env: Env) -> None:
    """A robot set down square on a floor that rises to the left stays square to it, and does not sink."""
    tilt = 0.05
    quat = np.array([np.cos(tilt / 2), np.sin(tilt / 2), 0.0, 0.0])
    params, robot = nominal(env, floor_quat=quat), env.robot
    physics = NativePhysics(robot, 2, env.config.decimation, 1)
    qpos = np.tile(robot.home_qpos, (2, 1))
    qpos[1, robot.base_qpos : robot.base_qpos + 3] = rotate(
        quat.astype(np.float32), np.array([0.0, 0.0, robot.config.base.standing_height_m], np.float32)
    )
    qpos[1, robot.base_qpos + 3 : robot.base_qpos + 7] = quat
    physics.reset(np.arange(2), qpos, np.zeros((2, robot.model.nv)), params)
    body = hold(env, physics, 40)
    across = body.foot_pos[:, 0] - body.foot_pos[:, 1]
    slope = np.arctan2(across[:, 2], np.linalg.norm(across[:, :2], axis=1))
    np.testing.assert_allclose(slope, [0.0, tilt], atol=0.004)
    assert np.asarray(body.foot_force > 2.0).all()


def test_starts_stand_on_their_own_floor(env: Env) -> None:
    """Whatever its slope, the soles of a robot that begins at home are at the floor: heights agree with level ones."""
    still = env.config.reset.model_copy(
        update={"joint_pos_rad": 0.0, "tilt_rad": 0.0, "joint_vel_rad_s": 0.0, "base_vel_m_s": 0.0}
    )
    quiet = Env(**{**env.__dict__, "config": env.config.model_copy(update={"reset": still})})
    begun = jax.jit(jax.vmap(quiet.start))(jax.random.split(jax.random.key(2), 4))
    physics = NativePhysics(env.robot, 4, env.config.decimation, 1)
    body = physics.reset(np.arange(4), *(jax.tree.map(np.asarray, x) for x in begun[1:]))
    feet = jax.vmap(lambda s, p: jax.vmap(lambda foot: env.height(s, foot))(p))(begun.state, jnp.asarray(body.foot_pos))
    np.testing.assert_allclose(feet, np.full((4, 2), float(feet[0, 0])), atol=1e-4)
    assert np.ptp(np.asarray(body.foot_pos)[..., 2]) > 1e-3


def test_params_of_ones_change_no_bit(env: Env) -> None:
    """A robot whose fields were varied, and then set to ones, is the MJCF's robot again."""
    commands = env.robot.config.home + np.random.default_rng(1).normal(0, 0.2, (15, 2, 4, len(env.robot.qpos)))
    physics = begun(env, nominal(env, mass_scale=np.full(env.robot.model.nbody, 1.2), friction=np.asarray(0.3)))
    hold(env, physics, 5)
    robot = env.robot
    physics.reset(np.arange(2), np.tile(robot.home_qpos, (2, 1)), np.zeros((2, robot.model.nv)), nominal(env))
    untouched = begun(env, None)
    for command in commands:
        varied, plain = physics.step(command, NONE), untouched.step(command, NONE)
    for name, left, right in zip(plain._fields, varied, plain, strict=True):
        np.testing.assert_array_equal(left, right, err_msg=name)
