"""The walking weights must not pay for anything better than for what the command asks."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import gaits
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trainer.env import Env, EnvState, Start
from trainer.motion.reference import ReferenceMotion
from trainer.physics.body_state import BodyState
from trainer.physics.native import NativePhysics
from trainer.rewards import BONUSES, PENALTIES, REWARDS, RewardInputs

SPEED = 0.4
CLEARLY = 0.1
"""Of the sum of terms of one step, in the weights' own units."""
Score = dict[str, float]


@pytest.fixture(scope="module")
def state(walking: Env) -> EnvState:
    return jax.jit(walking.start)(jax.random.key(0)).state._replace(floor_quat=jnp.array([1.0, 0, 0, 0]))


class Auditor:
    """Mean reward terms of a way to move, as the env itself judges it."""

    def __init__(self, env: Env, state: EnvState) -> None:
        self.env, self.state, self.mover = env, state, gaits.Mover(env)
        self._judge = jax.jit(env.judge)

    def score(self, way: gaits.Way, command: float, torque_nm: float = gaits.STANDING_TORQUE_NM) -> Score:
        """Terms by name, weighted, mean over four gait cycles; "total" is their sum. Falling is an error."""
        period = float(self.env.spec.runtime.gait_period_s or 0.0)
        bodies = self.mover.bodies(way, 4 * period, torque_nm)
        rows = [jax.tree.map(lambda x, n=n: x[n], bodies) for n in range(len(bodies.base_pos))]
        action = (rows[0].joint_pos - self.env.spec.middle_rad) / self.env.spec.scale_rad
        state = self.state._replace(
            step=jnp.asarray(0), heading_error=jnp.zeros(()), command=jnp.array([command, 0.0, 0.0]), last_action=action
        )
        sums: Score = dict.fromkeys(self.env.weights, 0.0)
        for n, (before, body) in enumerate(itertools.pairwise(rows), 1):
            phase = jnp.asarray(2 * np.pi * n * self.env.config.ctrl_dt / period, jnp.float32)
            state = state._replace(policy=state.policy._replace(phase_rad=jnp.remainder(phase, 2 * np.pi)))
            action = (body.joint_pos - self.env.spec.middle_rad) / self.env.spec.scale_rad
            state, outcome = self._judge(state, before, body, action)
            assert not bool(outcome.terminated), "this way of moving counts as a fall"
            for name, value in outcome.terms.items():
                sums[name] += float(value) / (len(rows) - 1)
        return {**sums, "total": sum(sums.values())}


@pytest.fixture(scope="module")
def auditor(walking: Env, state: EnvState) -> Auditor:
    return Auditor(walking, state)


def table(scores: dict[str, Score]) -> str:
    """All ways and all terms, for the message of a test that fails."""
    names = list(next(iter(scores.values())))
    lines = [f"{'':22s}" + "".join(f"{way[:11]:>12s}" for way in scores)]
    lines += [f"{name:22s}" + "".join(f"{score[name]:12.3f}" for score in scores.values()) for name in names]
    return "\n" + "\n".join(lines)


def scores_at(auditor: Auditor, walk: gaits.Way, speed: float) -> dict[str, Score]:
    """What each way earns where `speed` m/s forward is asked; the walk comes first and pays the dearest torques."""
    env = auditor.env
    ways = {
        "standing": gaits.standing(env),
        "hopping": gaits.hopping(env, speed),
        "skating": gaits.skating(env, speed),
        "leaning": gaits.leaning(walk, 0.5),
        "crawling": gaits.crawling(env, walk, 0.08, 0.5),
        "a quarter as fast": gaits.walking(env, speed / 4),
        "crossing": gaits.crossing(env, walk, 0.17),
    }
    scores = {"walking": auditor.score(walk, speed, gaits.WALKING_TORQUE_NM)}
    return scores | {name: auditor.score(way, speed) for name, way in ways.items()}


TIES = ("hopping", "skating")
FINDING = pytest.mark.xfail(
    strict=True,
    reason="hopping and skating without effort, sway or a fall would pay as much as a walk; a foot_slip of -1.0 mends "
    "that, but the policy trained with it survived 63 % of pushes instead of 96 %",
)
FAULTS = ("standing", "hopping", "skating", "leaning", "crawling", "a quarter as fast", "crossing")


@pytest.fixture(scope="module")
def at_speed(walking: Env, auditor: Auditor) -> dict[str, Score]:
    return scores_at(auditor, gaits.walking(walking, SPEED), SPEED)


@pytest.fixture(scope="module")
def at_reference_speed(motion: ReferenceMotion, auditor: Auditor) -> dict[str, Score]:
    """The walk is the fastest clip of the shipped reference, straight ahead, at most at SPEED."""
    straight = motion.command[(np.abs(motion.command[:, 1:]) < 1e-6).all(1), 0]
    fastest = float(straight[straight <= SPEED + 1e-3].max())
    walk, speed = gaits.reference_walk(auditor.env, motion, fastest)
    assert speed > 0.15
    return scores_at(auditor, walk, speed)


def test_the_planned_walk_is_a_walk(walking: Env, auditor: Auditor) -> None:
    """Feet that stand do not move, feet that swing rise, and the base goes at the commanded speed."""
    seconds = 2 * float(walking.spec.runtime.gait_period_s or 0.0)
    bodies = auditor.mover.bodies(gaits.walking(walking, SPEED), seconds)
    stands = np.asarray(bodies.foot_force > 0).reshape(len(bodies.foot_force), 2, 2).any(2)
    moved = np.linalg.norm(np.diff(bodies.foot_pos[..., :2], axis=0), axis=-1)
    assert moved[stands[1:] & stands[:-1]].max() < 1e-3
    assert np.ptp(bodies.foot_pos[..., 2], axis=0) == pytest.approx([0.04, 0.04], abs=0.003)
    assert bodies.foot_pos[..., 2][stands] == pytest.approx(float(bodies.foot_pos[..., 2].min()), abs=1e-3)
    assert bodies.base_pos[-1, 0] - bodies.base_pos[0, 0] == pytest.approx(seconds * SPEED, abs=1e-3)
    assert (bodies.joint_pos >= walking.spec.robot.range_min).all()
    assert (bodies.joint_pos <= walking.spec.robot.range_max).all()


@pytest.mark.parametrize("fault", [pytest.param(f, marks=FINDING if f in TIES else ()) for f in FAULTS])
def test_walking_as_asked_earns_clearly_more(at_speed: dict[str, Score], fault: str) -> None:
    assert at_speed["walking"]["total"] > at_speed[fault]["total"] + CLEARLY, table(at_speed)


@pytest.mark.parametrize("fault", FAULTS)
def test_walking_as_the_reference_earns_more(at_reference_speed: dict[str, Score], fault: str) -> None:
    assert at_reference_speed["walking"]["total"] > at_reference_speed[fault]["total"], table(at_reference_speed)


def test_standing_earns_clearly_more_where_standing_is_asked(walking: Env, auditor: Auditor) -> None:
    ways = {
        "stepping": gaits.walking(walking, 0.0),
        "hopping": gaits.hopping(walking, 0.0),
        "walking at .1": gaits.walking(walking, 0.1),
        "skating at .1": gaits.skating(walking, 0.1),
        "leaning": gaits.leaning(gaits.standing(walking), 0.3),
        "crouching": gaits.crawling(walking, gaits.standing(walking), 0.04, 0.6),
    }
    scores = {name: auditor.score(way, 0.0) for name, way in ways.items()}
    standing = auditor.score(gaits.standing(walking), 0.0)
    for name, score in scores.items():
        assert standing["total"] > score["total"] + CLEARLY, name + table({"standing": standing, **scores})


def test_falling_is_never_worth_it(at_speed: dict[str, Score]) -> None:
    """Each step that does not fall earns something, whatever it looks like: an early end is never a gain."""
    for name, score in at_speed.items():
        assert score["total"] > 0, name + table(at_speed)


def bodies_at_reset(env: Env, starts: Start, count: int = 64) -> BodyState:
    physics = NativePhysics(env.robot, count, env.config.decimation, 1)
    qpos, qvel, params = jax.tree.map(lambda x: x[:count], starts[1:])
    return jax.tree.map(jnp.asarray, physics.reset(np.arange(count), qpos, qvel, params))


def inputs(env: Env, state: EnvState, body: BodyState, action: jax.Array) -> RewardInputs:
    """What `judge` gives to the terms in the first step of an episode, feet at rest."""
    return RewardInputs(
        body=body,
        action=action,
        last_action=state.last_action,
        command=state.command,
        height=env.height(state, body.base_pos),
        standing_height=jnp.asarray(env.robot.config.base.standing_height_m),
        heading_error=state.heading_error,
        mean_velocity=state.mean_velocity + 0.05,
        swing=env.swing(state),
        foot_velocity=0.1 * jnp.ones((2, 3)),
        foot_height=jax.vmap(lambda foot: env.height(state, foot))(body.foot_pos),
    )


@pytest.fixture(scope="module")
def resets(walking: Env, walking_starts: Start) -> tuple[EnvState, BodyState, jax.Array]:
    """64 robots in the state that an episode begins in, after a first random action."""
    states = jax.tree.map(lambda x: jnp.asarray(x[:64]), walking_starts.state)
    action = states.last_action + 0.3 * jax.random.normal(jax.random.key(6), states.last_action.shape)
    return states, bodies_at_reset(walking, walking_starts), action


@pytest.mark.parametrize("name", REWARDS)
def test_every_term_and_its_slope_are_finite_at_reset(
    walking: Env, resets: tuple[EnvState, BodyState, jax.Array], name: str
) -> None:
    states, bodies, actions = resets

    def value(body: BodyState, action: jax.Array, state: EnvState) -> jax.Array:
        return jnp.asarray(REWARDS[name](walking.spec, inputs(walking, state, body, action)), jnp.float32)

    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(value, (0, 1))))(bodies, actions, states)
    assert np.isfinite(values).all() and np.min(values) >= 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    if name in BONUSES:
        assert np.max(values) <= 1 + 1e-6


SLOPES: dict[str, Callable[[BodyState], jax.Array]] = {
    "tracking_lin_vel": lambda slope: slope.base_linvel[..., :2],
    "tracking_lateral_vel": lambda slope: slope.base_linvel[..., :2],
    "tracking_ang_vel": lambda slope: slope.base_angvel,
    "base_height": lambda slope: slope.base_pos,
    "upright": lambda slope: slope.imu_quat,
    "pose": lambda slope: slope.joint_pos,
    "still_pose": lambda slope: slope.joint_pos,
}


@pytest.mark.parametrize("name", SLOPES)
def test_kernels_have_a_slope_at_reset(walking: Env, resets: tuple[EnvState, BodyState, jax.Array], name: str) -> None:
    """A kernel too sharp for the states an episode begins in would teach nothing there.

    Where a robot does not have nearly all of the term it must feel a slope; at the very top there is none to feel.
    """
    states, bodies, actions = resets
    counts = np.asarray((states.command == 0).all(1) if name == "still_pose" else np.ones(64, bool))
    value = jax.vmap(jax.value_and_grad(lambda b, a, s: REWARDS[name](walking.spec, inputs(walking, s, b, a))))
    values, slope = value(bodies, actions, states)
    size = np.linalg.norm(SLOPES[name](slope), axis=-1)
    lacks = counts & (np.asarray(values) < 0.995)
    assert lacks.sum() > 3
    assert size[lacks].min() > 1e-2, f"{name}: value {values[lacks][size[lacks].argmin()]}, slope {size[lacks].min()}"


def test_heading_has_a_slope_once_the_robot_has_turned(
    walking: Env, resets: tuple[EnvState, BodyState, jax.Array]
) -> None:
    states, bodies, actions = (jax.tree.map(lambda x: x[0], part) for part in resets)
    slope = jax.grad(
        lambda e: REWARDS["heading"](walking.spec, inputs(walking, states._replace(heading_error=e), bodies, actions))
    )
    for error in (0.02, 0.1, 0.5, -0.5):
        assert abs(float(slope(error))) > 1e-2 and np.sign(float(slope(error))) == -np.sign(error)


def test_penalties_never_pay_and_bonuses_never_cost(walking: Env, state: EnvState) -> None:
    """In wild states too: random attitudes, speeds, torques, forces and actions."""
    judge = jax.jit(jax.vmap(replace(walking, weights=signed_weights(walking)).judge, in_axes=(None, 0, 0, 0)))
    bodies = [wild_bodies(walking, seed, 500) for seed in (0, 1)]
    actions = 3 * jax.random.normal(jax.random.key(0), (500, walking.spec.num_joints))
    commands = ((0.4, 0.1, -0.3), (0.0, 0.0, 0.0))
    paid = [judge(state._replace(command=jnp.array(c)), *bodies, actions)[1].terms for c in commands]
    for name in REWARDS:
        values = np.concatenate([terms[name] for terms in paid])
        assert np.isfinite(values).all(), name
        assert (values >= 0).all() if name in BONUSES else (values <= 0).all(), name
        assert name == "alive" or np.ptp(values) > 0, f"{name} never changes"
    for name, weight in walking.weights.items():
        assert (name in BONUSES and weight > 0) or (name in PENALTIES and weight < 0), name


def signed_weights(env: Env) -> dict[str, float]:
    """The walking weights, and +1 or -1 for terms that they leave out."""
    return {name: env.weights.get(name, 1.0 if name in BONUSES else -1.0) for name in REWARDS}


def wild_bodies(env: Env, seed: int, count: int) -> BodyState:
    rng = np.random.default_rng(seed)
    r = lambda *shape: jnp.asarray(rng.normal(size=(count, *shape)), jnp.float32)  # noqa: E731
    unit = lambda q: q / jnp.linalg.norm(q, axis=1, keepdims=True)  # noqa: E731
    joints = env.spec.num_joints
    return BodyState(
        base_pos=0.1 * r(3) + jnp.array([0, 0, 0.4]), base_quat=unit(r(4)), base_linvel=0.5 * r(3), base_angvel=r(3),
        joint_pos=r(joints), joint_vel=5 * r(joints), joint_torque=2 * r(joints), imu_quat=unit(r(4)), imu_gyro=r(3),
        foot_force=jnp.abs(5 * r(4)), foot_pos=0.1 * r(2, 3),
    )  # fmt: skip
