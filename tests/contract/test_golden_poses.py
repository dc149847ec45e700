"""Golden poses: right signals pass, every usual mistake of convention is named, and the real model agrees."""

from __future__ import annotations

import math
from collections.abc import Callable

import mujoco
import numpy as np
import pytest
from bundle_builder import real_spec

from contract.golden_poses import GOLDEN_POSES, GoldenPose, check_golden_pose
from contract.paths import assets_dir
from contract.signals import Signals
from contract.spec import PolicySpec

POSES = {pose.name: pose for pose in GOLDEN_POSES}
SPEC = real_spec()


def sensed(spec: PolicySpec, pose: GoldenPose) -> Signals:
    """What a source of signals without mistakes gives in a pose."""
    joints = spec.robot.home.copy()
    for name, delta in pose.joints_from_home_rad.items():
        joints[spec.robot.actuator_names.index(name)] += delta
    zeros = np.zeros(spec.num_joints, np.float32)
    quat = np.array(pose.quat_wxyz, np.float32)
    nothing = np.float32(0)
    return Signals(quat, np.zeros(3, np.float32), joints, zeros, np.ones(4, np.float32), nothing, zeros, nothing)


@pytest.mark.parametrize("name", sorted(POSES))
def test_right_signals_pass(name: str) -> None:
    assert check_golden_pose(SPEC, POSES[name], sensed(SPEC, POSES[name])) == []


def test_gravity_leans_forward_when_the_nose_goes_down() -> None:
    assert POSES["nose down 30 deg"].gravity == (0.5, 0, -math.sqrt(0.75))
    assert POSES["turned left 90 deg"].gravity == POSES["upright"].gravity == (0, 0, -1)


def _xyzw(signals: Signals) -> Signals:
    return signals._replace(quat_wxyz=np.roll(signals.quat_wxyz, -1))


def _world_to_body(signals: Signals) -> Signals:
    return signals._replace(quat_wxyz=signals.quat_wxyz * np.array([1, -1, -1, -1], np.float32))


def _mirrored_joints(signals: Signals) -> Signals:
    return signals._replace(
        joint_pos_rad=np.concatenate(
            [signals.joint_pos_rad[5:10], signals.joint_pos_rad[:5], signals.joint_pos_rad[10:]]
        )
    )


def _opposite_sign(signals: Signals) -> Signals:
    return signals._replace(joint_pos_rad=2 * SPEC.robot.home - signals.joint_pos_rad)


def _degrees(signals: Signals) -> Signals:
    return signals._replace(joint_pos_rad=np.degrees(signals.joint_pos_rad))


def _broken_imu(signals: Signals) -> Signals:
    return signals._replace(quat_wxyz=np.full(4, np.nan, np.float32))


@pytest.mark.parametrize("mistake", [_xyzw, _world_to_body, _mirrored_joints, _opposite_sign, _degrees, _broken_imu])
def test_a_mistake_of_convention_is_found(mistake: Callable[[Signals], Signals]) -> None:
    problems = [text for pose in GOLDEN_POSES for text in check_golden_pose(SPEC, pose, mistake(sensed(SPEC, pose)))]
    assert problems
    assert all("expected" in text for text in problems)


def test_the_sentence_names_pose_joint_and_both_values() -> None:
    pose = POSES["left leg forward"]
    assert check_golden_pose(SPEC, pose, _opposite_sign(sensed(SPEC, pose))) == [
        "left leg forward: left_hip_pitch moved -0.200 rad from home, expected +0.200"
    ]
    assert check_golden_pose(SPEC, POSES["upright"], sensed(SPEC, POSES["upside down"])) == [
        "upright: gravity_local is [0.0, 0.0, 1.0], expected [0.0, 0.0, -1.0]"
    ]


def _foot_and_gravity(pose: GoldenPose, foot: str) -> tuple[np.ndarray, np.ndarray]:
    """MuJoCo's own answer: the foot's place in the world, and which way down is for the IMU."""
    model = mujoco.MjModel.from_xml_path(str(assets_dir() / "wildrobot.xml"))
    data = mujoco.MjData(model)
    data.qpos[3:7] = pose.quat_wxyz
    for name, value in zip(SPEC.robot.actuator_names, sensed(SPEC, pose).joint_pos_rad, strict=True):
        data.joint(name).qpos[0] = value
    mujoco.mj_kinematics(model, data)
    return data.body(foot).xpos.copy(), data.site("imu").xmat.reshape(3, 3).T @ [0, 0, -1]


@pytest.mark.parametrize("name", sorted(POSES))
def test_gravity_of_the_model_is_the_golden_one(name: str) -> None:
    _, gravity = _foot_and_gravity(POSES[name], "left_foot")
    np.testing.assert_allclose(gravity, POSES[name].gravity, atol=1e-6)


def test_the_models_joints_turn_as_the_golden_poses_say() -> None:
    (x0, _, z0), _ = _foot_and_gravity(POSES["upright"], "left_foot")
    (x1, _, _), _ = _foot_and_gravity(POSES["left leg forward"], "left_foot")
    assert x1 - x0 > 0.05
    (x2, _, z2), _ = _foot_and_gravity(POSES["right knee bent"], "right_foot")
    assert x2 - x0 < -0.02
    assert z2 > z0
