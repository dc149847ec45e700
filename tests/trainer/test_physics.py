"""The batch against plain mj_step, at any number of threads, and its resets."""

import mujoco
import numpy as np
import pytest

from contract import BundleError
from trainer.env import Env
from trainer.physics.native import NativePhysics
from trainer.physics.robot_model import load_robot_model
from trainer.task import asset

DECIMATION = 4


def targets(env: Env, steps: int, batch: int) -> np.ndarray:
    home = env.robot.config.home
    return home + np.random.default_rng(1).normal(0, 0.2, (steps, batch, DECIMATION, len(home)))


def started(env: Env, batch: int, threads: int) -> NativePhysics:
    physics = NativePhysics(env.robot, batch, DECIMATION, threads)
    robot = env.robot
    qpos = np.tile(robot.home_qpos, (batch, 1))
    qpos[:, robot.base_qpos + 2] += np.linspace(0, 0.05, batch)
    physics.reset(np.arange(batch), qpos, np.zeros((batch, robot.model.nv)))
    return physics


def test_batch_is_plain_mujoco(env: Env) -> None:
    robot, commands = env.robot, targets(env, 20, 2)
    physics = started(env, 2, 1)
    push = np.tile([3.0, -2.0, 0.0], (2, 1))
    for command in commands:
        body = physics.step(command, push)
    data = mujoco.MjData(robot.model)
    data.qpos[:] = robot.home_qpos
    data.qpos[robot.base_qpos + 2] += 0.05
    data.xfrc_applied[robot.base_body, :3] = push[1]
    for command in commands[:, 1].reshape(-1, len(robot.qpos)):
        data.ctrl[:] = command
        mujoco.mj_step(robot.model, data)
    np.testing.assert_allclose(body.joint_pos[1], data.qpos[robot.qpos], atol=1e-5)
    np.testing.assert_allclose(body.base_pos[1], data.qpos[:3], atol=1e-5)
    mujoco.mj_forward(robot.model, data)
    np.testing.assert_allclose(body.imu_quat[1], data.sensor("imu_quat").data, atol=1e-5)
    np.testing.assert_allclose(body.imu_gyro[1], data.sensor("imu_gyro").data, atol=1e-4)


def test_threads_do_not_change_a_bit(env: Env) -> None:
    commands = targets(env, 10, 8)
    one, two = started(env, 8, 1), started(env, 8, 2)
    for command in commands:
        a, b = one.step(command, np.zeros((8, 3))), two.step(command, np.zeros((8, 3)))
    for name, left, right in zip(a._fields, a, b, strict=True):
        np.testing.assert_array_equal(left, right, err_msg=name)


def test_reset_touches_only_its_robots_and_forgets_the_push(env: Env) -> None:
    physics, commands = started(env, 4, 2), targets(env, 10, 4)
    for command in commands:
        before = physics.step(command, np.full((4, 3), 5.0))
    robot = env.robot
    after = physics.reset(np.array([2]), robot.home_qpos[None], np.zeros((1, robot.model.nv)))
    others = [0, 1, 3]
    np.testing.assert_array_equal(after.joint_pos[others], before.joint_pos[others])
    np.testing.assert_allclose(after.joint_pos[2], robot.config.home, atol=1e-6)
    assert np.abs(before.joint_pos[2] - robot.config.home).max() > 0.01
    np.testing.assert_allclose(after.imu_quat[2], [1, 0, 0, 0], atol=1e-6)
    hold = np.tile(robot.config.home, (4, DECIMATION, 1))
    settled = [physics.step(hold, np.zeros((4, 3))) for _ in range(100)][-1]
    assert np.linalg.norm(settled.base_pos[2, :2]) < 0.02
    assert settled.foot_force[2].sum() == pytest.approx(robot.config.total_mass_kg * 9.81, rel=0.05)


def test_model_with_other_joint_order_is_refused(env: Env, tmp_path) -> None:
    text = asset("wildrobot.xml").read_text()
    a, b = '<position name="left_hip_pitch"', '<position name="left_hip_roll"'
    lines = text.splitlines()
    i, j = (next(n for n, line in enumerate(lines) if word in line) for word in (a, b))
    lines[i], lines[j] = lines[j], lines[i]
    (tmp_path / "wildrobot.xml").write_text("\n".join(lines))
    with pytest.raises(BundleError, match=r"joint 0 is 'left_hip_roll', expected 'left_hip_pitch'"):
        load_robot_model(tmp_path / "wildrobot.xml", env.robot.config, 0.005)


def test_model_without_a_sensor_is_refused(env: Env, tmp_path) -> None:
    text = asset("wildrobot.xml").read_text().replace('<gyro name="imu_gyro" site="imu"/>', "")
    (tmp_path / "wildrobot.xml").write_text(text)
    with pytest.raises(BundleError, match="sensor 'imu_gyro' is missing"):
        load_robot_model(tmp_path / "wildrobot.xml", env.robot.config, 0.005)
