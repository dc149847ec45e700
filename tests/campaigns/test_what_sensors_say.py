"""Is what the sensors say still true? On the real drivers and emulated wires, in ACTIVE, with one thing that fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from fault_campaign import CONFIG, standing
from wired_robot import LoopClock, WiredRobot

from contract import Bundle
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.hiwonder import Command
from firmware_bridge.servo_schedule import Pace
from robotd.config import RobotdConfig, SafetyConfig
from robotd.daemon import run
from robotd.fault_table import Fault
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.wiring import Wiring, regrouped

DT_S = 0.02
BOUNDS = SafetyConfig()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return standing()


class Flight:
    """A robot that is armed, set down and activated; things are done to it in its so-many-th ACTIVE tick.

    Attributes:
        records: from the first tick of ACTIVE on.
    """

    def __init__(self, bundle: Bundle, wiring: Wiring = CONFIG.hardware, seed: int = 1) -> None:
        self.robot, self.records = WiredRobot(bundle, wiring, seed), list[TickRecord]()
        self._bundle, self._config = bundle, RobotdConfig(hardware=wiring)
        self._things: dict[int, Callable[[], Any]] = {}
        self._ticks = 0

    def fly(self, ticks: int, **things: Callable[[], Any]) -> Flight:
        """So many ticks from the first of ACTIVE on, with `at_N` done before tick N."""
        self._ticks, self._things = ticks, {int(name.removeprefix("at_")): do for name, do in things.items()}
        try:
            with asyncio.Runner(loop_factory=self.robot.loop) as runner:
                clock = LoopClock(self.robot.clock)
                runner.run(run(self.robot, self._bundle, self._config, self._ask, clock, [self._see]))  # type: ignore[arg-type]
        finally:
            self.robot.close()
        return self

    def _ask(self, record: TickRecord | None) -> Orders:
        if record is None or (record.mode is Mode.IDLE and not self.records):
            return Orders((Event.ARM,))
        if record.mode is Mode.STANDBY and not self.robot.twin.supported:
            return Orders((Event.ACTIVATE,))
        self._things.pop(len(self.records), lambda: None)()
        return Orders(shutdown=len(self.records) >= self._ticks or record.number > 4000)

    def _see(self, record: TickRecord) -> None:
        if record.mode is Mode.STANDBY and self.robot.twin.supported:
            self.robot.twin.release()
        if record.mode is Mode.ACTIVE or self.records:
            self.records.append(record)

    def stopped_after_s(self, tick: int) -> float:
        """From a tick to the first that did not follow the policy any more."""
        number = next(n for n, record in enumerate(self.records) if record.mode is not Mode.ACTIVE)
        return (number - tick) * DT_S

    @property
    def faults(self) -> Fault:
        """All that were ever raised, the operator's own stop at the end aside."""
        faults = Fault.NONE
        for record in self.records:
            faults |= record.faults
        return faults & ~Fault.OPERATOR


def test_one_error_of_a_foot_switch_is_got_over(bundle: Bundle) -> None:
    flight = Flight(bundle)
    pins = {switch.pin for switch in CONFIG.hardware.foot_switches.all.values()}
    lifted: list[list[float]] = []

    def lift() -> None:
        flight.robot.twin.place(bundle.spec.robot.home, supported=True)

    def look() -> None:
        lifted.append(flight.records[-1].signals.foot_switches.tolist())

    flight.fly(80, at_20=lambda: flight.robot.gpio.refused.update(pins), at_21=flight.robot.gpio.refused.clear,
               at_40=lift, at_60=look)  # fmt: skip
    assert flight.faults == Fault.NONE
    assert flight.records[19].signals.foot_switches.any() and lifted == [[0.0, 0.0, 0.0, 0.0]]


def test_foot_switches_that_cannot_be_read_stop_the_robot_in_time(bundle: Bundle) -> None:
    flight = Flight(bundle)
    flight.fly(80, at_20=lambda: flight.robot.gpio.refused.add(CONFIG.hardware.foot_switches.right_heel.pin))
    assert flight.faults == Fault.FOOT_STALE
    assert BOUNDS.foot_stale_s <= flight.stopped_after_s(20) <= BOUNDS.foot_stale_s + 2 * DT_S


def test_one_error_of_the_imus_pin_is_got_over(bundle: Bundle) -> None:
    flight = Flight(bundle)
    pin = CONFIG.hardware.imu.int_pin
    flight.fly(80, at_20=lambda: flight.robot.gpio.refused.add(pin), at_21=flight.robot.gpio.refused.clear)
    assert flight.faults == Fault.NONE
    assert max(float(record.signals.imu_age_s) for record in flight.records) < BOUNDS.imu_stale_s


def test_an_imu_whose_pin_stays_dead_is_stale(bundle: Bundle) -> None:
    flight = Flight(bundle)
    flight.fly(80, at_20=lambda: flight.robot.gpio.refused.add(CONFIG.hardware.imu.int_pin))
    assert Fault.IMU_STALE in flight.faults and flight.stopped_after_s(20) <= BOUNDS.imu_stale_s + 2 * DT_S


def test_a_servo_that_tells_no_temperature_any_more_stops_the_robot(bundle: Bundle) -> None:
    flight = Flight(bundle)
    servo = flight.robot.servos[("left_leg", 3)]

    def fail() -> None:
        servo.deaf_to |= {Command.TEMP_READ, Command.VIN_READ}
        servo.warm(84)
        servo.supply(8000)

    flight.fly(300, at_20=fail)
    assert flight.faults == Fault.HEALTH_STALE
    assert BOUNDS.health_stale_s - 1.1 <= flight.stopped_after_s(20) <= BOUNDS.health_stale_s + 2 * DT_S


@pytest.mark.parametrize("count", [1, 2])
def test_a_dead_waist_on_a_shared_bus_stops_the_robot(bundle: Bundle, count: int) -> None:
    flight = Flight(bundle, regrouped(CONFIG.hardware, count))
    waist = flight.robot.wiring.joints["waist_yaw"]
    flight.fly(90, at_20=lambda: flight.robot.fault(f"{waist.bus}/{waist.servo_id}", FaultKind.OFF))
    assert flight.faults == Fault.JOINT_STALE
    after_s = flight.stopped_after_s(20)
    assert BOUNDS.joint_stale_s < after_s <= BOUNDS.other_joint_stale_s + 2 * DT_S


def test_the_bound_of_health_leaves_room_for_two_rounds_without_an_answer() -> None:
    assert BOUNDS.health_stale_s == 3 * Pace().health_s


@pytest.mark.parametrize("count", [1, 2, 3])
def test_health_is_never_near_its_bound_on_a_robot_that_is_well(bundle: Bundle, count: int) -> None:
    flight = Flight(bundle, regrouped(CONFIG.hardware, count))
    flight.fly(300)
    assert flight.faults & (Fault.HEALTH_STALE | Fault.FOOT_STALE) == Fault.NONE
    oldest_s = max(float(record.health.servo_age_s.max()) for record in flight.records)
    feet_s = max(float(record.health.foot_switch_age_s) for record in flight.records)
    print(f"{count} buses: temperature and voltage at most {oldest_s:.2f} s old, foot switches {feet_s * 1e3:.0f} ms")
    assert oldest_s < BOUNDS.health_stale_s / 2 and feet_s < BOUNDS.foot_stale_s / 4


def say(servo: EmulatedServo, command: Command, values: list[int]) -> None:
    """The next answers of a servo to a question are these, then the truth again."""
    truth = servo._measure

    def measure(asked: Command) -> tuple[int, ...]:
        return (values.pop(0),) if asked is command and values else truth(asked)

    servo._measure = measure  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "seed, place", [(0, ("left_leg", 1)), (1, ("left_leg", 4)), (2, ("right_leg", 8)), (3, ("upper", 11))]
)
@pytest.mark.parametrize("command, bad", [(Command.VIN_READ, 9800), (Command.TEMP_READ, 80)])
def test_one_bad_answer_is_no_fault(
    bundle: Bundle, seed: int, place: tuple[str, int], command: Command, bad: int
) -> None:
    flight, values = Flight(bundle, seed=seed), [bad]
    flight.fly(130, at_20=lambda: say(flight.robot.servos[place], command, values))
    assert not values, "it was never asked"
    assert flight.faults == Fault.NONE
    assert not any(record.present & (Fault.UNDERVOLT | Fault.OVERHEAT) for record in flight.records)


@pytest.mark.parametrize("seed", range(4))
def test_a_supply_that_sags_for_less_than_the_debounce_is_no_fault(bundle: Bundle, seed: int) -> None:
    """All servos of all buses at once, in the worst phase of the questions or not."""
    flight = Flight(bundle, seed=seed)

    def supply(millivolts: int) -> None:
        for servo in flight.robot.servos.values():
            servo.supply(millivolts)

    flight.fly(120, at_20=lambda: supply(9700), at_50=lambda: supply(12_000))
    seen = [n for n, record in enumerate(flight.records) if record.present & Fault.UNDERVOLT]
    print(f"seed {seed}: UNDERVOLT was present from tick {min(seen, default=-1)} to {max(seen, default=-1)}")
    assert seen and flight.faults == Fault.NONE


@pytest.mark.parametrize("bad, fault", [("hot", Fault.OVERHEAT), ("weak", Fault.UNDERVOLT)])
@pytest.mark.parametrize("count", [1, 3])
def test_what_stays_bad_stops_the_robot_in_time(bundle: Bundle, bad: str, fault: Fault, count: int) -> None:
    flight = Flight(bundle, regrouped(CONFIG.hardware, count))
    servo = next(iter(flight.robot.servos.values()))
    flight.fly(160, at_20=lambda: servo.warm(80) if bad == "hot" else servo.supply(9700))
    present = next(n for n, record in enumerate(flight.records) if record.present & fault)
    print(
        f"{bad}, {count} buses: known after {(present - 20) * DT_S:.2f} s, stop after {flight.stopped_after_s(20):.2f}"
    )
    assert flight.faults == fault
    assert flight.stopped_after_s(20) <= Pace().health_s + 0.1 + BOUNDS.undervolt_debounce_s + 2 * DT_S


def test_a_supply_that_is_never_still_ages_nothing_else(bundle: Bundle) -> None:
    """Every answer leaps, on one bus for all: doubts take turns with the rest."""
    flight = Flight(bundle, regrouped(CONFIG.hardware, 1))
    dice = random.Random(1)

    def shake() -> None:
        for servo in flight.robot.servos.values():
            say(servo, Command.VIN_READ, [dice.choice((11_000, 12_000)) for _ in range(1000)])

    flight.fly(250, at_20=shake)
    oldest_s = max(float(record.health.servo_age_s.max()) for record in flight.records)
    slowest_s = max(float(record.signals.joint_age_s.max()) for record in flight.records)
    print(f"temperature and voltage at most {oldest_s:.2f} s old, joints {slowest_s * 1e3:.0f} ms")
    assert flight.faults == Fault.NONE and oldest_s < BOUNDS.health_stale_s / 2
