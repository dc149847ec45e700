"""How episodes begin and what they ask for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import rotate, target_to_action
from trainer.config import CommandConfig, ResetConfig, TrainConfig
from trainer.env import Env, Start
from trainer.episode import Push, StartPose, advance_push, draw_command, draw_start, multiply
from trainer.motion.reference import ReferenceMotion, nearest_clip, sample
from trainer.physics.native import NativePhysics
from trainer.randomization import DomainRandomization
from trainer.task import make_env

COMMANDS = CommandConfig(
    vx_m_s=(-0.2, 0.5), vy_m_s=(-0.1, 0.1), yaw_rad_s=(-0.4, 0.4), stand_share=0.2, straight_share=0.3
)


def binomial(count: int, of: int, share: float) -> bool:
    """`count` is within four standard deviations of `share`."""
    return abs(count - of * share) <= 4 * np.sqrt(of * share * (1 - share))


def test_commands_stand_go_straight_or_anywhere_in_their_shares() -> None:
    n = 8000
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: draw_command(COMMANDS, k)))(jax.random.split(jax.random.key(0), n)))
    stands = (drawn == 0).all(1)
    straight = ~stands & (drawn[:, 1:] == 0).all(1)
    free = ~stands & ~straight
    assert binomial(stands.sum(), n, 0.2) and binomial(straight.sum(), n, 0.3)
    assert (drawn[free] != 0).all()
    for column, (low, high) in enumerate((COMMANDS.vx_m_s, COMMANDS.vy_m_s, COMMANDS.yaw_rad_s)):
        values = drawn[free][:, column]
        assert low <= values.min() < low + 0.01 and high - 0.01 < values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
        assert values.std() == pytest.approx((high - low) / np.sqrt(12), rel=0.05)
    assert drawn[straight][:, 0].mean() == pytest.approx(0.15, abs=0.03)


def test_the_walking_configs_own_shares(walking: Env, walking_starts: Start) -> None:
    command, drawn = walking.config.command, walking_starts.state.command
    stands = (drawn == 0).all(1)
    assert binomial(stands.sum(), len(drawn), command.stand_share)
    assert binomial((~stands & (drawn[:, 1:] == 0).all(1)).sum(), len(drawn), command.straight_share)


def test_commands_change_after_a_pause_of_the_stated_length(walking: Env) -> None:
    act = jax.jit(walking.act)
    state, seen = jax.jit(walking.start)(jax.random.key(4)).state, []
    low, high = (round(s / walking.config.ctrl_dt) for s in walking.config.command.resample_every_s)
    assert low <= int(state.next_command) <= high
    for k in jax.random.split(jax.random.key(1), 1200):
        state, _, _ = act(state, jnp.zeros(walking.spec.num_joints), k)
        seen.append(np.asarray(state.command))
        state = state._replace(step=state.step + 1)
    changes = np.flatnonzero(np.abs(np.diff(seen, axis=0)).max(1) > 0) + 1
    assert len(changes) >= 2
    pauses = np.diff(changes)
    assert (pauses >= low).all() and (pauses <= 2 * high).all()


def test_the_start_is_within_the_stated_noise(env: Env, starts: Start) -> None:
    robot, reset = env.robot, env.config.reset
    moved = np.abs(starts.qpos[:, robot.qpos] - robot.config.home)
    assert 0.9 * reset.joint_pos_rad < moved.max() <= reset.joint_pos_rad + 1e-6
    level = np.asarray(jax.vmap(multiply)(starts.params.floor_quat * np.array([1.0, -1, -1, -1]), starts.qpos[:, 3:7]))
    tilt = 2 * np.arccos(np.clip(level[:, 0], -1, 1))
    assert 0.9 * reset.tilt_rad < tilt.max() <= reset.tilt_rad + 1e-3
    speed = np.abs(starts.qvel[:, robot.qvel])
    assert 0.9 * reset.joint_vel_rad_s < speed.max() <= reset.joint_vel_rad_s + 1e-6
    base = np.linalg.norm(starts.qvel[:, :3], axis=1)
    assert 0.9 * reset.base_vel_m_s < base.max() <= np.sqrt(2) * reset.base_vel_m_s + 1e-6
    assert (starts.qpos[:, robot.qpos] >= env.spec.robot.range_min - 1e-6).all()


def test_the_policy_begins_with_the_action_of_its_pose(env: Env, starts: Start) -> None:
    joints = starts.qpos[:, env.robot.qpos]
    action = np.asarray(jax.vmap(lambda q: target_to_action(env.spec, q))(joints))
    for found in (starts.state.policy.applied_action, starts.state.policy.filtered_action, starts.state.last_action):
        np.testing.assert_allclose(found, action, atol=1e-6)
    np.testing.assert_array_equal(starts.state.servos.set_point, starts.state.servos.targets[:, 0])
    np.testing.assert_array_equal(starts.state.joints[:, 0], joints)
    back = starts.state.joints[:, 1] - joints + env.config.ctrl_dt * starts.qvel[:, env.robot.qvel]
    np.testing.assert_allclose(back, 0.0, atol=1e-6)


QUIET = ResetConfig(joint_pos_rad=0.01, tilt_rad=0.0, reference_share=1.0, reference_base_vel=(0.5, 1.2))


@pytest.fixture(scope="module")
def in_motion(walking: Env, motion: ReferenceMotion) -> tuple[np.ndarray, StartPose]:
    """Commands and the poses that 500 episodes begin in, all of them in the middle of the reference."""
    commands = jax.random.uniform(jax.random.key(2), (500, 3), minval=-0.1, maxval=0.5) * jnp.array([1.0, 0.0, 0.0])
    keys = jax.random.split(jax.random.key(3), 500)
    draw = jax.jit(jax.vmap(lambda c, k: draw_start(QUIET, walking.robot, walking.spec, motion, c, k)))
    return np.asarray(commands), jax.tree.map(np.asarray, draw(commands, keys))


def test_a_start_in_motion_lies_on_the_reference(
    walking: Env, motion: ReferenceMotion, in_motion: tuple[np.ndarray, StartPose]
) -> None:
    """Joints within the noise at the drawn phase, base at its height, speeds in the stated share."""
    commands, poses = in_motion
    robot = walking.robot
    frame = jax.jit(jax.vmap(lambda c, p: sample(motion, nearest_clip(motion, c), p)))(commands, poses.phase_rad)
    off = poses.qpos[:, robot.qpos] - np.asarray(frame.joint_pos)
    clipped = (poses.qpos[:, robot.qpos] <= walking.spec.robot.range_min + 1e-6).any(1)
    assert np.abs(off[~clipped]).max() <= QUIET.joint_pos_rad + 1e-5
    assert np.abs(off).max() > 0.9 * QUIET.joint_pos_rad
    np.testing.assert_allclose(poses.qpos[:, :3], frame.base_pos, atol=1e-6)
    np.testing.assert_allclose(poses.qpos[:, 3:7], frame.base_quat, atol=1e-6)
    np.testing.assert_allclose(poses.qvel[:, robot.qvel], QUIET.reference_speed * frame.joint_vel, atol=1e-5)
    forward = np.asarray(frame.base_linvel)[:, 0]
    fast = np.abs(forward) > 0.1
    share = poses.qvel[fast, 0] / forward[fast]
    assert 0.5 - 1e-4 <= share.min() < 0.55 and 1.15 < share.max() <= 1.2 + 1e-4
    assert poses.phase_rad.min() < 0.1 and poses.phase_rad.max() > 6.1
    assert np.std(poses.qpos[:, robot.qpos[2]]) > 0.1


def test_feet_of_a_start_in_motion_are_at_the_floor(walking: Env, in_motion: tuple[np.ndarray, StartPose]) -> None:
    """The foot that stands neither hangs in the air nor is driven into the floor by more than the noise explains."""
    _, poses = in_motion
    robot, n = walking.robot, 100
    physics = NativePhysics(robot, n, 4, 1)
    body = physics.reset(np.arange(n), poses.qpos[:n], poses.qvel[:n])
    home = NativePhysics(robot, 1, 4, 1).reset(np.arange(1), robot.home_qpos[None], np.zeros((1, robot.model.nv)))
    lowest = body.foot_pos[..., 2].min(1) - home.foot_pos[0, 0, 2]
    assert np.abs(lowest).max() < 0.012
    assert (body.foot_pos[..., 2].max(1) - home.foot_pos[0, 0, 2]).max() > 0.025


def test_the_gait_clock_begins_at_the_references_phase(walking: Env, walking_starts: Start, motion: object) -> None:
    """By the poses that the walking task really begins in: those in motion fit their clock, and no other phase."""
    robot, state = walking.robot, walking_starts.state
    joints = walking_starts.qpos[:, robot.qpos]
    look = jax.jit(jax.vmap(lambda c, p: sample(motion, nearest_clip(motion, c), p).joint_pos))  # type: ignore[arg-type]
    noise = walking.config.reset.joint_pos_rad + 1e-4
    moves = np.abs(state.command[:, 0]) > 0.25
    fits = lambda shift: (np.abs(joints - look(state.command, state.policy.phase_rad + shift)) <= noise).all(1)  # noqa: E731
    share = walking.config.reset.reference_share
    assert binomial(fits(0.0)[moves].sum(), moves.sum(), share)
    assert fits(np.pi / 2)[moves].mean() < 0.05 and fits(np.pi)[moves].mean() < 0.05


def test_without_a_reference_all_begin_at_home(walking: Env, motion: ReferenceMotion) -> None:
    reset, key, command = ResetConfig(joint_pos_rad=0.0, tilt_rad=0.0), jax.random.key(0), jnp.array([0.4, 0.0, 0.0])
    for given in (None, motion):
        pose = draw_start(reset, walking.robot, walking.spec, given, command, key)
        np.testing.assert_allclose(pose.qpos, walking.robot.home_qpos, atol=1e-6)
        np.testing.assert_array_equal(pose.qvel, 0.0)


def test_pushes_have_size_duration_and_pauses(config: TrainConfig, key: jax.Array) -> None:
    random = DomainRandomization(push_force=(5.0, 5.0), push_duration_s=0.2, push_every_s=(1.0, 1.0))
    forces = pushes(make_env(config, random, num_envs=1), key, 300)
    size = np.linalg.norm(forces, axis=1)
    assert set(np.round(size, 4)) == {0.0, 5.0}
    assert np.abs(forces[:, 2]).max() == 0
    starts = np.flatnonzero((size[1:] > 0) & (size[:-1] == 0)) + 1
    assert len(starts) >= 4 and starts[0] == 50
    assert np.diff(starts).tolist() == [50] * (len(starts) - 1)
    assert (size[starts[0] : starts[0] + 11] > 0).tolist() == [True] * 10 + [False]
    assert len({tuple(np.round(forces[i], 3)) for i in starts}) == len(starts)
    for start in starts:
        held = forces[start : start + 10]
        np.testing.assert_array_equal(held, np.tile(held[0], (len(held), 1)))


def test_pushes_differ_in_size_direction_and_pause(config: TrainConfig, key: jax.Array) -> None:
    random = DomainRandomization(push_force=(2.0, 12.0), push_duration_s=0.1, push_every_s=(0.3, 0.9))
    forces = pushes(make_env(config, random, num_envs=1), key, 3000)
    size = np.linalg.norm(forces, axis=1)
    starts = np.flatnonzero((size[1:] > 0) & (size[:-1] == 0)) + 1
    pauses = np.diff(starts)
    assert pauses.min() >= 15 and pauses.max() <= 45 and len(np.unique(pauses)) > 15
    drawn = size[starts]
    assert drawn.min() >= 2.0 and drawn.max() <= 12.0 and drawn.mean() == pytest.approx(7.0, abs=1.2)
    angles = np.arctan2(forces[starts, 1], forces[starts, 0])
    assert all(((angles // (np.pi / 2)) == quadrant).sum() > 8 for quadrant in (-2, -1, 0, 1))


def pushes(env: Env, key: jax.Array, steps: int) -> np.ndarray:
    """(steps, 3) N, as one robot of the env is pushed."""
    state = jax.jit(env.start)(key).state

    def step(state: object, k: jax.Array) -> tuple[object, jax.Array]:
        state, _, force = env.act(state, jnp.zeros(env.spec.num_joints), k)  # type: ignore[arg-type]
        return state._replace(step=state.step + 1), force

    return np.asarray(jax.jit(lambda s, k: jax.lax.scan(step, s, k)[1])(state, jax.random.split(key, steps)))


def test_a_quaternion_product_turns_by_one_after_the_other() -> None:
    rng = np.random.default_rng(0)
    a, b = (q / np.linalg.norm(q) for q in rng.normal(size=(2, 4)).astype(np.float32))
    v = rng.normal(size=3).astype(np.float32)
    product = multiply(jnp.asarray(a), jnp.asarray(b))
    np.testing.assert_allclose(rotate(product, jnp.asarray(v)), rotate(a, rotate(b, v)), atol=1e-5)


@pytest.mark.parametrize(("share", "aside"), [(0.0, 1 / 3), (0.4, 0.6), (1.0, 1.0)])
def test_a_share_of_the_pushes_comes_from_the_side(share: float, aside: float) -> None:
    """60 of 180 degrees lie within 30 degrees of a side, whatever the robot's heading is."""
    law, heading = DomainRandomization(push_force=(5.0, 10.0), push_sideways_share=share), 0.7
    none = Push(jnp.zeros(3), jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))
    draw = jax.vmap(lambda key: advance_push(law, 0.02, none, jnp.zeros((), jnp.int32), jnp.asarray(heading), key))
    force = np.asarray(draw(jax.random.split(jax.random.key(3), 4000)).force)
    assert np.all((np.hypot(*force[:, :2].T) >= 5.0 - 1e-4) & (np.hypot(*force[:, :2].T) <= 10.0 + 1e-4))
    angle = np.arctan2(force[:, 1], force[:, 0]) - heading
    assert np.mean(np.abs(np.sin(angle)) >= np.cos(np.radians(30)) - 1e-6) == pytest.approx(aside, abs=0.03)
    assert np.mean(np.sin(angle) > 0) == pytest.approx(0.5, abs=0.03)
