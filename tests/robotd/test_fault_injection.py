"""Every row of the fault table, injected into the tick in every powered mode: its stop, in its time, to its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from robot_builder import setup_of, signals_of, state_in, tilted, zeros

from contract import Signals
from robotd.fault_table import FAULT_TABLE, Fault, Row
from robotd.health import Health
from robotd.mode import Event, Mode, Stop
from robotd.record import Orders, TickRecord
from robotd.tick import TickState, tick

SETUP = setup_of()
SPEC, BOUNDS = SETUP.spec, SETUP.config.safety
HOME = SPEC.robot.home
DT_S = SPEC.runtime.ctrl_dt
KNEE = SPEC.robot.actuator_names.index("left_knee_pitch")
HIP = SPEC.robot.actuator_names.index("right_hip_pitch")
POWERED = [mode for mode in Mode if mode.powered and mode is not Mode.STOPPING]
IN_TIME_TICKS = 2  # 40 ms


class World(NamedTuple):
    """What one tick is given."""

    signals: Signals
    orders: Orders = Orders()
    health: Health = SETUP.well
    skipped: int = 0

    def sensed(self, **changes: Any) -> World:
        arrays = {name: np.asarray(value, np.float32) for name, value in changes.items()}
        return self._replace(signals=self.signals._replace(**arrays))

    def asked(self, event: Event) -> World:
        return self._replace(orders=self.orders._replace(events=(*self.orders.events, event)))

    def joint_at(self, joint: int, pos_rad: float) -> World:
        pose = np.array(self.signals.joint_pos_rad)
        pose[joint] = pos_rad
        return self.sensed(joint_pos_rad=pose)


def at(joint: int, age_s: float) -> np.ndarray:
    ages = np.zeros_like(HOME)
    ages[joint] = age_s
    return ages


def hot(health: Health, degc: float) -> Health:
    temperature = np.array(health.temperature_degc)
    temperature[3] = degc
    return health._replace(temperature_degc=temperature)


# For each row, in the order of the table: what the world is like in the n-th tick of the fault, n from 0.
Injection = Callable[[World, int], World]
INJECTIONS: list[Injection] = [
    lambda world, n: world.sensed(gyro_rad_s=[0, math.nan, 0]),
    lambda world, n: world.sensed(quat_wxyz=tilted(60)),
    lambda world, n: world.sensed(imu_age_s=0.07),
    lambda world, n: world.sensed(imu_age_s=0.21),
    lambda world, n: world.sensed(joint_age_s=at(KNEE, 0.17)),
    lambda world, n: world._replace(health=world.health._replace(bus_errors_in_a_row=(0, 3, 0))),
    lambda world, n: world._replace(skipped=0 if n else 3),
    lambda world, n: world.joint_at(KNEE, -0.06),
    lambda world, n: world.joint_at(HIP, float(world.signals.joint_pos_rad[HIP]) + 0.36),
    lambda world, n: world._replace(health=hot(world.health, 75.5)),
    lambda world, n: world._replace(health=world.health._replace(voltage_v=np.float32(9.9))),
    lambda world, n: world.asked(Event.STOP) if n == 0 else world,
    lambda world, n: world.asked(Event.ESTOP) if n == 0 else world,
    lambda world, n: world._replace(orders=world.orders._replace(link_silent_s=0.51 + n * DT_S)),
    lambda world, n: world._replace(health=world.health._replace(servo_age_s=at(KNEE, 3.1))),
    lambda world, n: world._replace(health=world.health._replace(foot_switch_age_s=np.float32(0.21))),
    lambda world, n: world._replace(health=world.health._replace(torque_unproven=1 << KNEE)),
]
ROWS = list(zip(FAULT_TABLE, INJECTIONS, strict=True))
IDS = [f"{row.fault.name}-{row.stop.name}" for row in FAULT_TABLE]


class Robot:
    """Ticks whose joints are where they were told to be."""

    def __init__(self, mode: Mode) -> None:
        self.state: TickState = state_in(SETUP, mode)

    def step(self, change: Injection = lambda world, n: world, n: int = 0) -> TickRecord:
        """One tick in a world that is well, but for the change."""
        world = change(World(signals_of(SPEC, joint_pos_rad=self.state.target_rad)), n)
        self.state, target, record = tick(
            SETUP, self.state, world.signals, world.orders, zeros(SPEC), world.skipped, world.health
        )
        assert target is None or np.all(np.isfinite(target))
        assert (target is None) == (not record.mode.powered)
        return record


@pytest.mark.parametrize("mode", POWERED, ids=lambda mode: mode.name)
@pytest.mark.parametrize("row, inject", ROWS, ids=IDS)
def test_the_first_safe_command_comes_in_time_and_not_before(row: Row, inject: Injection, mode: Mode) -> None:
    robot = Robot(mode)
    for _ in range(3):
        assert robot.step().faults == Fault.NONE
    debounce_ticks = round(row.debounce_s(BOUNDS) / DT_S)
    for n in range(debounce_ticks + IN_TIME_TICKS):
        record = robot.step(inject, n)
        assert row.fault in record.present
        if record.faults:
            break
    assert record.faults == row.fault
    assert debounce_ticks <= n < debounce_ticks + IN_TIME_TICKS
    assert record.mode is (Mode.FAULT if row.stop is Stop.LIMP else Mode.STOPPING)


@pytest.mark.parametrize("row, inject", ROWS, ids=IDS)
def test_it_ends_limp_and_nothing_moves_again_before_clear_and_arm(row: Row, inject: Injection) -> None:
    robot = Robot(Mode.ACTIVE)
    while robot.step(inject, robot.state.number).mode is Mode.ACTIVE:
        pass
    for _ in range(90):
        record = robot.step()  # the cause is gone
    assert record.mode is Mode.FAULT and record.target_after_rad is None
    assert record.faults == (row.fault if row.latched else Fault.NONE)
    asked = {Event.ARM: Mode.FAULT, Event.ACTIVATE: Mode.FAULT, Event.CLEAR: Mode.IDLE}
    for event, mode in asked.items():
        record = robot.step(lambda world, n, event=event: world.asked(event))
        assert record.mode is mode
    assert record.faults == Fault.NONE
    assert robot.step().mode is Mode.IDLE
    assert robot.step(lambda world, n: world.asked(Event.ARM)).mode is Mode.HOMING


@pytest.mark.parametrize("row, inject", [r for r in ROWS if r[0].fault not in (Fault.OPERATOR, Fault.TRACKING)])
def test_nothing_is_armed_while_the_condition_is_there(row: Row, inject: Injection) -> None:
    robot = Robot(Mode.IDLE)

    def arm(world: World, n: int) -> World:
        return inject(world, n).asked(Event.ARM)

    record = robot.step(arm)
    assert record.mode is Mode.IDLE and row.fault in record.present and not record.faults


PAIRS = [(i, j) for i, j in product(range(len(ROWS)), repeat=2) if FAULT_TABLE[i].fault is not FAULT_TABLE[j].fault]


@pytest.mark.parametrize("first, second", PAIRS, ids=lambda row: IDS[row])
def test_of_any_two_faults_the_worse_stop_wins_and_both_are_named(first: int, second: int) -> None:
    robot, faults = Robot(Mode.ACTIVE), Fault.NONE
    records = [robot.step(lambda world, n: INJECTIONS[second](INJECTIONS[first](world, n), n), n) for n in range(60)]
    for record in records:
        faults |= record.faults
    rows = FAULT_TABLE[first], FAULT_TABLE[second]
    assert (records[-1].mode is Mode.FAULT) == (Stop.LIMP in (rows[0].stop, rows[1].stop))
    limp_by = min((row.debounce_s(BOUNDS) for row in rows if row.stop is Stop.LIMP), default=math.inf)
    for row in rows:
        assert row.fault in faults or row.debounce_s(BOUNDS) > limp_by


def test_hold_keeps_the_last_target_through_a_short_tilt_and_the_policy_goes_on() -> None:
    robot = Robot(Mode.ACTIVE)
    tilt = INJECTIONS[1]
    before = robot.step()
    held = [robot.step(tilt) for _ in range(3)]
    for record in held:
        assert record.mode is Mode.ACTIVE and record.observation is None and record.faults == Fault.NONE
        assert np.array_equal(record.target_after_rad, before.target_after_rad)
    after = robot.step()
    assert after.mode is Mode.ACTIVE and after.observation is not None


def test_homing_stands_still_in_a_hold_and_goes_on_without_a_jump() -> None:
    robot = Robot(Mode.HOMING)
    robot.state = robot.state._replace(start_rad=HOME + np.float32(0.3), target_rad=HOME + np.float32(0.3))
    for _ in range(40):
        moving = robot.step()
    held = [robot.step(INJECTIONS[1]) for _ in range(3)]
    assert all(np.array_equal(r.target_after_rad, moving.target_after_rad) for r in held)
    assert all(r.mode is Mode.HOMING for r in held)
    on = robot.step()
    assert 0 < np.max(abs(on.target_after_rad - moving.target_after_rad)) < 1.5 * 0.3 * DT_S / 2.0 + 1e-5


def test_a_crouch_is_not_held() -> None:
    robot = Robot(Mode.STOPPING)
    for _ in range(20):
        robot.step()
    a = robot.step(INJECTIONS[1]).target_after_rad
    b = robot.step(INJECTIONS[1]).target_after_rad
    assert not np.array_equal(a, b)
