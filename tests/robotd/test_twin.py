"""The physics twin: golden poses, the stand, limp and powered joints, pushes, and an MJCF that is not the robot's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bundle_builder import make_spec, robot_xml
from test_mock_hardware import pose_rad

from contract import GOLDEN_POSES, Bundle, GoldenPose, check_golden_pose, tilt_rad
from robotd.hal import HardwareError
from robotd.hal.sim import SimHardware, open_twin


def wait(twin: SimHardware, ticks: int) -> None:
    for _ in range(ticks):
        twin.read()


@pytest.mark.parametrize("pose", GOLDEN_POSES, ids=lambda pose: pose.name)
def test_golden_poses(zero_bundle: Bundle, pose: GoldenPose) -> None:
    twin = open_twin(zero_bundle)
    twin.place(pose_rad(zero_bundle.spec, pose), pose.quat_wxyz)
    assert check_golden_pose(zero_bundle.spec, pose, twin.read()) == []


def test_a_golden_pose_with_a_turned_waist_still_places_the_imu(zero_bundle: Bundle) -> None:
    twin, spec = open_twin(zero_bundle), zero_bundle.spec
    joints = spec.robot.home.copy()
    joints[spec.robot.actuator_names.index("waist_yaw")] = 0.4
    quat = GOLDEN_POSES[1].quat_wxyz
    twin.place(joints, quat)
    assert np.allclose(twin.read().quat_wxyz, quat, atol=1e-6)


def test_the_gyro_is_the_turn_of_the_imu_in_its_own_frame(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle, supported=False)
    twin.place(zero_bundle.spec.robot.home, GOLDEN_POSES[1].quat_wxyz, supported=False)
    twin.data.qvel[3:6] = (0.3, -0.2, 0.5)  # of a free joint: in the body's frame, which is the IMU's here
    twin._mujoco.mj_forward(twin.model, twin.data)
    assert np.allclose(twin.read().gyro_rad_s, (0.3, -0.2, 0.5), atol=1e-6)


def test_limp_on_the_stand_the_legs_hang_and_the_base_does_not_move(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle)
    before = twin.base_position_m
    wait(twin, 150)
    signals = twin.read()
    names = zero_bundle.spec.robot.actuator_names
    assert np.allclose(twin.base_position_m, before, atol=1e-3) and twin.supported and not twin.enabled
    assert abs(signals.joint_pos_rad[names.index("left_knee_pitch")]) < 0.4  # bent by .8 at the start
    assert np.all(twin.torque_nm == 0) and np.all(signals.foot_switches == 0)


def test_limp_on_the_floor_it_falls(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle, supported=False)
    assert np.any(twin.base_position_m[2] > 0.4)
    wait(twin, 150)
    assert twin.base_position_m[2] < 0.3


def test_released_at_home_it_stands_with_all_switches_closed(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle)
    twin.write(zero_bundle.spec.robot.home)
    twin.enable()
    wait(twin, 100)
    twin.release()
    assert twin.supported
    wait(twin, 150)
    signals = twin.read()
    assert not twin.supported and np.all(signals.foot_switches == 1)
    assert abs(twin.base_position_m[2] - 0.4386) < 0.01 and float(tilt_rad(signals.quat_wxyz)) < 0.05
    assert 0.1 < np.max(abs(twin.torque_nm)) <= np.max(twin.peak_torque_nm) <= 4.0
    assert twin.time_s == pytest.approx(250 * 0.02)


def test_a_push_acts_for_its_time_and_moves_the_base(zero_bundle: Bundle) -> None:
    drift = []
    for force in ((0.0, 0.0, 0.0), (0.0, 8.0, 0.0), (0.0, -8.0, 0.0)):
        twin = open_twin(zero_bundle)
        twin.write(zero_bundle.spec.robot.home)
        twin.enable()
        twin.read()
        twin.release()
        wait(twin, 150)
        twin.push(force, 0.1)
        pushed = 0
        while np.any(twin.push_n):
            twin.read()
            pushed += 1
        assert pushed in (0, 5)
        drift.append(float(twin.base_position_m[1]))
    assert drift[2] < drift[0] - 0.002 and drift[0] + 0.002 < drift[1]


def test_signals_are_in_policy_order(zero_bundle: Bundle) -> None:
    twin, spec = open_twin(zero_bundle), zero_bundle.spec
    pose = np.linspace(0.01, 0.11, spec.num_joints, dtype=np.float32)
    twin.place(pose)
    assert np.allclose(twin.read().joint_pos_rad, pose, atol=1e-6)
    for i, name in enumerate(spec.robot.actuator_names):
        assert twin.data.joint(name).qpos[0] == pytest.approx(pose[i], abs=1e-6)


def test_all_signals_are_of_one_instant(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle, supported=False)
    wait(twin, 20)  # falling fast
    signals = twin.read()
    twin._mujoco.mj_forward(twin.model, twin.data)
    twin._fresh = True
    for now, again in zip(signals, twin.read(), strict=True):
        assert np.allclose(now, again, atol=1e-6)


def test_the_same_seed_gives_the_same_run_and_another_one_another(zero_bundle: Bundle) -> None:
    def run(seed: int) -> np.ndarray:
        twin = open_twin(zero_bundle, seed=seed, joint_noise_rad=0.05)
        wait(twin, 50)
        return twin.qpos

    assert np.array_equal(run(1), run(1)) and not np.array_equal(run(1), run(2))


@pytest.mark.parametrize(
    "text, problem",
    [
        (robot_xml(reversed(make_spec().robot.actuator_names)), "joint 0 is 'waist_yaw', expected 'left_hip_pitch'"),
        (robot_xml(make_spec().robot.actuator_names[:3]), "has 3 joints, expected 11"),
        (robot_xml(make_spec().robot.actuator_names), "no touch sensor named 'left_toe'"),
        (
            robot_xml(make_spec().robot.actuator_names).replace(b'<site name="imu"/>', b""),
            "no site of the IMU named 'imu'",
        ),
        (robot_xml(make_spec().robot.actuator_names).replace(b"<freejoint/>", b""), "no free joint"),
        (robot_xml(make_spec().robot.actuator_names).replace(b"position", b"positron"), "MuJoCo cannot load it"),
        (b"not xml", "MuJoCo cannot load it"),
    ],
)
def test_an_mjcf_that_is_not_the_robots_is_refused_in_one_sentence(tmp_path: Path, text: bytes, problem: str) -> None:
    path = tmp_path / "robot.xml"
    path.write_bytes(text)
    with pytest.raises(HardwareError) as caught:
        SimHardware(make_spec(), path)
    message = str(caught.value)
    assert problem in message and str(path) in message and "\n" not in message


def test_a_physics_step_must_divide_the_control_period(zero_bundle: Bundle) -> None:
    with pytest.raises(HardwareError, match="whole fraction"):
        open_twin(zero_bundle, sim_dt_s=0.003)


def test_physics_needs_no_graphics_and_leaves_the_wish_for_them_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "no-such-gl")
    program = "import os; from robotd.hal.twin_model import import_mujoco as get; get(); print(os.environ['MUJOCO_GL'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "no-such-gl\n"), done.stderr
