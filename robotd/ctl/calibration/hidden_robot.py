"""A robot of which nobody knows how it was put together: emulated devices, byte by byte, behind a hidden truth.

For rehearsing a calibration (`--hal emulated`) and for proving it: ids, buses, directions, offsets, the IMU's mounting
and the switches' pins are drawn by chance. Its time is simulated.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import NamedTuple

from contract.robot_config import RobotConfig
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_wire import Bno085Wire
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.bno085_sensor import Motion
from firmware_bridge.emulator.foot_contact import FootContacts
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.emulator.joints import FirstOrderJoints, MotionProfile
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.servo_wire import ServoWire
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.foot_switch import FootSwitches
from firmware_bridge.mounting import Mounting, Quat
from robotd.clock import SimulatedClock
from robotd.ctl.calibration.robot import Senses
from robotd.ctl.calibration.simulated_loop import SimulatedWorld, WireLine
from robotd.hal.servo_frame import servo_frame, to_rad, unclamped_units
from robotd.wiring import JointCalibration, JointWire, SwitchWire, Wiring

OFFSET_UNITS = 60
LAST_ID = 60
NOISE_RAD = math.radians(1.0)
"""Of each sample's attitude about each axis, one sigma."""
BEND_RAD = math.radians(3.0)
PLAY_RAD = 0.04
"""Real stops lie up to this far outside of the configured range."""


class HiddenTruth(NamedTuple):
    """How the robot is really put together; by joint or by switch. bend_rad: how its frame leans forward and to the
    right when all joints are at home and the soles flat."""

    wires: Mapping[str, JointWire]
    rows: Mapping[str, JointCalibration]
    stops_rad: Mapping[str, tuple[float, float]]
    mounting_wxyz: Quat
    switches: Mapping[str, SwitchWire]
    bend_rad: tuple[float, float] = (0.0, 0.0)


def draw_truth(config: RobotConfig, wiring: Wiring, seed: int) -> HiddenTruth:
    """A truth by chance: ids and directions of all joints, buses exchanged, offsets within 60 units, the IMU turned
    in any way, pins exchanged, every switch normally open or closed."""
    dice = random.Random(f"truth {seed}")
    used = list(wiring.used_buses)
    bus_of = dict(zip(used, dice.sample(used, len(used)), strict=True))
    wires, rows, stops = {}, {}, {}
    for bus in used:
        joints = wiring.on_bus(bus)
        ids = dice.sample(range(1, LAST_ID), len(joints))
        wires.update({name: JointWire(bus=bus_of[bus], servo_id=i) for name, i in zip(joints, ids, strict=True)})
    for name in wiring.joints:
        rows[name] = JointCalibration(
            direction=dice.choice((-1, 1)),
            offset_units=dice.randint(-OFFSET_UNITS, OFFSET_UNITS),
            q_at_zero_rad=wiring.calibration[name].q_at_zero_rad,
        )
        joint = config.joints[name]
        stops[name] = (joint.range_min_rad - dice.uniform(0, PLAY_RAD), joint.range_max_rad + dice.uniform(0, PLAY_RAD))
    names, pins = list(config.foot_switches), [wire.pin for wire in wiring.foot_switches.all.values()]
    switches = {
        name: SwitchWire(pin=pin, pressed_low=dice.random() < 0.75)
        for name, pin in zip(names, dice.sample(pins, len(pins)), strict=True)
    }
    mounting, bend = any_rotation(dice), (dice.uniform(-BEND_RAD, BEND_RAD), dice.uniform(-BEND_RAD, BEND_RAD))
    return HiddenTruth(wires, rows, stops, mounting, switches, bend)


def any_rotation(dice: random.Random) -> Quat:
    """A rotation drawn evenly from all."""
    parts = [dice.gauss(0, 1) for _ in range(4)]
    norm = math.hypot(*parts)
    w, x, y, z = (part / norm for part in parts)
    return w, x, y, z


class TurningJoints(FirstOrderJoints):
    """Joints that note how far, and how fast at most, their servos were told to turn them (units, units/s)."""

    def __init__(self, servo_ids: list[int], clock: SimulatedClock) -> None:
        super().__init__(servo_ids, clock_s=clock.now_s)
        self._clock = clock
        self._ramps: dict[int, MotionProfile] = {}  # of loaded servos, as they were told
        self.travel = dict.fromkeys(servo_ids, 0.0)
        self.fastest = dict.fromkeys(servo_ids, 0.0)

    def load(self, servo_id: int, loaded: bool) -> None:
        """Torque on or off."""
        super().load(servo_id, loaded)
        if loaded:
            self._ramps.setdefault(servo_id, MotionProfile(self.read(servo_id), math.inf))
        else:
            self._ramps.pop(servo_id, None)

    def target(self, servo_id: int, units: float, time_ms: int) -> None:
        """A new target."""
        now_s, ramp = self._clock.now_s(), self._ramps[servo_id]
        way = abs(units - ramp.at(now_s))
        ramp.move(units, time_ms, now_s)
        self.travel[servo_id] += way
        if way:
            self.fastest[servo_id] = max(self.fastest[servo_id], way / max(time_ms / 1000, 1e-6))
        super().target(servo_id, units, time_ms)


class HiddenRobot:
    """The emulated devices of one truth, and what a person can see of them and do to them.

    Attributes:
        attitude_wxyz: world<-body, as the person holds the robot. pressed: names of the switches that are pressed now.
        witness: what reached the servos. shafts: the mechanics of each bus.
    """

    def __init__(self, truth: HiddenTruth, config: RobotConfig, wiring: Wiring, seed: int = 0) -> None:
        self.truth, self.clock, self.witness = truth, SimulatedClock(), Witness(1_000_000)
        self.dice = random.Random(f"robot {seed}")
        self.attitude_wxyz: Quat = (1.0, 0.0, 0.0, 0.0)
        self.pressed: set[str] = set()
        self.shafts: dict[str, TurningJoints] = {}
        wires = []
        for number, bus in enumerate(wiring.used_buses):
            ids = [wire.servo_id for wire in truth.wires.values() if wire.bus == bus]
            self.shafts[bus] = TurningJoints(ids, self.clock)
            servos = [EmulatedServo(i, self.shafts[bus], seed + i, self.clock.now_s) for i in ids]
            wires.append(ServoWire(bus, servos, self.witness, baud=wiring.baud, seed=seed + number))
        self.wires = {wire.name: wire for wire in wires}
        self.lines = {wire.name: WireLine(wire, self.clock) for wire in wires}
        self.time = SimulatedWorld(self.clock, list(self.lines.values()))
        self.gpio = EmulatedGpio()
        self.senses = self._wire_senses(wiring, seed)
        for name in truth.wires:
            joint = config.joints[name]
            middle, half = (joint.range_max_rad + joint.range_min_rad) / 2, joint.range_max_rad - joint.range_min_rad
            self.place(name, middle + self.dice.uniform(-0.25, 0.25) * half)

    def angle(self, joint: str) -> float:
        """Where a joint is, rad."""
        wire = self.truth.wires[joint]
        units = self.shafts[wire.bus].read(wire.servo_id)
        return float(to_rad(servo_frame([self.truth.rows[joint]]), [units])[0])

    def place(self, joint: str, angle_rad: float) -> None:
        """Put a joint somewhere by hand. Raises RuntimeError: its torque is on."""
        wire = self.truth.wires[joint]
        if any(servo.loaded for servo in self.wires[wire.bus].servos if servo.servo_id == wire.servo_id):
            raise RuntimeError(f"{joint}: a hand cannot move it, its torque is on")
        units = float(unclamped_units(servo_frame([self.truth.rows[joint]]), [angle_rad])[0])
        self.shafts[wire.bus].place(wire.servo_id, units)

    def travels(self) -> dict[str, float]:
        """How far each joint was turned by its servo since the start, units."""
        return {name: self.shafts[wire.bus].travel[wire.servo_id] for name, wire in self.truth.wires.items()}

    def _wire_senses(self, wiring: Wiring, seed: int) -> Senses:
        from robotd.hal.real import imu_config

        unturned = wiring.imu.model_copy(update={"mounting_wxyz": [1.0, 0.0, 0.0, 0.0], "spi_bus": 0, "spi_device": 0})
        config, switches = imu_config(unturned), self.truth.switches
        self.chip = Bno085Chip(
            self.gpio,
            self._motion,
            clock=self.clock.now_s,
            mounting_wxyz=self.truth.mounting_wxyz,
            int_pin=config.int_pin,
            reset_pin=config.reset_pin,
            wake_pin=config.wake_pin,
            seed=seed,
        )
        self.contacts = FootContacts(
            self.gpio,
            lambda: [(name in self.pressed) is wire.pressed_low for name, wire in switches.items()],
            pins=[wire.pin for wire in switches.values()],
            clock=self.clock.now_s,
            seed=seed,
        )
        pins = {name: wire.pin for name, wire in wiring.foot_switches.all.items()}
        imu = Bno085(Bno085Wire(self.chip, self.gpio, config), config, self.clock.now_s, self.time.sleep)
        return Senses(imu, FootSwitches(self.gpio, pins, self.clock.now_s), Bno085.bring_up, Bno085.serve)

    def _motion(self) -> Motion:
        """Held still, but for the noise of the chip's attitude."""
        x, y, z = (self.dice.gauss(0, NOISE_RAD) / 2 for _ in range(3))
        norm = math.hypot(1.0, x, y, z)
        noise = Mounting((1 / norm, -x / norm, -y / norm, -z / norm))
        return noise.attitude(self.attitude_wxyz), (0.0, 0.0, 0.0)
