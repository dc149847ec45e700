"""How each row of the fault table is brought about on emulated wires, and from when on the fault is really there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from contract import PolicySpec, target_to_action
from contract.frames import Array
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.witness import Arrival
from firmware_bridge.hiwonder import Command, write
from robotd.config import RobotdConfig, SafetyConfig
from robotd.fault_table import FAULT_TABLE, Fault, Row
from robotd.hal.emulated import REPLY_S, EmulatedHardware
from robotd.mode import Event, Stop
from robotd.record import Orders, TickRecord

SWAY_RAD = 0.05
SWAY_TICKS = 8
REACH_RAD = 0.25
TILT_RAD = np.radians(60)
COMMAND_S = 0.04
"""What is promised beyond condition and debounce."""
HOT_DEGC, WEAK_MV, TOUCHY_DEGC = 80, 9500, 50


class Swayer:
    """A network whose targets differ from tick to tick, so that each of its commands can be told from a safe one.

    fails: answers NaN from now on; leans: holds the last joint REACH_RAD to one side (-1), to the other (1), or sways.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self._spec, self._calls = spec, 0
        self.fails, self.leans = False, 0

    def __call__(self, observation: Array) -> Array:
        """(O,) -> (J,)."""
        self._calls += 1
        if self.fails:
            return np.full(self._spec.num_joints, np.nan, np.float32)
        sway = SWAY_RAD * np.sin(2 * np.pi * self._calls / SWAY_TICKS)
        target = self._spec.robot.home + np.float32(sway)
        if self.leans:
            target[-1] = self._spec.robot.home[-1] + REACH_RAD * self.leans
        return np.asarray(target_to_action(self._spec, target))


class Bench(NamedTuple):
    """What an injection may touch: the robot, its network, and the bus and servo that are to fail."""

    hardware: EmulatedHardware
    network: Swayer
    config: RobotdConfig
    ctrl_dt: float
    bus: str
    servo_id: int

    @property
    def servo(self) -> str:
        """The servo as the emulator calls it."""
        return f"{self.bus}/{self.servo_id}"


Since = Callable[[Bench, Sequence[Arrival]], float | None]


class Injection(NamedTuple):
    """One row of the table.

    how: in words; inject: done between two ticks; given_s: how long the condition itself takes by definition, as
    the age of a sample, for bounds and control period; orders: of the operator, by the seconds since; before: done
    when the policy takes over; since: from when on the wire tells of the fault, out of what arrived after the
    injection (None: never), where that is not the moment of the injection; shows: instead, the first record with it.
    """

    row: Row
    how: str
    inject: Callable[[Bench], None] = lambda bench: None
    given_s: Callable[[SafetyConfig, float], float] = lambda bounds, ctrl_dt: 0.0
    orders: Callable[[float], Orders] = lambda elapsed_s: Orders()
    before: Callable[[Bench], None] = lambda bench: None
    since: Since | None = None
    shows: Callable[[Bench, TickRecord], bool] | None = None

    @property
    def name(self) -> str:
        """As in the table of results."""
        return f"{self.row.fault.name} {self.row.stop.name.lower()}"

    def promised_s(self, bounds: SafetyConfig, ctrl_dt: float) -> float:
        """From the fault to the first safe command on the wire, at most."""
        return self.given_s(bounds, ctrl_dt) + self.row.debounce_s(bounds) + COMMAND_S


def _row(fault: Fault, stop: Stop = Stop.CROUCH) -> Row:
    return next(row for row in FAULT_TABLE if row.fault is fault and row.stop is stop)


def _fail(bench: Bench) -> None:
    bench.network.fails = True


def _lean(side: int) -> Callable[[Bench], None]:
    def lean(bench: Bench) -> None:
        bench.network.leans = side

    return lean


def _stick(bench: Bench) -> None:
    """The last joint's servo says that it stays where it is, and the policy moves it."""
    bench.hardware.bench.fault(bench.servo, FaultKind.STUCK)
    _lean(1)(bench)


def _tip_over(bench: Bench) -> None:
    half = TILT_RAD / 2
    pose = bench.hardware.twin.sense().joint_pos_rad
    bench.hardware.place(pose, (float(np.cos(half)), 0.0, float(np.sin(half)), 0.0))


def _servo(kind: FaultKind) -> Callable[[Bench], None]:
    return lambda bench: bench.hardware.bench.fault(bench.servo, kind)


def _bus(kind: FaultKind) -> Callable[[Bench], None]:
    return lambda bench: bench.hardware.bench.fault(bench.bus, kind)


def _imu_off(bench: Bench) -> None:
    bench.hardware.chip.inject(FaultKind.OFF)


def _stall(bench: Bench) -> None:
    """So long that deadlines are skipped; the last of those that pass is only served late."""
    time.sleep(bench.ctrl_dt * (bench.config.safety.overrun_in_a_row + 1.2))


def _warm(bench: Bench) -> None:
    with bench.hardware.bench.lock:
        _the_servo(bench).warm(HOT_DEGC)


def _protect_itself(bench: Bench) -> None:
    """Warmer than it may be by its own limit, and far from OVERHEAT."""
    with bench.hardware.bench.lock:
        servo = _the_servo(bench)
        servo.hear(write(bench.servo_id, Command.TEMP_MAX_WRITE, TOUCHY_DEGC))
        servo.warm(TOUCHY_DEGC + 1)


def _weaken(bench: Bench) -> None:
    with bench.hardware.bench.lock:
        _the_servo(bench).supply(WEAK_MV)


def _fall_silent_on_health(bench: Bench) -> None:
    with bench.hardware.bench.lock:
        _the_servo(bench).deaf_to |= {Command.TEMP_READ, Command.VIN_READ}


def _refuse_the_switches(bench: Bench) -> None:
    switches = bench.config.hardware.foot_switches.all.values()
    bench.hardware.gpio.refused |= {switch.pin for switch in switches}


def _the_servo(bench: Bench) -> EmulatedServo:
    servos = bench.hardware.bench.wires[bench.bus].servos
    return next(servo for servo in servos if servo.servo_id == bench.servo_id)


def _answered(command: str, times: int = 1) -> Since:
    """When the servo has been asked so many times, and so has answered."""

    def since(bench: Bench, arrivals: Sequence[Arrival]) -> float | None:
        asked = [a for a in arrivals if a.command == command and bench.servo_id in a.heard and a.bus == bench.bus]
        return asked[times - 1].stamp_s if len(asked) >= times else None

    return since


def _bus_silent(bench: Bench, arrivals: Sequence[Arrival]) -> float | None:
    """When the bus has owed an answer to so many servos in a row; asking the same one again does not count."""
    asked = [a for a in arrivals if a.bus == bench.bus and a.command.endswith("_read") and not a.heard]
    turns = [a for n, a in enumerate(asked) if n == 0 or a.address != asked[n - 1].address]
    needed = bench.config.safety.bus_errors
    return turns[needed - 1].stamp_s + REPLY_S if len(turns) >= needed else None


def _off_target(bench: Bench, record: TickRecord) -> bool:
    target = record.target_after_rad
    return target is not None and bool(
        np.max(np.abs(target - record.signals.joint_pos_rad)) > bench.config.safety.tracking_rad
    )


INJECTIONS = (
    Injection(_row(Fault.NONFINITE), "the network answers NaN", _fail),
    Injection(_row(Fault.TILT, Stop.LIMP), "the body is turned by 60 deg", _tip_over),
    Injection(_row(Fault.IMU_STALE), "the IMU loses its power", _imu_off, lambda bounds, ctrl_dt: bounds.imu_stale_s),
    Injection(
        _row(Fault.IMU_STALE, Stop.LIMP),
        "the IMU stays without power",
        _imu_off,
        lambda bounds, ctrl_dt: bounds.imu_lost_s,
    ),
    Injection(
        _row(Fault.JOINT_STALE),
        "a leg servo loses its power",
        _servo(FaultKind.OFF),
        lambda bounds, ctrl_dt: bounds.joint_stale_s,
    ),
    Injection(_row(Fault.BUS), "a whole bus falls silent", _bus(FaultKind.OFF), since=_bus_silent),
    Injection(
        _row(Fault.OVERRUN),
        "the loop stalls",
        _stall,
        lambda bounds, ctrl_dt: bounds.overrun_in_a_row * ctrl_dt,
    ),
    Injection(
        _row(Fault.JOINT_LIMIT), "a servo reports 96 deg off", _servo(FaultKind.WRONG), since=_answered("pos_read")
    ),
    Injection(_row(Fault.TRACKING), "a joint stays behind its target", _stick, before=_lean(-1), shows=_off_target),
    Injection(_row(Fault.OVERHEAT), "a servo reports 80 degC", _warm, since=_answered("temp_read", 2)),
    Injection(_row(Fault.UNDERVOLT), "a servo reports 9.5 V", _weaken, since=_answered("vin_read", 2)),
    Injection(_row(Fault.OPERATOR), "stop is ordered", orders=lambda elapsed_s: Orders((Event.STOP,))),
    Injection(_row(Fault.OPERATOR, Stop.LIMP), "estop is ordered", orders=lambda elapsed_s: Orders((Event.ESTOP,))),
    Injection(
        _row(Fault.LINK),
        "a claimed controller falls silent",
        given_s=lambda bounds, ctrl_dt: bounds.link_silent_s,
        orders=lambda elapsed_s: Orders(link_silent_s=elapsed_s),
    ),
    Injection(
        _row(Fault.HEALTH_STALE),
        "a servo tells no temperature",
        _fall_silent_on_health,
        lambda bounds, ctrl_dt: bounds.health_stale_s,
    ),
    Injection(
        _row(Fault.FOOT_STALE),
        "the foot switches' pins fail",
        _refuse_the_switches,
        lambda bounds, ctrl_dt: bounds.foot_stale_s,
    ),
    Injection(
        _row(Fault.TORQUE),
        "a servo protects itself and drops its torque",
        _protect_itself,
        since=_answered("load_or_unload_read"),
    ),
)
