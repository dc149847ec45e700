"""The real drivers on emulated wires in simulated time, with the physics twin behind them: no thread, no waiting.

Servo buses, schedules, the IMU's driver and the foot switches are robotd's own, byte by byte, as `--hal emulated` has
them. Here all of them share one simulated clock, so a run goes as fast as the machine does and comes out the same for
the same seed. Only the IMU's thread is replaced by a task of the loop, at the thread's own period.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from contract import Bundle, Signals
from contract.frames import Array
from firmware_bridge.bno085 import POLL_S, Bno085
from firmware_bridge.bno085_wire import Bno085Wire
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.fault import FaultKind, fault_kind
from firmware_bridge.emulator.foot_contact import FootContacts
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.servo_wire import ServoWire
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.foot_switch import FootSwitches
from robotd.clock import Deadline, SimulatedClock
from robotd.ctl.calibration.simulated_loop import SimulatedLoop, SimulatedWorld, WireLine
from robotd.hal.live_twin import LiveTwin
from robotd.hal.real import Devices, RealHardware, imu_config
from robotd.hal.servo_frame import check_wiring
from robotd.hal.sim import open_twin
from robotd.health import Health
from robotd.wiring import Wiring

SWITCHES = ("left_toe", "left_heel", "right_toe", "right_heel")


class WiredLoop(SimulatedLoop):
    """A loop on simulated time in which work for threads is done here and now: a thread would have its own time."""

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """As asyncio's, already done."""
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        done.set_result(func(*args))
        return asyncio.wrap_future(done, loop=self)


class LoopClock:
    """The simulated clock as robotd's loop wants it: its tickers let the wires do what is due before a deadline."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock

    def now_s(self) -> float:
        """Simulated time."""
        return self._clock.now_s()

    def ticker(self, period_s: float) -> LoopTicker:
        """Deadlines on one grid."""
        return LoopTicker(self._clock, period_s)


class LoopTicker:
    """Sleeps in the event loop until the next deadline."""

    def __init__(self, clock: SimulatedClock, period_s: float) -> None:
        self._clock, self._period_s, self._first_s, self._index = clock, period_s, clock.now_s() + period_s, -1

    async def wait(self) -> Deadline:
        """The next deadline that lies in the future; those that passed meanwhile are skipped and counted."""
        before = self._index
        passed = int((self._clock.now_s() - self._first_s) / self._period_s + 1e-9)
        self._index = max(before + 1, passed)
        at_s = self._first_s + self._index * self._period_s
        await asyncio.sleep(max(0.0, at_s - self._clock.now_s()))
        return Deadline(at_s, max(0.0, self._clock.now_s() - at_s), self._index - before - 1)

    def close(self) -> None:
        """Nothing to free."""


class ThreadlessImu(Bno085):
    """The driver with its thread's work left to `run`, a task of the loop."""

    def start(self) -> Any:
        """Reset the chip and wait for the first sample. Raises Bno085Error."""
        self.bring_up()
        return self.product

    async def run(self) -> None:
        """What the thread does."""
        while True:
            self.serve()
            await asyncio.sleep(POLL_S)


class WiredRobot:
    """robotd's Hardware for one bundle's robot, every device emulated.

    Attributes:
        clock: the time of everything. twin: physics. witness: what reached the servos. wires: by name of the bus. gpio:
            the pins of IMU and foot switches.

    Args:
        seed: of the twin, of noise, jitter and garbage.
    """

    def __init__(self, bundle: Bundle, wiring: Wiring, seed: int = 0) -> None:
        check_wiring(bundle.spec, wiring)
        self.clock, self.witness, self.wiring = SimulatedClock(), Witness(1_000_000), wiring
        self.twin = open_twin(bundle, "emulated", seed=seed)
        self._live = LiveTwin(self.twin, bundle.spec, wiring, self.clock.now_s)
        self.wires = {bus: self._wire(bus, seed + 100 * n) for n, bus in enumerate(wiring.used_buses)}
        lines = {bus: WireLine(wire, self.clock) for bus, wire in self.wires.items()}
        self.world = SimulatedWorld(self.clock, list(lines.values()))
        self.gpio, config = EmulatedGpio(), imu_config(wiring.imu)
        gpio = self.gpio
        pins = {name: switch.pin for name, switch in wiring.foot_switches.all.items()}
        self.chip = Bno085Chip(gpio, self._live.motion, clock=self.clock.now_s, seed=seed)
        self.contacts = FootContacts(
            gpio, self._live.touches, pins=tuple(pins.values()), clock=self.clock.now_s, seed=seed
        )
        self._imu = ThreadlessImu(Bno085Wire(self.chip, gpio, config), config, self.clock.now_s, self.world.sleep)
        switches = FootSwitches(gpio, pins, self.clock.now_s)
        self._real = RealHardware(bundle.spec, wiring, Devices(lines, self._imu, switches), self.clock.now_s)
        self._serving: asyncio.Task[None] | None = None

    def _wire(self, bus: str, seed: int) -> ServoWire:
        ids = self.wiring.on_bus(bus)
        joints = self._live.joints(ids)
        servos = [EmulatedServo(i, joints, seed + i, self.clock.now_s) for i in ids.values()]
        return ServoWire(bus, servos, self.witness, baud=self.wiring.baud, seed=seed)

    @property
    def servos(self) -> Mapping[tuple[str, int], EmulatedServo]:
        """All servos by bus and id."""
        return {(bus, servo.servo_id): servo for bus, wire in self.wires.items() for servo in wire.servos}

    def loop(self) -> WiredLoop:
        """An event loop in this robot's time."""
        return WiredLoop(self.world)

    def fault(self, device: str, kind: FaultKind | str) -> None:
        """Let a device behave so from now on: `left_leg/3`, `left_leg`, `imu` or `left_toe`."""
        if device == "imu":
            self.chip.inject(fault_kind(kind))
        elif device in SWITCHES:
            self.contacts.inject(fault_kind(kind), SWITCHES.index(device))
        else:
            bus, _, address = device.partition("/")
            self.wires[bus].inject_at(address, str(kind))

    # robotd's Hardware

    async def start(self) -> None:
        """As RealHardware."""
        await self._real.start()
        self._serving = asyncio.create_task(self._imu.run(), name="bno085")

    async def stop(self) -> None:
        """As RealHardware."""
        if self._serving is not None:
            self._serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
        await self._real.stop()

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

    def close(self) -> None:
        """As RealHardware; its last try to limp finds no port to open, and the witness tells whether it was needed."""
        self._real.close()
