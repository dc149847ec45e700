"""One emulated servo: its registers, what it obeys and what it answers, with a fault if one is injected."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from firmware_bridge.hiwonder import BROADCAST, OVERHEAD_BYTES, READS, UNITS, WRITES, Command, Packet, answer

from .fault import SLOW_FACTOR, DelayLine, FaultKind, Intermittence
from .joints import Joints

Values = tuple[int, ...]
FAR_UNITS, FAR_DEGC, FAR_MV = 400, 60, 4000
"""How far off the truth the fault `wrong` is."""


class EmulatedServo:
    """A servo of the LX/HTD family behind one id. Times are monotonic seconds.

    Two points in which a data sheet leaves room are decided for the worse: a move loads the torque of a servo that
    was unloaded, and a servo that gets its power back comes up unloaded with the offset that was saved last.

    Args:
        servo_id: may be shared with another servo on the wire, as happens with servos fresh from the shop.
        joints: what hangs on the shaft, asked under `joint` (the id at first).
        seed: of noise and of losses.
    """

    def __init__(
        self, servo_id: int, joints: Joints, seed: int = 0, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.servo_id = self.joint = servo_id
        self.deaf_to: set[Command] = set()
        """Packets that it does as if it had not heard."""
        self._temperature_degc, self._voltage_mv = 35, 12_000
        self._joints, self._clock_s = joints, clock_s
        self._random = random.Random(seed)
        self._losses = Intermittence(seed)
        self._fault = FaultKind.OK
        self._frozen: dict[Command, Values] = {}
        self._past = {command: DelayLine[Values]() for command in _MEASURED}
        self._registers: dict[Command, Values] = {
            Command.MOVE_TIME_WRITE: (500, 0),
            Command.MOVE_TIME_WAIT_WRITE: (500, 0),
            Command.OFFSET_ADJUST: (0,),
            Command.ANGLE_LIMIT_WRITE: (0, UNITS),
            Command.VIN_LIMIT_WRITE: (4500, 14_000),
            Command.TEMP_MAX_WRITE: (85,),
            Command.LOAD_OR_UNLOAD_WRITE: (0,),
            Command.LED_WRITE: (0,),
            Command.LED_ERROR_WRITE: (7,),
        }
        self._saved_offset = 0

    @property
    def fault(self) -> FaultKind:
        """How it behaves."""
        return self._fault

    @property
    def loaded(self) -> bool:
        """Whether its torque is on."""
        return bool(self._registers[Command.LOAD_OR_UNLOAD_WRITE][0])

    @property
    def slowness(self) -> int:
        """How many times longer than usual its answers take."""
        return SLOW_FACTOR if self._fault is FaultKind.SLOW else 1

    def warm(self, degc: int) -> None:
        """Have this temperature; above its limit the torque goes off."""
        self._temperature_degc = degc
        self._load(self.loaded)

    def supply(self, millivolts: int) -> None:
        """Have this supply voltage; outside its limits the torque goes off."""
        self._voltage_mv = millivolts
        self._load(self.loaded)

    def inject(self, kind: FaultKind) -> None:
        """Behave so from now on."""
        self._frozen = {command: self._measure(command) for command in _MEASURED}
        if FaultKind.OFF in (kind, self._fault):
            self._restart()
        self._fault = kind

    def hear(self, packet: Packet) -> tuple[bool, bytes]:
        """A packet at the end of its last byte: whether it was obeyed, and the bytes of the answer, if any."""
        if packet.servo_id not in (self.servo_id, BROADCAST) or self._fault is FaultKind.OFF or self._loses():
            return False, b""
        if packet.command in self.deaf_to:
            return False, b""
        if packet.command not in READS:
            return self._obey(packet.command, packet.values), b""
        if not packet.asks:
            return False, b""
        said = answer(self.servo_id, packet.command, *self._read(packet.command)).encode()
        if self._fault is FaultKind.GARBAGE:
            said = self._random.randbytes(self._random.randint(1, len(said) + OVERHEAD_BYTES))
        return True, b"" if self._loses() else said

    def _loses(self) -> bool:
        return self._fault is FaultKind.INTERMITTENT and self._losses.loses()

    def _restart(self) -> None:
        """The power went or came back."""
        self._registers[Command.OFFSET_ADJUST] = (self._saved_offset,)
        self._load(False)

    def _obey(self, command: Command, values: Values) -> bool:
        """Do what a write says, unless it says what the data sheet forbids."""
        if any(not field.low <= value <= field.high for field, value in zip(WRITES[command], values, strict=True)):
            return False
        if command is Command.ID_WRITE:
            self.servo_id = values[0]
        elif command is Command.OFFSET_WRITE:
            (self._saved_offset,) = self._registers[Command.OFFSET_ADJUST]
        elif command is Command.MOVE_START:
            self._move(*self._registers[Command.MOVE_TIME_WAIT_WRITE])
        elif command is Command.MOVE_STOP:
            self._joints.target(self.joint, self._joints.read(self.joint), 0)
        elif command is Command.LOAD_OR_UNLOAD_WRITE:
            self._load(bool(values[0]))
        elif command is Command.MOVE_TIME_WRITE:
            self._move(*values)
        else:
            self._registers[command] = values
        return True

    def _move(self, units: int, time_ms: int) -> None:
        self._registers[Command.MOVE_TIME_WRITE] = (units, time_ms)
        low, high = self._registers[Command.ANGLE_LIMIT_WRITE]
        (offset,) = self._registers[Command.OFFSET_ADJUST]
        self._load(True)
        self._joints.target(self.joint, min(max(units, low), high) + offset, time_ms)

    def _load(self, loaded: bool) -> None:
        """Torque on or off; over-temperature and a supply outside its limits keep it off."""
        low_mv, high_mv = self._registers[Command.VIN_LIMIT_WRITE]
        (max_degc,) = self._registers[Command.TEMP_MAX_WRITE]
        healthy = self._temperature_degc <= max_degc and low_mv <= self._voltage_mv <= high_mv
        self._registers[Command.LOAD_OR_UNLOAD_WRITE] = (int(loaded and healthy),)
        self._joints.load(self.joint, loaded and healthy)

    def _read(self, command: Command) -> Values:
        if command is Command.ID_READ:
            return (self.servo_id,)
        if command not in _MEASURED:
            return self._registers[_WRITTEN_BY[command]]
        now = self._measure(command)
        then = self._past[command].put(self._clock_s(), now)
        if self._fault is FaultKind.STUCK:
            return self._frozen[command]
        if self._fault is FaultKind.WRONG:
            return (_MEASURED[command](now[0]),)
        return then if self._fault is FaultKind.DELAYED else now

    def _measure(self, command: Command) -> Values:
        if command is Command.TEMP_READ:
            return (self._temperature_degc,)
        if command is Command.VIN_READ:
            return (self._voltage_mv,)
        (offset,) = self._registers[Command.OFFSET_ADJUST]
        return (round(self._joints.read(self.joint)) - offset,)


_MEASURED: dict[Command, Callable[[int], int]] = {
    Command.POS_READ: lambda units: units - FAR_UNITS if units > UNITS / 2 else units + FAR_UNITS,
    Command.TEMP_READ: lambda degc: degc + FAR_DEGC,
    Command.VIN_READ: lambda mv: mv - FAR_MV,
}
"""What is measured, and what the fault `wrong` makes of it."""

_WRITTEN_BY = {
    Command.MOVE_TIME_READ: Command.MOVE_TIME_WRITE,
    Command.MOVE_TIME_WAIT_READ: Command.MOVE_TIME_WAIT_WRITE,
    Command.OFFSET_READ: Command.OFFSET_ADJUST,
    Command.ANGLE_LIMIT_READ: Command.ANGLE_LIMIT_WRITE,
    Command.VIN_LIMIT_READ: Command.VIN_LIMIT_WRITE,
    Command.TEMP_MAX_READ: Command.TEMP_MAX_WRITE,
    Command.LOAD_OR_UNLOAD_READ: Command.LOAD_OR_UNLOAD_WRITE,
    Command.LED_READ: Command.LED_WRITE,
    Command.LED_ERROR_READ: Command.LED_ERROR_WRITE,
}
"""The write whose values each read gives back."""
