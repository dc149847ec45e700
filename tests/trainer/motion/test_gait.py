"""Generated gaits: feet where they were planned, mirror images, balance, and honest refusals."""

import math

import mujoco
import numpy as np
import pytest

from contract import ConfigError
from trainer.motion.dynamics import free_model, inverse, make_clip, periodic_rate, zero_moment_point
from trainer.motion.gait import GaitParams, generate, plan
from trainer.motion.leg import SIDES, foot_pose, make_leg, solve_leg
from trainer.motion.reference import ReferenceMotion
from trainer.physics.robot_model import RobotModel


def soles(robot: RobotModel, motion: ReferenceMotion, index: int) -> np.ndarray:
    """(N, 2, 2, 3): of each foot the origin and the direction that its sole has as up, by MuJoCo."""
    data, found = mujoco.MjData(robot.model), []
    for joints, base in zip(motion.joint_pos[index], motion.base_pos[index], strict=True):
        data.qpos[:] = robot.home_qpos
        data.qpos[robot.base_qpos : robot.base_qpos + 3] = base
        data.qpos[robot.qpos] = joints
        mujoco.mj_kinematics(robot.model, data)
        found.append([[data.body(f"{s}_foot").xpos.copy(), data.body(f"{s}_foot").xmat[[2, 5, 8]]] for s in SIDES])
    return np.array(found)


def test_inverse_kinematics_agree_with_mujoco(robot: RobotModel) -> None:
    data = mujoco.MjData(robot.model)
    for side in SIDES:
        leg = make_leg(robot, side)
        data.qpos[:] = robot.home_qpos
        data.qpos[robot.qpos[leg.columns]] = [0.5, 0.12, 0.9, 0.3, -0.1]
        mujoco.mj_kinematics(robot.model, data)
        place, rotation = foot_pose(leg, np.array([[0.5, 0.12, 0.9, 0.3, -0.1]]))
        base = data.xpos[robot.base_body]
        np.testing.assert_allclose(place[0], data.body(f"{side}_foot").xpos - base, atol=1e-9)
        np.testing.assert_allclose(rotation[0].ravel(), data.body(f"{side}_foot").xmat, atol=1e-9)
        angles, error = solve_leg(leg, place)
        assert error.max() < 1e-6
        again, level = foot_pose(leg, angles)
        np.testing.assert_allclose(again, place, atol=1e-6)
        np.testing.assert_allclose(level[0][:, 2], [0, 0, 1], atol=1e-6)


def test_a_leg_that_is_too_short_says_so(robot: RobotModel) -> None:
    assert solve_leg(make_leg(robot, "left"), np.array([[0.0, 0.09, -0.6]]))[1][0] > 0.1


def test_feet_are_where_they_were_planned_and_flat(robot: RobotModel, walk: ReferenceMotion) -> None:
    params, command = GaitParams(lift_m=0.025), (0.15, 0.0, 0.0)
    planned = plan(robot, params, command).feet[:, :: 256 // params.frames]
    found = soles(robot, walk, 1)
    assert np.abs(found[:, :, 0] - planned.transpose(1, 0, 2)).max() < 0.5e-3
    assert np.abs(found[:, :, 1] - [0, 0, 1]).max() < 1e-3
    height = found[:, :, 0, 2] - make_leg(robot, "left").sole_m
    assert height.max() == pytest.approx(0.025, abs=1e-3)
    assert np.abs(height[walk.contact[1].reshape(-1, 2, 2).all(axis=2) == 1]).max() < 0.5e-3


def test_a_standing_foot_stays_in_its_place_on_the_floor(robot: RobotModel, walk: ReferenceMotion) -> None:
    times = float(walk.period_s) * np.arange(32) / 32
    for index in (1, 2):
        feet = soles(robot, walk, index)[:, :, 0, :2] + times[:, None, None] * walk.command[index, :2]
        right = feet[walk.contact[index, :, 2] == 1, 1][1:17]
        assert len(right) == 16
        assert np.ptp(right, axis=0).max() < 1e-3


def test_left_swings_first_and_double_supports_are_at_0_and_pi(walk: ReferenceMotion) -> None:
    contact = walk.contact[1]
    assert contact[0].tolist() == contact[16].tolist() == [1, 1, 1, 1]
    assert contact[8].tolist() == [0, 0, 1, 1]
    assert contact[24].tolist() == [1, 1, 0, 0]
    # the pelvis leans towards the foot that stands: to the right, -y, while the left one swings
    assert walk.base_pos[1, 8, 1] < -0.01 < 0.01 < walk.base_pos[1, 24, 1]


@pytest.mark.parametrize(("index", "mirror"), [(1, 1), (2, 3)])
def test_half_a_cycle_later_is_the_mirror_image(
    robot: RobotModel, walk: ReferenceMotion, index: int, mirror: int
) -> None:
    config = robot.config
    later = np.roll(walk.joint_pos[mirror], -16, axis=0)
    image = config.symmetry_sign * later[:, config.symmetric_index]
    np.testing.assert_allclose(walk.joint_pos[index], image, atol=2e-4)
    np.testing.assert_allclose(
        walk.base_pos[index], np.roll(walk.base_pos[mirror], -16, axis=0) * [1, -1, 1], atol=2e-4
    )
    np.testing.assert_array_equal(walk.contact[index], np.roll(walk.contact[mirror], -16, axis=0)[:, [2, 3, 0, 1]])


def test_velocities_are_the_rates_of_positions(walk: ReferenceMotion) -> None:
    period = float(walk.period_s)
    for index in range(4):
        rate = periodic_rate(walk.joint_pos[index].astype(float), period)
        assert np.abs(rate - walk.joint_vel[index]).max() < 0.25
        sway = periodic_rate(walk.base_pos[index].astype(float), period) + walk.command[index] * [1, 1, 0]
        np.testing.assert_allclose(walk.base_linvel[index], sway, atol=0.02)


def test_the_zero_moment_point_lies_under_the_foot_that_stands(robot: RobotModel, walk: ReferenceMotion) -> None:
    clip = make_clip(robot, *[a[1].astype(float) for a in walk[1:7]], period_s=float(walk.period_s))
    demand = inverse(robot, free_model(robot), clip)
    np.testing.assert_allclose(demand.force[:, 2].mean(), 9.81 * robot.model.body_mass.sum(), rtol=0.01)
    zmp = walk.base_pos[1, :, :2] + zero_moment_point(demand, walk.base_pos[1, :, 2].astype(float))
    foot = soles(robot, walk, 1)[8, 1, 0]
    assert abs(zmp[8, 1] - foot[1]) < 0.035
    assert -0.08 < zmp[8, 0] - foot[0] < 0.12


def test_no_command_is_home(robot: RobotModel, walk: ReferenceMotion) -> None:
    np.testing.assert_allclose(walk.joint_pos[0], np.tile(robot.config.home, (32, 1)))
    assert walk.contact[0].all() and not walk.joint_vel[0].any() and not walk.base_linvel[0].any()
    np.testing.assert_allclose(walk.base_pos[0, 0], [0, 0, robot.config.base.standing_height_m])


def test_what_cannot_be_walked_is_named(robot: RobotModel) -> None:
    generated = generate(robot, GaitParams(lift_m=0.015), [(0.1, 0.0, 0.0), (1.5, 0.0, 0.0), (0.1, 0.0, 0.5)])
    assert generated.motion.command.round(3).tolist() == [[0.1, 0.0, 0.0]] or len(generated.motion.command) == 1
    assert generated.left_out[(0.1, 0.0, 0.5)] == "no hip can yaw"
    assert "leg" in generated.left_out[(1.5, 0.0, 0.0)] or "pitch" in generated.left_out[(1.5, 0.0, 0.0)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"period_s": 0.0}, "period_s is 0.0"), ({"double_support": 1.5}, "double_support"), ({"frames": 31}, "even")],
)
def test_parameters_out_of_range_are_refused(robot: RobotModel, wrong: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        generate(robot, GaitParams(**wrong), [(0.1, 0.0, 0.0)])


def test_nothing_that_can_be_walked_is_an_error(robot: RobotModel) -> None:
    with pytest.raises(ConfigError, match="no command of 1 can be walked"):
        generate(robot, GaitParams(), [(2.0, 0.0, 0.0)])


def test_rate_of_a_sine() -> None:
    phase = 2 * math.pi * np.arange(32) / 32
    np.testing.assert_allclose(
        periodic_rate(np.sin(3 * phase)[:, None], 2.0)[:, 0], 3 * math.pi * np.cos(3 * phase), atol=1e-12
    )
