"""`--hal bench`: the servos on the ports of robotd.yaml, whoever serves them; a body at rest in place of the sensors.

For servos on a table without IMU and feet, and for servos that `robotctl emulate` serves in a process of its own, so
that they outlive robotd. The IMU says upright and still, all four switches say ground: never for a robot that stands.
"""

from __future__ import annotations

from contextlib import ExitStack

from contract import PolicySpec
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_wire import Bno085Wire
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.bno085_sensor import REST
from firmware_bridge.emulator.foot_contact import FootContacts
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.foot_switch import FootSwitches
from firmware_bridge.serial_line import PortError
from robotd.wiring import Wiring

from .hardware import UnreachableError
from .real import Devices, RealHardware, imu_config, open_lines
from .servo_frame import check_wiring

REPLY_S = 0.02
"""Twice a real bus's: emulated servos share this machine's cores with all that waits for them."""


def open_bench(spec: PolicySpec, wiring: Wiring) -> RealHardware:
    """The servos of a robot on their ports, emulated sensors at rest. Raises HardwareError."""
    check_wiring(spec, wiring)
    gpio, imu, switches = EmulatedGpio(), wiring.imu, wiring.foot_switches.all
    w, x, y, z = imu.mounting_wxyz
    chip = Bno085Chip(
        gpio,
        lambda: REST,
        mounting_wxyz=(w, x, y, z),
        int_pin=imu.int_pin,
        reset_pin=imu.reset_pin,
        wake_pin=imu.wake_pin,
    )
    pins = {name: switch.pin for name, switch in switches.items()}
    closed = [switch.pressed_low for switch in switches.values()]
    FootContacts(gpio, lambda: closed, pins=tuple(pins.values()))
    config = imu_config(imu)
    try:
        with ExitStack() as opened:
            lines = open_lines(wiring, opened)
            devices = Devices(lines, Bno085(Bno085Wire(chip, gpio, config), config), FootSwitches(gpio, pins))
            opened.pop_all()
    except PortError as problem:
        raise UnreachableError(f"--hal bench: {problem}") from None
    return RealHardware(spec, wiring, devices, reply_s=REPLY_S)
