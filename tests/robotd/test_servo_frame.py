"""Angles and servo units: against numbers worked out by hand, there and back, clamped, and wires of another robot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bundle_builder import make_spec, real_spec
from hypothesis import given
from hypothesis import strategies as st

from robotd.hal import HardwareError
from robotd.hal.servo_frame import check_wiring, servo_frame, to_rad, to_rad_s, to_units
from robotd.wiring import JointCalibration, Wiring

calibrations = st.builds(
    JointCalibration,
    direction=st.sampled_from([-1, 1]),
    offset_units=st.integers(-125, 125),
    q_at_zero_rad=st.floats(-2, 2),
)


@pytest.mark.parametrize(
    "calibration, degrees, units",
    [
        (JointCalibration(), 0, 500),
        (JointCalibration(), 24, 600),
        (JointCalibration(), -24, 400),
        (JointCalibration(direction=-1), 24, 400),
        (JointCalibration(offset_units=7), 0, 507),
        (JointCalibration(direction=-1, offset_units=7), -2.4, 517),
        (JointCalibration(q_at_zero_rad=math.radians(48)), 48, 500),
        (JointCalibration(q_at_zero_rad=math.radians(48)), 0, 300),
        (JointCalibration(direction=-1, q_at_zero_rad=math.radians(48)), 0, 700),
    ],
)
def test_known_angles(calibration: JointCalibration, degrees: float, units: int) -> None:
    frame = servo_frame([calibration])
    assert to_units(frame, [math.radians(degrees)]).tolist() == [units]
    assert math.degrees(to_rad(frame, [units])[0]) == pytest.approx(degrees, abs=1e-9)


@given(calibrations, st.integers(0, 1000))
def test_every_unit_comes_back(calibration: JointCalibration, units: int) -> None:
    frame = servo_frame([calibration])
    assert to_units(frame, to_rad(frame, [units])).tolist() == [units]


@given(calibrations, st.floats(-10, 10))
def test_every_angle_comes_back_within_half_a_unit_or_at_the_servos_end(
    calibration: JointCalibration, q: float
) -> None:
    frame = servo_frame([calibration])
    (units,) = to_units(frame, [q]).tolist()
    assert 0 <= units <= 1000
    wanted = 500 + calibration.offset_units
    wanted += calibration.direction * math.degrees(q - calibration.q_at_zero_rad) / 0.24
    back = float(to_rad(frame, [units])[0])
    if 0 <= wanted <= 1000:
        assert abs(back - q) <= math.radians(0.12) * (1 + 1e-9)
    else:
        assert units == (0 if wanted < 0 else 1000)


@given(calibrations, st.integers(0, 900))
def test_speed_has_the_sign_and_the_scale_of_the_angle(calibration: JointCalibration, units: int) -> None:
    frame = servo_frame([calibration])
    moved = to_rad(frame, [units + 100]) - to_rad(frame, [units])
    assert to_rad_s(frame, [100.0]) == pytest.approx(moved)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_never_becomes_a_target(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        to_units(servo_frame([JointCalibration()]), [bad])


def test_the_default_wires_are_those_of_our_robot_and_cover_its_ranges() -> None:
    spec = real_spec()
    frame = check_wiring(spec, Wiring())
    for pose in (spec.robot.range_min, spec.robot.range_max, spec.robot.home):
        assert np.max(np.abs(to_rad(frame, to_units(frame, pose)) - pose)) <= math.radians(0.1201)


def test_wires_of_another_robot_are_refused() -> None:
    joints = {name: wire for name, wire in Wiring().joints.items() if name != "waist_yaw"}
    calibration = {name: Wiring().calibration[name] for name in joints}
    fewer = Wiring(joints=joints, calibration=calibration)
    with pytest.raises(HardwareError, match="no wire for waist_yaw"):
        check_wiring(real_spec(), fewer)
    spec = make_spec()
    assert set(spec.robot.actuator_names) <= set(Wiring().joints)


def test_a_range_that_the_servo_cannot_cover_is_refused_by_name() -> None:
    calibration = Wiring().calibration | {"left_knee_pitch": JointCalibration(q_at_zero_rad=-1.0)}
    with pytest.raises(
        HardwareError, match=r"left_knee_pitch: its range needs the units 739 to 1168, expected 0 to 1000"
    ):
        check_wiring(real_spec(), Wiring(calibration=calibration))
