"""MJX against the native batch: the same robots, the same commands, one compile of the dynamics for all tests here.

Tolerances: seven runs of 100 physics steps (one holding the pose, six pushed and varied with other commands) were
measured with equal solver iterations, float32 against float64. Their largest differences were 2.2e-6 m, 3.2e-6 rad,
4.8e-5 m/s, 1.4e-4 rad/s, 1.7e-4 Nm and 2.1e-2 N; five times that, rounded, is allowed. A parameter that is ignored
shows as hundreds of tolerances.
"""

import copy
from dataclasses import replace

import jax
import numpy as np
import pytest

from trainer.env import Env
from trainer.physics.body_state import BodyState, PhysicsParams
from trainer.physics.mjx import MjxPhysics
from trainer.physics.native import NativePhysics
from trainer.physics.robot_model import RobotModel

ROBOTS, DECIMATION, ITERATIONS = 4, 4, 20
TOLERANCE = BodyState(
    base_pos=1e-5, base_quat=2e-5, base_linvel=2.5e-4, base_angvel=7e-4, joint_pos=3e-5, joint_vel=7e-4,
    joint_torque=8e-4, imu_quat=2e-5, imu_gyro=7e-4, foot_force=0.1, foot_pos=1e-5,
)  # fmt: skip


@pytest.fixture(scope="module")
def robot(env: Env) -> RobotModel:
    """The env's robot with as many solver iterations as MJX is given here."""
    model = copy.copy(env.robot.model)
    model.opt.iterations = model.opt.ls_iterations = ITERATIONS
    return replace(env.robot, model=model)


@pytest.fixture(scope="module")
def mjx(robot: RobotModel) -> MjxPhysics:
    return MjxPhysics(robot, ROBOTS, DECIMATION, iterations=ITERATIONS, ls_iterations=ITERATIONS)


@pytest.fixture
def native(robot: RobotModel) -> NativePhysics:
    return NativePhysics(robot, ROBOTS, DECIMATION, 1)


def as_built(robot: RobotModel) -> PhysicsParams:
    """Four robots as the MJCF says, on level floors."""
    joints, level = np.ones((ROBOTS, len(robot.qpos))), np.tile([1.0, 0.0, 0.0, 0.0], (ROBOTS, 1))
    friction = np.full(ROBOTS, robot.model.geom_friction[robot.floor, 0])
    return PhysicsParams(friction, np.ones((ROBOTS, robot.model.nbody)), joints, joints, joints, level)


def varied(robot: RobotModel) -> PhysicsParams:
    """Four robots that differ in everything, on slippery floors that are tilted by up to 3 degrees."""
    draw = np.random.default_rng(7).uniform
    joints, half = len(robot.qpos), draw(-0.026, 0.026, ROBOTS)
    level = np.zeros(ROBOTS)
    return PhysicsParams(
        friction=draw(0.1, 0.4, ROBOTS),
        mass_scale=draw(0.8, 1.2, (ROBOTS, robot.model.nbody)),
        motor_strength=draw(0.8, 1.2, (ROBOTS, joints)),
        joint_damping=draw(0.5, 1.5, (ROBOTS, joints)),
        joint_friction=draw(0.5, 2.0, (ROBOTS, joints)),
        floor_quat=np.stack([np.cos(half), level, np.sin(half), level], 1),
    )


def start_states(robot: RobotModel) -> tuple[np.ndarray, np.ndarray]:
    """Robots above, on and slightly in the floor."""
    qpos = np.tile(robot.home_qpos, (ROBOTS, 1))
    qpos[:, robot.base_qpos + 2] += np.linspace(-0.003, 0.02, ROBOTS)
    return qpos, np.zeros((ROBOTS, robot.model.nv))


def commands(robot: RobotModel, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets (T, B, D, J) near home, other ones at each physics step, and pushes (T, B, 3) of some N."""
    rng = np.random.default_rng(3)
    home = robot.config.home
    return home + rng.normal(0, 0.1, (steps, ROBOTS, DECIMATION, len(home))), rng.normal(0, 3, (steps, ROBOTS, 3))


def differences(a: BodyState, b: BodyState) -> BodyState:
    """The largest difference of each field, in units of its tolerance."""
    return BodyState(
        *(float(np.abs(np.asarray(x) - np.asarray(y)).max() / t) for x, y, t in zip(a, b, TOLERANCE, strict=True))
    )


def run(physics: NativePhysics | MjxPhysics, params: PhysicsParams, steps: int = 25) -> list[BodyState]:
    """Bodies after the reset and after each control step with targets and pushes, as numpy."""
    robot = physics.robot
    bodies = [physics.reset(np.arange(ROBOTS), *start_states(robot), params)]
    bodies += [physics.step(targets, push) for targets, push in zip(*commands(robot, steps), strict=True)]
    return [jax.tree.map(np.asarray, body) for body in bodies]


@pytest.fixture(scope="module")
def varied_run(mjx: MjxPhysics, robot: RobotModel) -> list[BodyState]:
    return run(mjx, varied(robot))


def test_a_hundred_physics_steps_without_control_are_native(
    mjx: MjxPhysics, native: NativePhysics, robot: RobotModel
) -> None:
    hold, still = np.tile(robot.config.home, (ROBOTS, DECIMATION, 1)), np.zeros((ROBOTS, 3))
    bodies = []
    for physics in (native, mjx):
        physics.reset(np.arange(ROBOTS), *start_states(robot), as_built(robot))
        bodies.append([physics.step(hold, still) for _ in range(100 // DECIMATION)])
    assert bodies[0][-1].foot_force.min() > 1
    worst = [max(differences(a, b)) for a, b in zip(*bodies, strict=True)]
    assert max(worst) < 1, worst


def test_pushed_and_varied_robots_are_native(varied_run: list[BodyState], native: NativePhysics) -> None:
    expected = run(native, varied(native.robot))
    assert expected[0].foot_force.max() > 10
    worst = [differences(a, b) for a, b in zip(expected, varied_run, strict=True)]
    assert max(map(max, worst)) < 1, worst


@pytest.mark.parametrize("name", PhysicsParams._fields)
def test_no_parameter_is_ignored(varied_run: list[BodyState], native: NativePhysics, name: str) -> None:
    """Native robots of which one parameter was not varied are far outside the tolerance."""
    robot = native.robot
    partly = varied(robot)._replace(**{name: getattr(as_built(robot), name)})
    worst = max(map(max, map(differences, run(native, partly), varied_run)))
    assert worst > 100, f"without {name} the runs differ by only {worst:.2g} tolerances"


def test_fields_that_follow_from_masses_are_mujocos(mjx: MjxPhysics, native: NativePhysics) -> None:
    params, ids = varied(mjx.robot), np.arange(ROBOTS)
    for physics in (native, mjx):
        physics.reset(ids, *start_states(mjx.robot), params)
    for name in ("body_invweight0", "dof_invweight0"):
        expected = np.stack([getattr(native._batch.get_model(i), name) for i in ids])
        nominal = getattr(mjx.robot.model, name)
        assert np.abs(expected / np.where(nominal, nominal, 1) - (nominal != 0)).max() > 0.05
        np.testing.assert_allclose(mjx._fields[name], expected, rtol=1e-4, err_msg=name)


def test_reset_touches_only_its_robots_and_forgets_push_and_forces(mjx: MjxPhysics, robot: RobotModel) -> None:
    qpos, qvel = start_states(robot)
    mjx.reset(np.arange(ROBOTS), qpos, qvel, as_built(robot))
    for targets, push in zip(*commands(robot, 10), strict=True):
        before = mjx.step(targets, push)
    others, chosen = [0, 2], np.array([3, 1])
    params = PhysicsParams(*(field[chosen] for field in varied(robot)))
    fields = {name: np.asarray(field) for name, field in mjx._fields.items()}
    after = mjx.reset(chosen, qpos[[2, 3]], qvel[:2], params)
    for name, old, new in zip(before._fields, before, after, strict=True):
        if name in {"imu_quat", "imu_gyro", "foot_pos"}:
            np.testing.assert_allclose(new[others, ...], old[others, ...], atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(new[others, ...], old[others, ...], err_msg=name)
    np.testing.assert_allclose(after.base_pos[chosen, 2], qpos[[2, 3], 2], atol=1e-6)
    assert not np.asarray(after.foot_force[chosen]).any()
    np.testing.assert_allclose(mjx._fields["geom_quat"][chosen, robot.floor], params.floor_quat, atol=1e-6)
    np.testing.assert_array_equal(mjx._fields["body_mass"][others, :], fields["body_mass"][others, :])
    hold = np.tile(robot.config.home, (ROBOTS, DECIMATION, 1))
    settled = [mjx.step(hold, np.zeros((ROBOTS, 3))) for _ in range(50)][-1]
    masses = np.asarray(mjx._fields["body_mass"]).sum(1)
    np.testing.assert_allclose(np.asarray(settled.foot_force).sum(1), masses * 9.81, rtol=0.05)


def test_no_number_of_ids_compiles_anew_and_states_stay_on_the_device(mjx: MjxPhysics, robot: RobotModel) -> None:
    qpos, qvel = start_states(robot)
    targets, push = (x[0] for x in commands(robot, 1))
    mjx.reset(np.arange(ROBOTS), qpos, qvel, varied(robot))
    mjx.step(targets, push)
    compiled: list[str] = []

    def listen(event: str, duration: float, **kwargs: object) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for count in range(1, ROBOTS + 1):
            params = PhysicsParams(*(field[:count] for field in varied(robot)))
            mjx.reset(np.arange(count), qpos[:count], qvel[:count], params)
            body = mjx.step(targets, push)
        assert compiled == []
        jax.jit(lambda x: x * 3 + 1)(np.arange(5.0))
        assert compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert mjx._advance._cache_size() == 1, "since the first reset"
    assert all(isinstance(field, jax.Array) for field in body)


def test_the_robots_own_model_keeps_its_solver(mjx: MjxPhysics, env: Env) -> None:
    small = MjxPhysics(env.robot, 1, DECIMATION, iterations=1, ls_iterations=2)
    assert small.robot.model.opt.iterations == env.robot.model.opt.iterations != 1
