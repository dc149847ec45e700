"""The whole robot on emulated wires in simulated time: real drivers, real bytes, the twin behind them, and no waiting.

A run is the same each time, however busy the machine is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from contract import Bundle
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_wire import Bno085Wire
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.foot_contact import FootContacts
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.servo_wire import ServoWire
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.foot_switch import FootSwitches
from robotd.clock import Deadline, SimulatedClock
from robotd.ctl import dry_run, imu_trial
from robotd.ctl.calibration.simulated_loop import SimulatedLoop, SimulatedWorld, WireLine
from robotd.ctl.dry_run_stage import Ran, perform
from robotd.daemon import start_up
from robotd.hal import real
from robotd.hal.live_twin import LiveTwin
from robotd.hal.real import Devices, RealHardware, imu_config
from robotd.hal.sim import open_twin
from robotd.wiring import Wiring

SERVE_S = 0.002


class SimulatedRobot(RealHardware):
    """Attributes: twin, live, chip, contacts as EmulatedHardware; witness: of the wires; world: their time."""

    def __init__(self, bundle: Bundle, wiring: Wiring) -> None:
        clock, gpio, imu, switches = SimulatedClock(), EmulatedGpio(), wiring.imu, wiring.foot_switches.all
        now_s = clock.now_s
        self.twin, self.witness = open_twin(bundle), Witness(1_000_000)
        self.live = LiveTwin(self.twin, bundle.spec, wiring, now_s)
        w, x, y, z = imu.mounting_wxyz
        self.chip = Bno085Chip(gpio, self.live.motion, clock=now_s, mounting_wxyz=(w, x, y, z))
        self.contacts = FootContacts(
            gpio, self.live.touches, pins=tuple(switch.pin for switch in switches.values()), clock=now_s
        )
        lines = {}
        for bus in wiring.used_buses:
            joints = self.live.joints(wiring.on_bus(bus))
            servos = [EmulatedServo(i, joints, i, now_s) for i in wiring.on_bus(bus).values()]
            lines[bus] = WireLine(ServoWire(bus, servos, self.witness), clock)
        self.world = SimulatedWorld(clock, list(lines.values()))
        config = imu_config(imu)
        driver = Bno085(Bno085Wire(self.chip, gpio, config), config, now_s, self.world.sleep)
        pins = {name: switch.pin for name, switch in switches.items()}
        devices = Devices(lines, _ServedImu(driver), FootSwitches(gpio, pins, now_s))  # type: ignore[arg-type]
        super().__init__(bundle.spec, wiring, devices, now_s)


class _ServedImu:
    """The driver without a thread, since a thread lives in the machine's time: a task serves the chip."""

    def __init__(self, driver: Bno085) -> None:
        self._driver, self._task = driver, None
        self.newest = driver.newest

    def start(self) -> None:
        self._driver.bring_up()
        self._task: Any = asyncio.get_running_loop().create_task(self._serve())

    def stop(self) -> None:
        self._task.cancel()
        self._driver.stop()

    async def _serve(self) -> None:
        while True:
            self._driver.serve()
            await asyncio.sleep(SERVE_S)


class LoopClock:
    """Ticks in the time of a SimulatedLoop."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.now_s = world.clock.now_s

    def ticker(self, period_s: float) -> _LoopTicker:
        return _LoopTicker(self.now_s, period_s)


class _LoopTicker:
    def __init__(self, now_s: Callable[[], float], period_s: float) -> None:
        self._now_s, self._period_s, self._due_s = now_s, period_s, now_s()

    async def wait(self) -> Deadline:
        self._due_s += self._period_s
        await asyncio.sleep(max(0.0, self._due_s - self._now_s()))
        return Deadline(self._due_s, max(0.0, self._now_s() - self._due_s), 0)

    def close(self) -> None:
        pass


def simulate_dry_runs(
    patch: Callable[[Any, str, Any], None], prepare: Callable[[Any], None] = lambda robot: None
) -> None:
    """Let `robotctl dry-run --hal emulated` meet a SimulatedRobot from now on.

    Args:
        patch: as setattr.
        prepare: touches the robot before.
    """

    def opened(bundle: Path, hal: str, *args: Any, **options: Any) -> Any:
        config, loaded, hardware = start_up(bundle, "mock" if hal == "emulated" else hal, *args, **options)
        if hal == "emulated":
            hardware = SimulatedRobot(loaded, config.hardware)
        prepare(hardware)
        return config, loaded, hardware

    def performed(robot: Any, stage: Any, clock: Any, say: Any) -> Ran:
        if not isinstance(robot.hardware, SimulatedRobot):
            return perform(robot, stage, SimulatedClock(), say)
        world = robot.hardware.world
        return perform(robot, stage, LoopClock(world), say, loop_factory=lambda: SimulatedLoop(world))

    async def at_once(work: Callable[..., Any], *args: Any) -> Any:
        return work(*args)

    patch(dry_run, "start_up", opened)
    patch(dry_run, "perform", performed)
    patch(dry_run, "prepare", lambda config: ())
    patch(real.asyncio, "to_thread", at_once)


def simulate_imu_tests(patch: Callable[[Any, str, Any], None]) -> None:
    """Let `robotctl imu test --emulated` run in simulated time from now on; patch: as setattr."""
    clock = SimulatedClock()
    drivers: list[Bno085] = []

    def sleep(seconds: float) -> None:
        until_s = clock.now_s() + seconds
        while clock.now_s() < until_s:
            clock.advance(SERVE_S / 4)
            for driver in drivers:
                driver.serve()

    class Driver(Bno085):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, clock.now_s, clock.advance)

        def start(self) -> Any:
            self.bring_up()
            drivers.append(self)
            return self.product

    patch(imu_trial, "Bno085", Driver)
    patch(imu_trial, "Bno085Chip", partial(Bno085Chip, clock=clock.now_s))
    patch(imu_trial, "time", SimpleNamespace(monotonic=clock.now_s, sleep=sleep))
