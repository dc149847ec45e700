"""The check of a motion against the servos: it passes what can be done and names the joint that cannot."""

import mujoco
import numpy as np
import pytest

from trainer.motion.dynamics import free_model, make_clip
from trainer.motion.feasible import check_motion, ground_forces, table
from trainer.motion.reference import ReferenceMotion
from trainer.physics.robot_model import RobotModel


def test_a_generated_walk_is_feasible_and_balanced(robot: RobotModel, walk: ReferenceMotion) -> None:
    verdicts = check_motion(robot, walk)
    assert all(verdict.status in ("pass", "warn") for verdict in verdicts)
    assert verdicts[0].status == "pass"
    assert max(verdict.unbalanced_nm for verdict in verdicts) < 0.1
    assert len(table(robot.config, verdicts).splitlines()) == 1 + len(verdicts)


def test_standing_torques_are_those_of_the_simulation(robot: RobotModel, walk: ReferenceMotion) -> None:
    data = mujoco.MjData(robot.model)
    data.qpos[:] = robot.home_qpos
    data.ctrl[:] = robot.config.home
    for _ in range(1500):
        mujoco.mj_step(robot.model, data)
    held = np.abs(data.actuator_force[robot.actuator])
    torque = check_motion(robot, walk)[0].torque_nm
    # the pose sags a little, and dry friction carries up to .022 Nm; how hard the feet press against each other
    # sideways is free while both stand, so roll is not compared
    pitch = [i for i, name in enumerate(robot.config.actuator_names) if name.endswith("pitch")]
    assert held[pitch].max() > 0.5
    np.testing.assert_allclose(torque[pitch], held[pitch], atol=0.06)


def test_ground_forces_carry_the_weight_on_one_foot(robot: RobotModel, walk: ReferenceMotion) -> None:
    clip = make_clip(robot, *[a[0].astype(float) for a in walk[1:7]], period_s=1.0)
    model = free_model(robot)
    contact = np.tile([1.0, 1.0, 0.0, 0.0], (32, 1))
    _, force, moment = ground_forces(robot, model, clip, contact)
    weight = 9.81 * model.body_mass.sum()
    # standing in the middle, one foot cannot balance: its inner edge is 45 mm from the middle plane
    about_floor = moment[0, 0] - robot.config.base.standing_height_m * force[0, 1]
    assert abs(about_floor) == pytest.approx(weight * 0.045, rel=0.05)
    _, force, moment = ground_forces(robot, model, clip, np.zeros((32, 4)))
    assert force[0, 2] == pytest.approx(weight, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m._replace(joint_vel=m.joint_vel * 3), "speed"),
        (lambda m: m._replace(joint_pos=m.joint_pos + np.float32(1.2)), "leaves its range"),
        (lambda m: m._replace(period_s=m.period_s / 4), "torque"),
    ],
)
def test_what_the_servos_cannot_do_fails_and_names_a_joint(
    robot: RobotModel, walk: ReferenceMotion, change: object, says: str
) -> None:
    verdict = check_motion(robot, change(walk))[1]  # type: ignore[operator]
    assert verdict.status == "fail" and says in verdict.reason
    assert any(name in verdict.reason for name in robot.config.actuator_names)


def test_a_motion_that_no_sole_carries_warns(robot: RobotModel, walk: ReferenceMotion) -> None:
    swapped = walk._replace(contact=walk.contact[..., [2, 3, 0, 1]])
    verdict = check_motion(robot, swapped)[1]
    assert "balance" in verdict.reason or verdict.status == "fail"
    assert verdict.unbalanced_n + verdict.unbalanced_nm > 1
