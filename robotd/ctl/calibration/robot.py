"""The robot on the bench as the steps see it: one named servo at a time, slowly; limp, load, read; IMU and switches.

Everything here blocks until it is done. The servo buses live in an event loop of their own that runs only meanwhile, on
a clock that the caller gives: the machine's, or a simulated one with emulated wires behind it.
"""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_failure import Bno085Error
from firmware_bridge.foot_switch import POLL_S, FootSwitches
from firmware_bridge.hiwonder import UNITS, CodecError, Command
from firmware_bridge.imu_track import ImuSample
from firmware_bridge.serial_line import BusError, SerialLine
from firmware_bridge.servo_bus import REPLY_S, ServoBus
from firmware_bridge.servo_limp import LimpReport, limp
from firmware_bridge.servo_scan import Found, scan_ids
from robotd.ctl.calibration.interrupt import Interrupt
from robotd.ctl.refusal import CheckFailed, Unreachable
from robotd.ending import undisturbed

SLOW_UNITS_PER_S = 60.0
"""14.4 deg/s, 0.25 rad/s: nothing moves a joint faster during a calibration."""
STEP_UNITS = 3
"""A move is made of steps of this size; after each one the joint must have followed."""
FOLLOW_UNITS = 12
"""A joint that stays this far behind is blocked: its torque goes off."""
ATTEMPTS = 5
STEADY_S = 0.3
PEEK_S = 0.02

Result = TypeVar("Result")


class Blocked(CheckFailed):
    """A joint does not follow its servo."""


class Servo(NamedTuple):
    """A servo by bus and id. label: what it is called on screen: the joint's name, or bus and id before it is known."""

    bus: str
    servo_id: int
    label: str


class Move(NamedTuple):
    """A move that is about to begin: from unit to unit, at this speed or slower."""

    servo: Servo
    start: int
    end: int
    units_per_s: float


class Steady(NamedTuple):
    """Where a shaft is: the median of several readings, and the difference of the largest and the smallest."""

    units: float
    spread: int


class World(NamedTuple):
    """Whose time it is. sleep: waits so many s of now_s; loop: makes an event loop with the same time."""

    now_s: Callable[[], float]
    sleep: Callable[[float], None]
    loop: Callable[[], asyncio.AbstractEventLoop]


class Senses(NamedTuple):
    """The IMU with an unturned mounting, not yet started, and the switches; None where there are none.

    serve: what lets an IMU without a thread of its own go on; `begin` starts it. Raises Bno085Error.
    """

    imu: Bno085 | None
    switches: FootSwitches | None
    begin: Callable[[Bno085], object] = Bno085.start
    serve: Callable[[Bno085], object] = lambda imu: None


class BenchRobot:
    """A context manager: limp at the end, however that comes.

    Args:
        lines: open ports by name of the bus; closed at the end.
        announce: hears of each move before it begins.
    """

    def __init__(
        self,
        lines: Mapping[str, SerialLine],
        senses: Senses,
        world: World,
        announce: Callable[[Move], None],
        reply_s: float = REPLY_S,
    ) -> None:
        self.world, self._senses, self._announce = world, senses, announce
        self._lines, self._reply_s = lines, reply_s
        self._runner = asyncio.Runner(loop_factory=world.loop)
        self._buses: dict[str, ServoBus] = {}
        self._known: dict[str, set[int]] = {name: set() for name in lines}
        self._aims: dict[tuple[str, int], int] = {}  # where loaded servos were told to be
        self._imu_started = False
        self._interrupt = Interrupt()

    def __enter__(self) -> BenchRobot:
        self._buses = self._run(self._open())
        self._interrupt.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        with undisturbed():
            try:
                self._runner.run(limp({bus: tuple(self._known[name]) for name, bus in self._buses.items()}))
                self._runner.run(self._close())
            finally:
                self._runner.close()
                if self._imu_started and self._senses.imu is not None:
                    self._senses.imu.stop()
                if self._senses.switches is not None:
                    self._senses.switches.close()
        self._interrupt.remove()

    # Time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.world.sleep(seconds)

    def now_s(self) -> float:
        """Monotonic time."""
        return self.world.now_s()

    # Servos

    @property
    def buses(self) -> tuple[str, ...]:
        """Names of the buses."""
        return tuple(self._lines)

    def scan(self, bus: str, servo_ids: Iterable[int]) -> list[Found]:
        """Who answers on a bus. Raises Unreachable."""
        found = self._run(scan_ids(self._buses[bus], servo_ids))
        self._known[bus] |= {each.servo_id for each in found}
        return found

    def units(self, servo: Servo) -> int:
        """Where a shaft is now. Raises Unreachable."""
        return int(self._ask(servo, Command.POS_READ))

    def steady(self, servo: Servo, seconds: float = STEADY_S) -> Steady:
        """Where a shaft rests, looked at for a while. Raises Unreachable."""
        readings: list[int] = []
        until_s = self.now_s() + seconds
        while not readings or self.now_s() < until_s:
            readings.append(self.units(servo))
            self.sleep(PEEK_S)
        return Steady(statistics.median(readings), max(readings) - min(readings))

    def move(self, servo: Servo, units: float, speed: float = SLOW_UNITS_PER_S) -> None:
        """Turn one shaft to a position, step by step, no faster than `speed` (units/s) or SLOW_UNITS_PER_S.

        Torque is on afterwards. It is announced before the first step.

        Raises:
            Blocked: the joint does not follow; its torque is off again.
            Unreachable: the servo does not answer.
        """
        speed = min(speed, SLOW_UNITS_PER_S)
        here, end = self.units(servo), round(min(max(units, 0), UNITS))
        aim = self._aims.get(servo[:2], here)  # a loaded joint stands a little beside its target
        start = min(max(aim if abs(aim - here) <= FOLLOW_UNITS else here, 0), UNITS)
        self._announce(Move(servo, start, end, speed))
        count = max(1, math.ceil(abs(end - start) / STEP_UNITS))
        at = start
        for step in range(count + 1):  # the first one holds what it finds
            target = round(start + (end - start) * step / count)
            time_ms = math.ceil(1000 * max(abs(target - at), 1) / speed)
            self._aims[servo[:2]] = target
            self._tell(servo, Command.MOVE_TIME_WRITE, target, time_ms)
            self.sleep(time_ms / 1000)
            at = target
            if step:
                self._must_follow(servo, target)

    def hold(self, servo: Servo) -> None:
        """Torque on where the shaft is. Raises Unreachable, CheckFailed."""
        self.move(servo, self.units(servo))

    def limp(self, servo: Servo) -> None:
        """Torque off at one servo, which says so itself. Raises Unreachable, CheckFailed."""
        self._aims.pop(servo[:2], None)
        for _ in range(ATTEMPTS):
            self._tell(servo, Command.LOAD_OR_UNLOAD_WRITE, 0)
            if self._ask(servo, Command.LOAD_OR_UNLOAD_READ) == 0:
                return
        raise CheckFailed(
            f"{servo.label}: its servo was told to unload and says that it is loaded; switch the power off"
        )

    def limp_all(self, servos: Iterable[Servo] = ()) -> Mapping[str, LimpReport]:
        """Torque off on every bus; those named here, and all that were found or used, confirm it."""
        self._aims.clear()
        for servo in servos:
            self._known[servo.bus].add(servo.servo_id)
        return self._run(limp({bus: tuple(self._known[name]) for name, bus in self._buses.items()}))

    # Senses

    def imu_samples(self, seconds: float) -> list[ImuSample]:
        """All new samples of a while, attitude world<-sensor and rate in the sensor's frame. Raises Unreachable."""
        imu = self._senses.imu
        if imu is None:
            raise Unreachable("no IMU on this bench; --hal real has one, --hal emulated rehearses it")
        if not self._imu_started:
            try:
                self._senses.begin(imu)
            except Bno085Error as problem:
                raise Unreachable(str(problem)) from None
            self._imu_started = True
        samples: list[ImuSample] = []
        until_s, newest_s = self.now_s() + seconds, self.now_s()
        while self.now_s() < until_s:
            self._senses.serve(imu)
            sample = imu.newest()
            if sample is not None and sample.stamp_s > newest_s:
                samples.append(sample)
                newest_s = sample.stamp_s
            self.sleep(0.001)
        if not samples:
            raise Unreachable(f"the IMU gave no sample in {seconds:g} s ({imu.health()}); robotctl imu test")
        return samples

    @property
    def pins(self) -> tuple[int, ...]:
        """BCM numbers of the foot switches' pins, in the order of the readings."""
        return self._open_switches().pins

    def switch_levels(self, seconds: float) -> list[tuple[bool, ...]]:
        """Levels of all pins for a while, sample by sample, not debounced: True for high. Raises Unreachable."""
        switches = self._open_switches()
        levels: list[tuple[bool, ...]] = []
        until_s = self.now_s() + seconds
        while not levels or self.now_s() < until_s:
            levels.append(tuple(not low for low in switches.levels()))
            self.sleep(POLL_S)
        return levels

    # Inside

    def _open_switches(self) -> FootSwitches:
        if self._senses.switches is None:
            raise Unreachable("no foot switches on this bench; --hal real has them, --hal emulated rehearses them")
        return self._senses.switches

    async def _open(self) -> dict[str, ServoBus]:
        return {name: ServoBus(name, line, self._reply_s) for name, line in self._lines.items()}

    async def _close(self) -> None:
        for bus in self._buses.values():
            bus.close()

    def _must_follow(self, servo: Servo, target: int) -> None:
        behind = target - self.units(servo)
        if abs(behind) > FOLLOW_UNITS:
            self.limp(servo)
            raise Blocked(
                f"{servo.label}: {abs(behind)} units behind its target {target}, expected at most {FOLLOW_UNITS}; its "
                "torque is off: free the joint, then go on"
            )

    def _tell(self, servo: Servo, command: Command, *values: int) -> None:
        self._known[servo.bus].add(servo.servo_id)

        async def say() -> None:
            await self._buses[servo.bus].room()
            self._buses[servo.bus].tell(servo.servo_id, command, *values)

        self._run(say())

    def _ask(self, servo: Servo, command: Command) -> int:
        self._known[servo.bus].add(servo.servo_id)
        return self._run(self._buses[servo.bus].ask(servo.servo_id, command, ATTEMPTS)).values[0]

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            with self._interrupt:
                return self._runner.run(self._interrupt.cancels(work))
        except (BusError, CodecError) as problem:
            raise Unreachable(str(problem)) from None
