"""A robot's wires as data, the section `hardware` of robotd.yaml: what is plugged in where, and how it is mounted.

Per joint there are two parts. `joints` says at which bus and under which id its servo answers. `calibration` says how
the servo sits in the joint, and is all that a calibration measures: unit = 500 + offset + direction * (q - q_at_zero)
* 1000 / rad(240).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from robotd.section import Section, bounded

Pin = Annotated[int, bounded(0, 27), Field(description="a BCM number")]
LEG_JOINTS = ("hip_pitch", "hip_roll", "knee_pitch", "ankle_pitch", "foot_roll")
MIDDLE_UNITS, LAST_UNITS = 500, 1000
UNITS_PER_RAD = LAST_UNITS / math.radians(240)
"""A servo counts its 240 degrees from unit 0 to 1000."""
_MIDDLE_RAD = {"hip_pitch": 0.4355, "hip_roll": 0.698, "knee_pitch": 0.9, "ankle_pitch": 0.1305, "foot_roll": 0.0}


class WiringError(ValueError):
    """Wires that cannot be: one sentence."""


class BusWire(Section):
    """One servo bus."""

    port: str


class JointWire(Section):
    """Where the servo of a joint answers."""

    bus: str
    servo_id: Annotated[int, bounded(0, 253)]


class JointCalibration(Section):
    """How a servo sits in its joint.

    direction: of the joint's angle as the units grow; offset_units: of the horn on its teeth; q_at_zero_rad: the
    joint's angle in the middle of the servo's 240 degrees (unit 500) but for the offset.
    """

    direction: Literal[-1, 1] = 1
    offset_units: Annotated[int, bounded(-125, 125)] = 0
    q_at_zero_rad: Annotated[float, bounded(-math.pi, math.pi)] = 0.0


class ImuWire(Section):
    """The BNO085. Pins are BCM numbers; mounting_wxyz is body<-sensor."""

    spi_bus: Annotated[int, bounded(0, 9)] = 0
    spi_device: Annotated[int, bounded(0, 9)] = 0
    speed_hz: Annotated[int, bounded(100_000, 3_000_000)] = 3_000_000
    int_pin: Pin = 17
    reset_pin: Pin = 27
    wake_pin: Pin = 25
    rate_hz: Annotated[float, bounded(100, 200)] = 200.0
    mounting_wxyz: Annotated[list[float], Field(min_length=4, max_length=4)] = [1.0, 0.0, 0.0, 0.0]  # noqa: RUF012

    @model_validator(mode="after")
    def _is_a_rotation(self) -> ImuWire:
        norm = math.hypot(*self.mounting_wxyz)
        if abs(norm - 1) > 0.01:
            raise ValueError(f"mounting_wxyz {self.mounting_wxyz} has the norm {norm:.3f}, expected 1")
        return self


class SwitchWire(Section):
    """One foot switch. pin: BCM number; pressed_low: it closes to ground, as a normally-open one does."""

    pin: Pin
    pressed_low: bool = True


class FootSwitchWires(Section):
    """The four switches, in the order of the contract."""

    left_toe: SwitchWire = SwitchWire(pin=5)
    left_heel: SwitchWire = SwitchWire(pin=6)
    right_toe: SwitchWire = SwitchWire(pin=13)
    right_heel: SwitchWire = SwitchWire(pin=19)

    @property
    def all(self) -> dict[str, SwitchWire]:
        """Switches by name, in order."""
        return {name: getattr(self, name) for name in type(self).model_fields}


def _default_buses() -> dict[str, BusWire]:
    return {name: BusWire(port=f"/dev/servo_{name}") for name in ("left_leg", "right_leg", "upper")}


def _default_joints() -> dict[str, JointWire]:
    sides = {"left": 1, "right": 1 + len(LEG_JOINTS)}
    legs = {
        f"{side}_{joint}": JointWire(bus=f"{side}_leg", servo_id=first + n)
        for side, first in sides.items()
        for n, joint in enumerate(LEG_JOINTS)
    }
    return {**legs, "waist_yaw": JointWire(bus="upper", servo_id=11)}


def _default_calibration() -> dict[str, JointCalibration]:
    """The middle of the servo at the middle of the joint's range; servos of the right leg are mounted mirrored."""
    left = {f"left_{joint}": JointCalibration(q_at_zero_rad=_MIDDLE_RAD[joint]) for joint in LEG_JOINTS}
    right = {f"right_{joint}": JointCalibration(direction=-1, q_at_zero_rad=_MIDDLE_RAD[joint]) for joint in LEG_JOINTS}
    return {**left, **right, "waist_yaw": JointCalibration()}


class Wiring(Section):
    """All wires of one robot.

    move_time_s: what a servo is given to reach a target; deadband_units: a target is written again only if it differs
    by more.
    """

    baud: Annotated[int, bounded(9600, 1_000_000)] = 115_200
    move_time_s: Annotated[float, bounded(0, 0.2)] = 0.02
    deadband_units: Annotated[int, bounded(0, 10)] = 0
    buses: dict[str, BusWire] = Field(default_factory=_default_buses)
    joints: dict[str, JointWire] = Field(default_factory=_default_joints)
    calibration: dict[str, JointCalibration] = Field(default_factory=_default_calibration)
    imu: ImuWire = ImuWire()
    foot_switches: FootSwitchWires = FootSwitchWires()

    @model_validator(mode="after")
    def _fits_together(self) -> Wiring:
        for name, wire in self.joints.items():
            if wire.bus not in self.buses:
                raise ValueError(f"joint {name} is on the bus {wire.bus!r}, expected one of {', '.join(self.buses)}")
        taken: dict[tuple[str, int], str] = {}
        for name, wire in self.joints.items():
            other = taken.setdefault((wire.bus, wire.servo_id), name)
            if other != name:
                raise ValueError(f"{other} and {name} are both servo {wire.servo_id} on {wire.bus}, expected two ids")
        if missing := [name for name in self.joints if name not in self.calibration]:
            raise ValueError(f"calibration has no {', '.join(missing)}, expected every joint")
        if strangers := [name for name in self.calibration if name not in self.joints]:
            raise ValueError(f"calibration has {', '.join(strangers)}, which no bus has; remove it")
        pins = [self.imu.int_pin, self.imu.reset_pin, self.imu.wake_pin]
        pins += [switch.pin for switch in self.foot_switches.all.values()]
        if doubles := sorted({pin for pin in pins if pins.count(pin) > 1}):
            raise ValueError(f"GPIO {doubles[0]} is used twice, expected a pin of its own for each wire")
        return self

    def on_bus(self, bus: str) -> dict[str, int]:
        """Servo id by joint, of the joints on one bus."""
        return {name: wire.servo_id for name, wire in self.joints.items() if wire.bus == bus}

    @property
    def used_buses(self) -> tuple[str, ...]:
        """Buses with at least one joint."""
        return tuple(bus for bus in self.buses if self.on_bus(bus))


def regrouped(wiring: Wiring, count: int) -> Wiring:
    """The same servos over `count` buses, as even as can be, neighbours together; for comparisons.

    Raises:
        WiringError: more buses than joints, or ids that are unique only bus by bus.
    """
    if count == len(wiring.used_buses):
        return wiring
    names = list(wiring.joints)
    if not 1 <= count <= len(names):
        raise WiringError(f"{count} buses for {len(names)} joints, expected 1 to {len(names)}")
    if len({wire.servo_id for wire in wiring.joints.values()}) < len(names):
        raise WiringError("two servos on different buses share an id, expected different ones to put them together")
    bus_of = {name: f"bus_{n * count // len(names) + 1}" for n, name in enumerate(names)}
    buses = {bus: {"port": f"/dev/servo_{bus}"} for bus in dict.fromkeys(bus_of.values())}
    joints = {name: {"bus": bus_of[name], "servo_id": wire.servo_id} for name, wire in wiring.joints.items()}
    return Wiring.model_validate(wiring.model_dump() | {"buses": buses, "joints": joints})
