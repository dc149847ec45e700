"""Arming checks: each one fails for its own cause, says what was found, and what to do about it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from bundle_builder import WALKING_LAYOUT, make_spec, real_spec
from robot_builder import setup_of, signals_of, tilted, zeros

from contract import Bundle
from robotd.arming import CHECKS, ArmingCheck, ArmingFacts, BusLoad, arming_checks, facts_of
from robotd.hal.bus_load import bus_loads
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.tick import Setup, initial_tick_state, tick
from robotd.wiring import Wiring, regrouped

SETUP = setup_of()
SPEC = SETUP.spec
NAMES = SPEC.robot.actuator_names
FACTS = ArmingFacts(
    "real",
    "b",
    True,
    NAMES,
    calibration_age_s=86400.0,
    buses=(BusLoad("left_leg", 0.024, True), BusLoad("upper", 0.009, True)),
)


def record_of(
    setup: Setup = SETUP, ticks: int = 60, skipped_at: int = -1, health: Any = None, **sensed: Any
) -> TickRecord:
    """The record after some ticks in IDLE."""
    state = initial_tick_state(setup)
    arrays = {name: np.asarray(value, np.float32) for name, value in sensed.items()}
    for n in range(ticks):
        signals = signals_of(setup.spec, **arrays)
        state, _, record = tick(setup, state, signals, Orders(), zeros(setup.spec), int(n == skipped_at), health)
    return record


def failed(record: TickRecord, facts: ArmingFacts = FACTS, setup: Setup = SETUP) -> list[ArmingCheck]:
    return [check for check in arming_checks(setup, record, facts) if not check.ok]


def moved(joint: str, to_rad: float) -> np.ndarray:
    pose = np.array(SPEC.robot.home)
    pose[NAMES.index(joint)] = to_rad
    return pose


def aged(joint: str, age_s: float) -> np.ndarray:
    ages = np.zeros(len(NAMES), np.float32)
    ages[NAMES.index(joint)] = age_s
    return ages


def hot(degc: float) -> Any:
    temperature = np.array(SETUP.well.temperature_degc)
    temperature[2] = degc
    return SETUP.well._replace(temperature_degc=temperature)


def volts(voltage_v: float) -> Any:
    return SETUP.well._replace(voltage_v=np.float32(voltage_v))


def told(age_s: float) -> Any:
    ages = np.array(SETUP.well.servo_age_s)
    ages[2] = age_s
    return SETUP.well._replace(servo_age_s=ages)


def felt(age_s: float) -> Any:
    return SETUP.well._replace(foot_switch_age_s=np.float32(age_s))


def test_a_robot_that_is_well_passes_all_and_is_told_nothing_to_do() -> None:
    checks = arming_checks(SETUP, record_of(), FACTS)
    assert [check.name for check in checks] == list(CHECKS)
    assert all(check.ok and check.found and check.fix == "" and check.mandatory for check in checks)


SHUFFLED = (NAMES[1], NAMES[0], *NAMES[2:])
# name of the check, what is changed of the facts, what is changed of the last ticks, words that must be found
CAUSES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("bundle", {"verified": False}, {}, "checksums missing or stale"),
    ("contract", {"config_joints": None}, {}, "no robot_config"),
    ("contract", {"config_joints": SHUFFLED}, {}, f"joint 0 of policy policy is {NAMES[0]}, expected {NAMES[1]}"),
    ("contract", {"config_joints": NAMES[:-1]}, {}, "has 11 joints, expected 10"),
    ("calibration", {"calibration_age_s": None}, {}, "no calibration"),
    ("calibration", {"calibration_age_s": 181 * 86400.0}, {}, "181 days ago, expected at most 180"),
    ("calibration", {"calibration_age_s": -1.0}, {}, "days ago"),
    ("calibration", {"calibration_age_s": math.nan}, {}, "nan"),
    ("calibration", {"calibration_doubts": None}, {}, "not verified since it last changed"),
    ("calibration", {"calibration_doubts": ("left_toe is dead; look",)}, {}, "found wrong: left_toe is dead; look"),
    ("servos", {}, {"joint_age_s": aged("waist_yaw", 0.161)}, "no answer within 160 ms from waist_yaw"),
    ("buses", {}, {"health": SETUP.well._replace(bus_errors_in_a_row=(0, 3))}, "0, 3"),
    ("temperature", {}, {"health": hot(65.5)}, f"expected 0 to 65: {NAMES[2]}"),
    ("temperature", {}, {"health": hot(-1.0)}, NAMES[2]),
    ("temperature", {}, {"health": hot(math.nan)}, f"no temperature and voltage within 3 s from {NAMES[2]}"),
    ("voltage", {}, {"health": volts(10.29)}, "10.3 V, expected 10.3 to 14.0"),
    ("voltage", {}, {"health": volts(14.1)}, "14.1 V"),
    ("voltage", {}, {"health": volts(math.nan)}, "nan V"),
    ("temperature", {}, {"health": told(3.1)}, f"no temperature and voltage within 3 s from {NAMES[2]}"),
    ("temperature", {}, {"health": told(math.nan)}, f"no temperature and voltage within 3 s from {NAMES[2]}"),
    ("imu", {}, {"imu_age_s": 0.061}, "61 ms ago, expected at most 60"),
    ("upright", {}, {"quat_wxyz": tilted(21)}, "tilted by 21 deg, expected at most 20"),
    ("upright", {}, {"quat_wxyz": tilted(180, 0)}, "180 deg"),
    ("upright", {}, {"quat_wxyz": tilted(151, 0)}, "the robot or the IMU's mounting is upside down"),
    ("upright", {}, {"quat_wxyz": [math.nan, 0, 0, 0]}, "expected finite"),
    ("foot switches", {}, {"foot_switches": [1, 1, 0.5, 0]}, "0.5"),
    ("foot switches", {}, {"foot_switches": [1, 0, 1, 1]}, "left_heel feels nothing"),
    ("foot switches", {}, {"health": felt(0.25)}, "levels of 250 ms ago, expected at most 200"),
    ("foot switches", {}, {"health": felt(math.nan)}, "levels of nan ms ago"),
    ("pose", {}, {"joint_pos_rad": moved("left_knee_pitch", -0.06)}, "outside the joint's range: left_knee_pitch"),
    ("pose", {}, {"joint_pos_rad": moved("left_knee_pitch", math.nan)}, "left_knee_pitch"),
    ("deadlines", {}, {"ticks": 50}, "49 ticks so far, expected 50"),
    ("deadlines", {}, {"skipped_at": 30}, "1 of the last 50 deadlines missed"),
    ("deadlines", {}, {"skipped_at": 59}, "1 of the last 50"),
    ("bus budget", {"buses": (BusLoad("all", 0.08, False), BusLoad("x", 0.01, True))}, {}, "all 80 ms, x 10 ms"),
]


@pytest.mark.parametrize("name, facts, world, words", CAUSES)
def test_each_check_fails_alone_with_cause_and_fix(
    name: str, facts: dict[str, Any], world: dict[str, Any], words: str
) -> None:
    against = failed(record_of(**world), FACTS._replace(**facts))
    assert [check.name for check in against] == [name]
    assert words in against[0].found and against[0].fix


GOOD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"calibration_age_s": 180 * 86400.0}, {}),
    ({}, {"joint_age_s": aged("waist_yaw", 0.159)}),
    ({}, {"health": SETUP.well._replace(bus_errors_in_a_row=(2, 2))}),
    ({}, {"health": hot(64.9)}),
    ({}, {"health": hot(0.0)}),
    ({}, {"health": volts(10.31)}),
    ({}, {"health": volts(13.99)}),
    ({}, {"health": told(2.9)}),
    ({}, {"health": felt(0.19)}),
    ({}, {"imu_age_s": 0.059}),
    ({}, {"quat_wxyz": tilted(19.9)}),
    ({}, {"foot_switches": [0, 1, 0, 0]}),
    ({}, {"joint_pos_rad": moved("left_knee_pitch", -0.049)}),
    ({}, {"ticks": 51}),
    ({}, {"ticks": 70, "skipped_at": 15}),
]


@pytest.mark.parametrize("facts, world", GOOD)
def test_just_inside_the_bounds_nothing_is_said(facts: dict[str, Any], world: dict[str, Any]) -> None:
    assert failed(record_of(**world), FACTS._replace(**facts)) == []


def test_a_pose_too_far_for_the_speed_of_homing_is_named() -> None:
    slow = SETUP._replace(home_rad=SETUP.home_rad + np.float32(12.0))
    against = failed(record_of(), setup=slow)
    assert [check.name for check in against] == ["pose"] and "too far from home for 2 s" in against[0].found


def test_every_policy_of_a_deployment_must_have_the_robots_joints() -> None:
    two = SETUP._replace(policies={"standing": SPEC, "other": make_spec(joints=8)})
    (check,) = failed(record_of(), setup=two)
    assert check.name == "contract" and "policy other" in check.found
    fine = SETUP._replace(policies={"standing": SPEC, "walking": real_spec(layout=WALKING_LAYOUT)})
    assert failed(record_of(), setup=fine) == []


@pytest.mark.parametrize("backend", ["sim", "mock", "emulated"])
def test_what_only_the_real_robot_has_may_be_skipped_elsewhere(backend: str) -> None:
    checks = arming_checks(SETUP, record_of(), FACTS._replace(backend=backend, calibration_age_s=None, buses=()))
    assert all(check.ok for check in checks) and f"--hal {backend} needs none" in checks[2].found
    skippable = {check.name for check in checks if not check.mandatory}
    assert skippable == {"bundle", "calibration", "foot switches", "legs", "deadlines", "bus budget"}


def test_the_facts_of_a_bundle(zero_bundle: Bundle) -> None:
    facts = facts_of(zero_bundle, "mock")
    assert facts.verified and facts.config_joints == NAMES and facts.bundle == str(zero_bundle.path)
    assert facts.calibration_age_s is None and facts.buses == ()


def test_three_buses_fit_and_one_does_not() -> None:
    three, one = bus_loads(Wiring(), 0.02), bus_loads(regrouped(Wiring(), 1), 0.02)
    assert [load.name for load in three] == ["left_leg", "right_leg", "upper"] and all(load.fits for load in three)
    assert len(one) == 1 and not one[0].fits and one[0].age_p95_s > 0.06


def test_checks_agree_with_the_tick_what_they_pass_can_be_armed() -> None:
    state = initial_tick_state(SETUP)
    for _ in range(60):
        state, _, record = tick(SETUP, state, signals_of(SPEC), Orders(), zeros(SPEC))
    assert failed(record) == []
    _, _, record = tick(SETUP, state, signals_of(SPEC), Orders((Event.ARM,)), zeros(SPEC))
    assert record.mode is Mode.HOMING
