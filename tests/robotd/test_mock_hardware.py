"""The mock robot: golden poses, first-order joints, limp joints stay."""

from __future__ import annotations

import numpy as np
import pytest
from bundle_builder import make_spec, real_spec

from contract import GOLDEN_POSES, GoldenPose, PolicySpec, check_golden_pose
from robotd.hal.mock import MockHardware

SPEC = real_spec()


def pose_rad(spec: PolicySpec, pose: GoldenPose) -> np.ndarray:
    """The joints of a golden pose, (J,) rad."""
    moved = [pose.joints_from_home_rad.get(name, 0.0) for name in spec.robot.actuator_names]
    return np.asarray(spec.robot.home + np.array(moved, np.float32))


@pytest.mark.parametrize("pose", GOLDEN_POSES, ids=lambda pose: pose.name)
def test_golden_poses(pose: GoldenPose) -> None:
    hardware = MockHardware(SPEC)
    hardware.place(pose_rad(SPEC, pose), pose.quat_wxyz)
    assert check_golden_pose(SPEC, pose, hardware.read()) == []
    others = [other for other in GOLDEN_POSES if check_golden_pose(SPEC, other, hardware.read())]
    assert len(others) >= len(GOLDEN_POSES) - 2  # upright and turned left look the same to gravity


def test_joints_follow_their_targets_and_never_faster_than_they_can() -> None:
    hardware = MockHardware(SPEC)
    target = SPEC.robot.range_max
    hardware.read()
    hardware.write(target)
    hardware.enable()
    before = SPEC.robot.home
    for _ in range(200):
        signals = hardware.read()
        assert np.allclose((signals.joint_pos_rad - before) / 0.02, signals.joint_vel_rad_s, atol=1e-3)
        assert np.all(abs(signals.joint_vel_rad_s) <= SPEC.robot.max_velocity + 1e-4)
        before = signals.joint_pos_rad
    assert np.allclose(before, target, atol=1e-3)
    assert float(signals.stamp_s) == pytest.approx(4.0)


def test_limp_joints_stay_where_they_are() -> None:
    hardware = MockHardware(SPEC)
    hardware.read()
    hardware.write(SPEC.robot.range_max)
    assert np.array_equal(hardware.read().joint_pos_rad, SPEC.robot.home)
    hardware.enable()
    moved = hardware.read().joint_pos_rad
    hardware.disable()
    assert np.array_equal(hardware.read().joint_pos_rad, moved) and not np.array_equal(moved, SPEC.robot.home)


@pytest.mark.parametrize("joints", [8, 11, 21])
def test_signals_have_the_shapes_of_the_robot(joints: int) -> None:
    spec = make_spec(joints=joints)
    signals = MockHardware(spec).read()
    assert [np.shape(field) for field in signals] == [(4,), (3,), (joints,), (joints,), (4,), (), (joints,), ()]
