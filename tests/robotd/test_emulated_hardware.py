"""From bytes to SI units through the real drivers: golden poses, mounting of the IMU, foot switches, torque, limp."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
from emulated_robot import emulated, fresh, run_on, until
from test_mock_hardware import pose_rad

from contract import FOOT_SWITCHES, GOLDEN_POSES, Bundle, check_golden_pose
from robotd.hal import UnreachableError
from robotd.hal.emulated import EmulatedHardware
from robotd.wiring import FootSwitchWires, ImuWire, JointCalibration, SwitchWire, Wiring

HALF = math.sqrt(0.5)
TURNED = Wiring(imu=ImuWire(mounting_wxyz=[0.5, 0.5, -0.5, 0.5]))


def frozen() -> float:
    """Physics that stands still, so that a placed robot stays as it was placed."""
    return 0.0


def golden_problems(hardware: EmulatedHardware, bundle: Bundle) -> list[str]:
    """What the signals get wrong of all golden poses."""
    problems: list[str] = []

    async def look() -> None:
        for pose in GOLDEN_POSES:
            hardware.place(pose_rad(bundle.spec, pose), pose.quat_wxyz)
            problems.extend(check_golden_pose(bundle.spec, pose, await fresh(hardware)))

    run_on(hardware, look)
    return problems


@pytest.mark.parametrize("wiring", [Wiring(), TURNED], ids=["straight", "turned"])
def test_golden_poses_through_the_bytes(zero_bundle: Bundle, wiring: Wiring) -> None:
    with emulated(zero_bundle, wiring, physics_clock=frozen) as hardware:
        assert golden_problems(hardware, zero_bundle) == []


def test_an_imu_that_is_mounted_otherwise_than_the_wiring_says_is_seen(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle, TURNED, physics_clock=frozen) as hardware:
        hardware.chip.sensor._mounting = (1.0, 0.0, 0.0, 0.0)
        problems = golden_problems(hardware, zero_bundle)
    assert any("gravity_local" in problem for problem in problems)


def test_a_servo_that_is_mounted_otherwise_than_the_wiring_says_is_seen(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle, physics_clock=frozen) as hardware:
        column = zero_bundle.spec.robot.actuator_names.index("right_knee_pitch")
        calibration = Wiring().calibration["right_knee_pitch"]
        hardware.live._shafts[column]._calibration = JointCalibration(
            direction=1, q_at_zero_rad=calibration.q_at_zero_rad
        )
        problems = golden_problems(hardware, zero_bundle)
    assert problems and all("right_knee_pitch" in problem for problem in problems)


def test_the_gyro_turns_with_the_body_and_not_with_the_chip(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle, TURNED, physics_clock=frozen) as hardware:
        hardware.twin.place(zero_bundle.spec.robot.home)
        hardware.twin.data.qvel[3:6] = (1.0, -2.0, 3.0)
        hardware.twin._mujoco.mj_forward(hardware.twin.model, hardware.twin.data)
        hardware.live.refresh()

        async def look() -> None:
            turns = (1.0, -2.0, 3.0)
            await until(lambda: np.allclose(hardware.read().gyro_rad_s, turns, atol=0.03), "another turn")

        run_on(hardware, look)


@pytest.mark.parametrize("pressed_low", [True, False])
def test_foot_switches_by_name_whatever_their_polarity(zero_bundle: Bundle, pressed_low: bool) -> None:
    switches = {
        name: SwitchWire(pin=pin, pressed_low=pressed_low)
        for name, pin in zip(FOOT_SWITCHES, (5, 6, 13, 19), strict=True)
    }
    wiring = Wiring(foot_switches=FootSwitchWires(**switches))
    with emulated(zero_bundle, wiring, physics_clock=frozen) as hardware:

        async def look() -> None:
            for pressed in ((0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 1, 0), (0, 0, 0, 1), (1, 1, 1, 1)):
                hardware.live._signals = hardware.twin.sense()._replace(foot_switches=np.array(pressed, np.float32))
                assert (await fresh(hardware)).foot_switches.tolist() == list(pressed)

        run_on(hardware, look)


def test_limp_at_the_start_powered_after_pose_and_enable_and_limp_at_the_end(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle) as hardware:
        servos = [servo for wire in hardware.bench.wires.values() for servo in wire.servos]

        async def power() -> None:
            await fresh(hardware)
            assert hardware.bench.witness.since(command="move_time_write") == []
            assert not any(servo.loaded for servo in servos)
            hardware.write(zero_bundle.spec.robot.home)
            hardware.enable()
            await until(lambda: all(servo.loaded for servo in servos), "no torque")
            away = zero_bundle.spec.robot.home + np.float32(0.1)
            hardware.write(away)
            moved = zero_bundle.spec.robot.home + np.float32(0.05)
            await until(lambda: bool(np.all(hardware.read().joint_pos_rad > moved)), "it does not go where it is sent")
            assert np.any(hardware.twin.torque_nm)
            hardware.disable()
            await until(lambda: not any(servo.loaded for servo in servos), "still loaded")

        run_on(hardware, power)
        assert all(report.verified for report in hardware.reports.values()) and len(hardware.reports) == 3
        arrivals = hardware.bench.witness.since()
        for number, servo in enumerate(servos, start=1):
            mine = [
                a
                for a in arrivals
                if a.address == number
                and (a.command == "move_time_write" or (a.command, a.values) == ("load_or_unload_write", (1,)))
            ]
            assert mine[0].command == "move_time_write", f"servo {servo.servo_id} got torque before its pose"
        assert not np.any(hardware.twin.torque_nm)


def test_a_servo_that_does_not_answer_is_named_and_the_others_are_limped(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle) as hardware:
        hardware.bench.fault("right_leg/8", "off")
        with pytest.raises(
            UnreachableError, match=r"right_leg .*no answer from servo 8 \(right_knee_pitch\); check power"
        ):
            run_on(hardware, fresh_never)
        assert [bus for bus, report in hardware.reports.items() if not report.verified] == ["right_leg"]


def test_an_imu_that_does_not_answer_is_named(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle) as hardware:
        hardware.chip.int_connected = False
        with pytest.raises(UnreachableError, match=r"IMU: INT \(GPIO17\) did not fall"):
            run_on(hardware, fresh_never)


async def fresh_never() -> None:
    """It must not come to this."""
    raise AssertionError("started")


def test_close_limps_what_nobody_stopped(zero_bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "robotd")
    with emulated(zero_bundle) as hardware:
        servos = [servo for wire in hardware.bench.wires.values() for servo in wire.servos]
        for servo in servos:
            servo._load(True)  # as a daemon that died would leave it
    assert not any(servo.loaded for servo in servos)
    assert all(report.verified for report in hardware.reports.values()) and len(hardware.reports) == 3
    assert "torque may still be on" not in caplog.text
