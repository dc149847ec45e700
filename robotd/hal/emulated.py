"""`--hal emulated`: the real drivers on emulated wires, byte by byte, with the physics twin behind them.

Three servo buses on pseudo terminals at their true baud rate behind an adapter that takes 1 ms, a BNO085 that speaks
SHTP, foot switches that bounce. The world goes on in wall time, whether robotd is in time or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from contract import Bundle, PolicySpec, Signals
from contract.frames import Array
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_wire import Bno085Wire
from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.foot_contact import FootContacts
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.foot_switch import FootSwitches
from firmware_bridge.serial_line import SerialLine
from firmware_bridge.servo_limp import LimpReport
from firmware_bridge.servo_schedule import ServoSchedule
from robotd.health import Health
from robotd.wiring import Wiring

from .live_twin import LiveTwin
from .real import Devices, RealHardware, imu_config
from .servo_frame import check_wiring
from .sim import SimHardware, open_twin

REPLY_S = 0.02
"""Twice a real bus's: the emulated servos share this machine's cores with all that waits for them."""


def open_emulated(bundle: Bundle, wiring: Wiring, **twin: Any) -> EmulatedHardware:
    """The emulated devices of a bundle's own robot, its twin (options as there) on the stand. Raises HardwareError."""
    check_wiring(bundle.spec, wiring)
    return EmulatedHardware(bundle.spec, wiring, open_twin(bundle, "emulated", **twin))


class EmulatedHardware:
    """One robot whose devices are all emulated in this process.

    Attributes:
        twin: the physics, to look at, to push and to set down.
        bench: the servo buses, with their faults and their witness.
        chip, contacts: the other devices, with their faults. gpio: the pins that they are at.

    Args:
        truth: how the robot is really put together, if not as the wiring says: for what becomes of a wrong calibration.
        physics_clock: the time of physics; the wires have the machine's.
        baud: what the servos speak, if not what the wiring says.
    """

    def __init__(
        self,
        spec: PolicySpec,
        wiring: Wiring,
        twin: SimHardware,
        *,
        truth: Wiring | None = None,
        physics_clock: Callable[[], float] = time.monotonic,
        baud: int | None = None,
    ) -> None:
        self.twin = twin
        really = truth or wiring
        self.live = LiveTwin(twin, spec, really, physics_clock)
        self.gpio, imu, switches = EmulatedGpio(), really.imu, really.foot_switches.all
        gpio = self.gpio
        config = imu_config(wiring.imu)
        w, x, y, z = imu.mounting_wxyz
        self.chip = Bno085Chip(
            gpio,
            self.live.motion,
            mounting_wxyz=(w, x, y, z),
            int_pin=imu.int_pin,
            reset_pin=imu.reset_pin,
            wake_pin=imu.wake_pin,
        )
        pins = {name: switch.pin for name, switch in wiring.foot_switches.all.items()}
        closes = [switch.pressed_low for switch in switches.values()]
        self.contacts = FootContacts(
            gpio,
            lambda: [touch is low for touch, low in zip(self.live.touches(), closes, strict=True)],
            pins=tuple(switch.pin for switch in switches.values()),
        )
        ids = {bus: really.on_bus(bus) for bus in really.used_buses}
        joints = {bus: self.live.joints(of_bus) for bus, of_bus in ids.items()}
        self.bench = ServoBench(
            {bus: tuple(of_bus.values()) for bus, of_bus in ids.items()}, joints=joints, baud=baud or wiring.baud
        )
        with ExitStack() as opened:
            opened.enter_context(self.bench)
            lines = {bus: SerialLine(port, wiring.baud) for bus, port in self.bench.ports.items()}
            devices = Devices(lines, Bno085(Bno085Wire(self.chip, gpio, config), config), FootSwitches(gpio, pins))
            self._real = RealHardware(spec, wiring, devices, reply_s=REPLY_S)
            self._opened = opened.pop_all()

    @property
    def schedules(self) -> Mapping[str, ServoSchedule]:
        """As RealHardware."""
        return self._real.schedules

    async def start(self) -> None:
        """As RealHardware."""
        await self._real.start()

    def read(self) -> Signals:
        """As RealHardware."""
        return self._real.read()

    def health(self) -> Health:
        """As RealHardware."""
        return self._real.health()

    def write(self, target_rad: Array) -> None:
        """As RealHardware."""
        self._real.write(target_rad)

    def enable(self) -> None:
        """As RealHardware."""
        self._real.enable()

    def disable(self) -> None:
        """As RealHardware."""
        self._real.disable()

    def leave_out(self, buses: int) -> None:
        """As RealHardware."""
        self._real.leave_out(buses)

    async def stop(self) -> None:
        """As RealHardware."""
        await self._real.stop()

    def close(self) -> None:
        """Limp, let go of the devices, then take the emulated wires away."""
        self._real.close()
        self._opened.close()

    @property
    def reports(self) -> Mapping[str, LimpReport]:
        """What is known of the last limp, by bus."""
        return self._real.reports

    def place(
        self, joint_pos_rad: Array, quat_wxyz: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0), supported: bool = True
    ) -> None:
        """As the twin's, and the devices see it."""
        self.twin.place(joint_pos_rad, quat_wxyz, supported)
        self.live.refresh()

    def pick_up(self) -> None:
        """As the twin's, and the devices see it."""
        self.twin.pick_up()
        self.live.refresh()
