"""Every row of the fault table: just below and just above its bound, its debounce to the tick, its stop, its latch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from robot_builder import state_in, tilted, zeros
from safety_watch import HOME, SETUP, SPEC, Watch, signals

from contract import Signals
from firmware_bridge.bus_budget import bus_budget
from robotd.config import SafetyConfig
from robotd.fault_table import FAULT_TABLE, Fault, leg_joints
from robotd.mode import Event, Mode, Stop
from robotd.record import Orders
from robotd.tick import tick

POWERED = [mode for mode in Mode if mode.powered]
KNEE = SPEC.robot.actuator_names.index("left_knee_pitch")
WAIST = SPEC.robot.actuator_names.index("waist_yaw")


def moved(joint: int, to_rad: float) -> np.ndarray:
    pose = HOME.copy()
    pose[joint] = to_rad
    return pose


def ages(joint: int, age_s: float) -> np.ndarray:
    age = np.zeros_like(HOME)
    age[joint] = age_s
    return age


# name, signals just below the bound, just above it, fault, ticks until it is raised (1: the first), stop
CASES: list[tuple[str, dict[str, Any], dict[str, Any], Fault, int, Stop]] = [
    ("tilt forward", {"quat_wxyz": tilted(44.9)}, {"quat_wxyz": tilted(45.1)}, Fault.TILT, 4, Stop.LIMP),
    ("tilt backward", {"quat_wxyz": tilted(-44.9)}, {"quat_wxyz": tilted(-45.1)}, Fault.TILT, 4, Stop.LIMP),
    ("tilt aside", {"quat_wxyz": tilted(44.9, 0)}, {"quat_wxyz": tilted(45.1, 0)}, Fault.TILT, 4, Stop.LIMP),
    ("upside down", {"quat_wxyz": tilted(180, 2)}, {"quat_wxyz": tilted(180, 0)}, Fault.TILT, 4, Stop.LIMP),
    ("old imu", {"imu_age_s": 0.0599}, {"imu_age_s": 0.0601}, Fault.IMU_STALE, 1, Stop.CROUCH),
    ("lost imu", {"imu_age_s": 0.0}, {"imu_age_s": 0.2001}, Fault.IMU_STALE, 1, Stop.LIMP),
    (
        "old knee",
        {"joint_age_s": ages(KNEE, 0.1599)},
        {"joint_age_s": ages(KNEE, 0.1601)},
        Fault.JOINT_STALE,
        1,
        Stop.CROUCH,
    ),
    (
        "old waist",
        {"joint_age_s": ages(WAIST, 0.4999)},
        {"joint_age_s": ages(WAIST, 0.5001)},
        Fault.JOINT_STALE,
        1,
        Stop.CROUCH,
    ),
    (
        "knee below its range",
        {"joint_pos_rad": moved(KNEE, -0.0499)},
        {"joint_pos_rad": moved(KNEE, -0.0501)},
        Fault.JOINT_LIMIT,
        4,
        Stop.CROUCH,
    ),
    (
        "knee beyond its range",
        {"joint_pos_rad": moved(KNEE, 1.8499)},
        {"joint_pos_rad": moved(KNEE, 1.8501)},
        Fault.JOINT_LIMIT,
        4,
        Stop.CROUCH,
    ),
    (
        "knee off its target",
        {"joint_pos_rad": moved(KNEE, HOME[KNEE] + 0.3499)},
        {"joint_pos_rad": moved(KNEE, HOME[KNEE] + 0.3501)},
        Fault.TRACKING,
        16,
        Stop.CROUCH,
    ),
    (
        "knee off its target downwards",
        {"joint_pos_rad": moved(KNEE, HOME[KNEE] - 0.3499)},
        {"joint_pos_rad": moved(KNEE, HOME[KNEE] - 0.3501)},
        Fault.TRACKING,
        16,
        Stop.CROUCH,
    ),
]
IDS = [case[0] for case in CASES]


@pytest.mark.parametrize("mode", POWERED)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_just_below_the_bound_nothing_happens(case: Any, mode: Mode) -> None:
    watch = Watch(mode, on_target=case[3] is Fault.JOINT_LIMIT)
    for _ in range(60):
        assert watch.feed(signals(case[1])) == (Fault.NONE, Fault.NONE, Stop.NONE)


@pytest.mark.parametrize("mode", POWERED)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_just_above_the_bound_it_is_a_fault_after_the_debounce_to_the_tick(case: Any, mode: Mode) -> None:
    _, _, above, fault, ticks, stop = case
    watch = Watch(mode, on_target=fault is Fault.JOINT_LIMIT)
    for _ in range(ticks - 1):
        verdict = watch.feed(signals(above))
        assert verdict.faults == Fault.NONE and fault in verdict.present
    verdict = watch.feed(signals(above))
    assert verdict.faults == fault and verdict.stop is stop


@pytest.mark.parametrize("case", [case for case in CASES if case[4] > 1], ids=[c[0] for c in CASES if c[4] > 1])
def test_one_good_tick_starts_the_debounce_again(case: Any) -> None:
    _, below, above, _, ticks, stop = case
    watch = Watch(Mode.ACTIVE)
    for _ in range(3):
        for _ in range(ticks - 1):
            assert watch.feed(signals(above)).stop is (Stop.HOLD if stop is Stop.LIMP else Stop.NONE)
        assert watch.feed(signals(below)).stop is Stop.NONE


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_fault_stays_latched_until_it_is_cleared_in_fault(case: Any) -> None:
    _, below, above, fault, ticks, stop = case
    watch = Watch(Mode.ACTIVE)
    for _ in range(ticks):
        watch.feed(signals(above))
    watch.mode = Mode.STOPPING
    assert watch.feed(signals(below), Event.CLEAR).stop is stop
    watch.mode = Mode.FAULT
    assert watch.feed(signals(below), Event.ARM).faults == fault
    assert watch.feed(signals(below), Event.CLEAR) == (Fault.NONE, Fault.NONE, Stop.NONE)


@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.FAULT])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_without_torque_a_condition_is_shown_but_stops_nothing(case: Any, mode: Mode) -> None:
    _, _, above, fault, ticks, _ = case
    watch = Watch(mode)
    for _ in range(ticks + 1):
        verdict = watch.feed(signals(above))
        assert verdict.faults == Fault.NONE and verdict.stop is Stop.NONE
        assert fault in verdict.present or fault is Fault.TRACKING  # limp joints have no target


EXACT = SafetyConfig(
    imu_stale_s=0.0625,
    imu_lost_s=0.125,
    joint_stale_s=0.125,
    other_joint_stale_s=0.25,
    tracking_rad=0.25,
    joint_limit_margin_rad=0.125,
)
AT_HOME_AND_A_QUARTER = [
    {"imu_age_s": 0.0625},
    {"joint_age_s": ages(KNEE, 0.125)},
    {"joint_age_s": ages(WAIST, 0.25)},
    {"joint_pos_rad": HOME + np.float32(0.25) * np.eye(len(HOME), dtype=np.float32)[WAIST]},
    {"joint_pos_rad": HOME - np.float32(0.25) * np.eye(len(HOME), dtype=np.float32)[WAIST]},
]


@pytest.mark.parametrize("changes", AT_HOME_AND_A_QUARTER)
def test_at_the_bound_itself_nothing_is_wrong(changes: dict[str, Any]) -> None:
    """With bounds that float32 holds exactly; home of the waist is 0."""
    assert HOME[WAIST] == 0
    watch = Watch(Mode.ACTIVE, bounds=EXACT)
    assert watch.feed(signals(changes)).present == Fault.NONE


@pytest.mark.parametrize("sign, bound", [(1, SPEC.robot.range_max), (-1, SPEC.robot.range_min)])
def test_at_the_end_of_the_margin_a_joint_is_still_inside(sign: int, bound: np.ndarray) -> None:
    watch = Watch(Mode.ACTIVE, on_target=True, bounds=EXACT)
    assert watch.feed(signals({"joint_pos_rad": bound + sign * np.float32(0.125)})).present == Fault.NONE
    beyond = np.nextafter(bound + sign * np.float32(0.125), np.float32(9 * sign))
    for joint in range(len(HOME)):
        pose = HOME.copy()
        pose[joint] = beyond[joint]
        assert watch.feed(signals({"joint_pos_rad": pose})).present == Fault.JOINT_LIMIT


def test_an_imu_is_lost_only_beyond_its_bound() -> None:
    assert Watch(Mode.ACTIVE, bounds=EXACT).feed(signals({"imu_age_s": 0.125})).stop is Stop.CROUCH
    assert Watch(Mode.ACTIVE, bounds=EXACT).feed(signals({"imu_age_s": 0.126})).stop is Stop.LIMP


def test_skipped_periods_count_towards_the_debounce() -> None:
    watch = Watch(Mode.ACTIVE)
    assert watch.feed(signals({"quat_wxyz": tilted(50)})).stop is Stop.HOLD
    assert watch.feed(signals({"quat_wxyz": tilted(50)}), skipped=1).stop is Stop.HOLD
    assert watch.feed(signals({"quat_wxyz": tilted(50)})).stop is Stop.LIMP


def test_a_waist_may_be_older_than_a_leg() -> None:
    assert Watch(Mode.ACTIVE).feed(signals({"joint_age_s": ages(WAIST, 0.49)})).stop is Stop.NONE
    assert Watch(Mode.ACTIVE).feed(signals({"joint_age_s": ages(WAIST, math.nan)})).stop is Stop.CROUCH
    assert not SETUP.leg_joints[WAIST] and SETUP.leg_joints.sum() == 10


@pytest.mark.parametrize("joints", [11, 16])
def test_on_a_single_bus_joints_that_are_in_no_leg_are_far_from_their_bound(joints: int) -> None:
    """Six times what the budget says of our 11 servos, and twice of 16."""
    bound_s, oldest_s = SafetyConfig().other_joint_stale_s, bus_budget(joints).age_max_s
    print(f"{joints} servos on one bus: at most {oldest_s:.3f} s old, bound {bound_s} s")
    assert bound_s > {11: 6, 16: 2}[joints] * oldest_s


def test_the_joints_that_carry_the_robot_are_told_by_their_names() -> None:
    names = ("waist_yaw", "left_hip_roll", "arm", "knee", "right_ankle_pitch", "foot_roll", "neck")
    legs = leg_joints(names)
    assert legs.dtype == bool and legs.tolist() == [False, True, False, True, True, True, False]


def test_a_robot_without_leg_names_watches_all_joints() -> None:
    legs = leg_joints(("joint_0", "joint_1"))
    assert legs.dtype == bool and legs.tolist() == [True, True]


@pytest.mark.parametrize(
    "skips, tick_of_fault",
    [
        ([0, 3], 2),
        ([0, 2, 0, 2, 0], None),
        ([1, 1, 1], 3),
        ([2, 1], 2),
        ([1, 0] * 4, None),
        ([1, 0] * 5, 9),
        ([2, 0, 2, 0, 1], 5),
        ([1, *([0] * 11)] * 8, None),
        ([1, *([0] * 10)] * 8, 45),
        ([2, *([0] * 9)] * 8, 21),
        ([1000], 1),
        ([10**15], 1),
    ],
)
def test_overruns_three_in_a_row_or_five_of_fifty(skips: list[int], tick_of_fault: int | None) -> None:
    """(tick of the fault, counted from 1, None for never)"""
    watch = Watch(Mode.ACTIVE)
    found = None
    for number, skipped in enumerate(skips, 1):
        verdict = watch.feed(signals({}), skipped=skipped)
        if verdict.faults and found is None:
            assert verdict.faults == Fault.OVERRUN and verdict.stop is Stop.CROUCH
            found = number
    assert found == tick_of_fault


def test_operator_stop_crouches_and_estop_limps() -> None:
    for mode in POWERED:
        assert Watch(mode).feed(signals({}), Event.STOP) == (Fault.OPERATOR, Fault.OPERATOR, Stop.CROUCH)
    for mode in Mode:
        verdict = Watch(mode).feed(signals({}), Event.ESTOP)
        assert verdict.faults == Fault.OPERATOR and verdict.stop is Stop.LIMP
    for mode in (Mode.IDLE, Mode.FAULT):
        assert Watch(mode).feed(signals({}), Event.STOP).stop is Stop.NONE


def test_the_worst_of_several_stops_wins_and_all_faults_are_named() -> None:
    seen = signals({"quat_wxyz": tilted(90), "imu_age_s": 0.1})
    watch = Watch(Mode.ACTIVE)
    for _ in range(4):
        verdict = watch.feed(seen)
    assert verdict.stop is Stop.LIMP and verdict.faults.names == ("TILT", "IMU_STALE")


@pytest.mark.parametrize("field", Signals._fields)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_signal_that_is_not_finite_stops_in_the_same_tick(field: str, value: float) -> None:
    array = np.array(getattr(signals({}), field), np.float32)
    array[(array.shape and (-1,)) or ()] = value
    with np.errstate(invalid="raise"):  # no arithmetic with it either
        verdict = Watch(Mode.ACTIVE).feed(signals({field: array}))
    assert Fault.NONFINITE in verdict.faults and verdict.stop is not Stop.NONE


def test_every_fault_has_a_row_in_its_order_and_all_but_link_latch() -> None:
    assert list(dict.fromkeys(row.fault for row in FAULT_TABLE)) == list(Fault)
    assert all(row.text and row.stop in (Stop.CROUCH, Stop.LIMP) for row in FAULT_TABLE)
    assert [row.fault for row in FAULT_TABLE if not row.latched] == [Fault.LINK]
    assert [row.fault for row in FAULT_TABLE if row.meanwhile is not Stop.NONE] == [Fault.TILT]
    assert [row.fault for row in FAULT_TABLE if row.always] == [Fault.OPERATOR]


def test_arming_is_refused_while_a_condition_is_present() -> None:
    lying = signals({"quat_wxyz": tilted(90)})
    state = state_in(SETUP, Mode.IDLE)
    arm = Orders((Event.ARM,))
    state, target, record = tick(SETUP, state, lying, arm, zeros(SPEC))
    assert target is None and record.mode is Mode.IDLE and record.present == Fault.TILT
    state, target, record = tick(SETUP, state, signals({}), arm, zeros(SPEC))
    assert target is not None and record.mode is Mode.HOMING
