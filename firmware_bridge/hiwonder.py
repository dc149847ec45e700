"""The language of Hiwonder bus servos (LX and HTD series): names and numbers to bytes and back.

A packet is `55 55 ID LEN CMD params CHK` with LEN = 3 + number of params, CHK = ~(ID + LEN + CMD + params) & 0xFF and
little-endian numbers. A command that reads is sent without params and answered with the same number and some; a
command that writes is never answered. Units are the servo's own: 1 unit = 0.24 deg, ms, mV, degC.

Source: Hiwonder "LX-16A bus servo communication protocol", and vectors taken from the wire.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

HEADER = b"\x55\x55"
BROADCAST = 0xFE
MAX_ID = 0xFD
UNITS = 1000
"""Largest position that can be commanded."""
MAX_MOVE_MS = 30_000
BAUD = 115_200
OVERHEAD_BYTES = 6
"""Bytes of a packet without params."""


class CodecError(ValueError):
    """A command that cannot be said: unknown, or a value outside its range; one sentence."""


class Command(IntEnum):
    """Numbers of the commands. Each is either a write or a read."""

    MOVE_TIME_WRITE = 1
    MOVE_TIME_READ = 2
    MOVE_TIME_WAIT_WRITE = 7
    MOVE_TIME_WAIT_READ = 8
    MOVE_START = 11
    MOVE_STOP = 12
    ID_WRITE = 13
    ID_READ = 14
    OFFSET_ADJUST = 17
    OFFSET_WRITE = 18
    OFFSET_READ = 19
    ANGLE_LIMIT_WRITE = 20
    ANGLE_LIMIT_READ = 21
    VIN_LIMIT_WRITE = 22
    VIN_LIMIT_READ = 23
    TEMP_MAX_WRITE = 24
    TEMP_MAX_READ = 25
    TEMP_READ = 26
    VIN_READ = 27
    POS_READ = 28
    LOAD_OR_UNLOAD_WRITE = 31
    LOAD_OR_UNLOAD_READ = 32
    LED_WRITE = 33
    LED_READ = 34
    LED_ERROR_WRITE = 35
    LED_ERROR_READ = 36


class Field(NamedTuple):
    """One number in a packet: `code` as in `struct`, `low` and `high` what may be written."""

    name: str
    code: str
    low: int
    high: int


_MOVE = (Field("position", "H", 0, UNITS), Field("time_ms", "H", 0, MAX_MOVE_MS))
_OFFSET = (Field("offset", "b", -125, 125),)
_ANGLES = (Field("low", "H", 0, UNITS), Field("high", "H", 0, UNITS))
_VOLTAGES = (Field("low_mv", "H", 4500, 14_000), Field("high_mv", "H", 4500, 14_000))
_TEMPERATURE = (Field("max_degc", "B", 50, 100),)
_LOADED = (Field("loaded", "B", 0, 1),)
_LED = (Field("dark", "B", 0, 1),)
_LED_ERROR = (Field("causes", "B", 0, 7),)
_ID = (Field("id", "B", 0, MAX_ID),)

WRITES: Mapping[Command, tuple[Field, ...]] = {
    Command.MOVE_TIME_WRITE: _MOVE,
    Command.MOVE_TIME_WAIT_WRITE: _MOVE,
    Command.MOVE_START: (),
    Command.MOVE_STOP: (),
    Command.ID_WRITE: _ID,
    Command.OFFSET_ADJUST: _OFFSET,
    Command.OFFSET_WRITE: (),
    Command.ANGLE_LIMIT_WRITE: _ANGLES,
    Command.VIN_LIMIT_WRITE: _VOLTAGES,
    Command.TEMP_MAX_WRITE: _TEMPERATURE,
    Command.LOAD_OR_UNLOAD_WRITE: _LOADED,
    Command.LED_WRITE: _LED,
    Command.LED_ERROR_WRITE: _LED_ERROR,
}
"""What each write carries."""

READS: Mapping[Command, tuple[Field, ...]] = {
    Command.MOVE_TIME_READ: _MOVE,
    Command.MOVE_TIME_WAIT_READ: _MOVE,
    Command.ID_READ: _ID,
    Command.OFFSET_READ: _OFFSET,
    Command.ANGLE_LIMIT_READ: _ANGLES,
    Command.VIN_LIMIT_READ: _VOLTAGES,
    Command.TEMP_MAX_READ: _TEMPERATURE,
    Command.TEMP_READ: (Field("degc", "B", 0, 255),),
    Command.VIN_READ: (Field("mv", "H", 0, 0xFFFF),),
    Command.POS_READ: (Field("position", "h", -0x8000, 0x7FFF),),
    Command.LOAD_OR_UNLOAD_READ: _LOADED,
    Command.LED_READ: _LED,
    Command.LED_ERROR_READ: _LED_ERROR,
}
"""What each read is answered with."""

_FORMAT = {command: "<" + "".join(field.code for field in fields) for command, fields in {**WRITES, **READS}.items()}
_LENGTHS: Mapping[int, frozenset[int]] = {
    **{command: frozenset({3 + struct.calcsize(_FORMAT[command])}) for command in WRITES},
    **{command: frozenset({3, 3 + struct.calcsize(_FORMAT[command])}) for command in READS},
}
"""The values of LEN that may stand beside each command: a read has one form when asked and one when answered."""
MAX_PACKET_BYTES = 3 + max(length for lengths in _LENGTHS.values() for length in lengths)


class Packet(NamedTuple):
    """One well-formed packet of a known command. `params` may still hold a value that no servo should send."""

    servo_id: int
    command: Command
    params: bytes

    @property
    def asks(self) -> bool:
        """Whether this is the question of a read, which is what an echo of our own question looks like."""
        return self.command in READS and not self.params

    @property
    def values(self) -> tuple[int, ...]:
        """The numbers in the packet, in the order of the command's fields; none in a question."""
        return () if self.asks else struct.unpack(_FORMAT[self.command], self.params)

    def encode(self) -> bytes:
        """The packet's bytes."""
        body = bytes((self.servo_id, 3 + len(self.params), self.command)) + self.params
        return HEADER + body + bytes((checksum(body),))


def checksum(body: bytes | bytearray) -> int:
    """CHK of everything between the header and itself."""
    return ~sum(body) & 0xFF


def write(servo_id: int, command: Command, *values: int) -> Packet:
    """A write to one servo, or to all with BROADCAST. Raises CodecError."""
    if command not in WRITES:
        raise CodecError(f"{command.name} is not a write; writes are {', '.join(c.name for c in WRITES)}")
    return Packet(_addressed(servo_id), command, _pack(command, WRITES[command], values))


def question(servo_id: int, command: Command) -> Packet:
    """The question of a read. Raises CodecError."""
    if command not in READS:
        raise CodecError(f"{command.name} is not a read; reads are {', '.join(c.name for c in READS)}")
    return Packet(_addressed(servo_id), command, b"")


def answer(servo_id: int, command: Command, *values: int) -> Packet:
    """What a servo answers to a question; values as wide as their bytes allow. Raises CodecError."""
    if command not in READS:
        raise CodecError(f"{command.name} is not answered; reads are {', '.join(c.name for c in READS)}")
    try:
        return Packet(_addressed(servo_id), command, struct.pack(_FORMAT[command], *values))
    except struct.error as problem:
        raise CodecError(f"answer to {command.name}: {values} does not fit its bytes ({problem})") from None


def wire_time_s(num_bytes: int, baud: int) -> float:
    """How long bytes need on the wire, 10 bits each (8N1)."""
    return num_bytes * 10 / baud


def answer_bytes(command: Command) -> int:
    """Size of the whole answer to a read."""
    return OVERHEAD_BYTES + struct.calcsize(_FORMAT[command])


def _addressed(servo_id: int) -> int:
    if not 0 <= servo_id <= BROADCAST:
        raise CodecError(f"servo id {servo_id}: expected 0 to {MAX_ID}, or {BROADCAST} for all")
    return servo_id


def _pack(command: Command, fields: tuple[Field, ...], values: tuple[int, ...]) -> bytes:
    names = ", ".join(field.name for field in fields) or "nothing"
    if len(values) != len(fields):
        raise CodecError(f"{command.name} takes {names}, got {len(values)} values")
    for field, value in zip(fields, values, strict=True):
        if not field.low <= value <= field.high:
            raise CodecError(f"{command.name}: {field.name} {value}, expected {field.low} to {field.high}")
    return struct.pack(_FORMAT[command], *values)


class PacketStream:
    """Finds packets in a stream of bytes however it is cut into pieces; noise between them is counted and dropped.

    Accepted is only what has a known command, the length that belongs to it, a valid id and a right checksum. After
    anything else the search goes on one byte later, so a packet behind noise is found. Never holds more than
    MAX_PACKET_BYTES - 1 bytes between two calls.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self.noise_bytes = 0
        self.bad_checksums = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of a packet that has only begun."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that `data` completes, in order."""
        held, found, at = self._held, [], 0
        held += data
        while True:
            begin = held.find(HEADER[0], at)
            if begin < 0:
                begin = len(held)
            self.noise_bytes += begin - at
            at = begin
            size = _packet_size(held, at)
            if size is None or (size and at + size > len(held)):
                break
            body = held[at + 2 : at + size - 1]
            if size and checksum(body) == held[at + size - 1]:
                found.append(Packet(body[0], Command(body[2]), bytes(body[3:])))
                at += size
            else:
                self.bad_checksums += bool(size)
                self.noise_bytes += 1
                at += 1
        del held[:at]
        return found

    def clear(self) -> None:
        """Forget a packet that has only begun."""
        self.noise_bytes += len(self._held)
        self._held.clear()


def _packet_size(held: bytearray, at: int) -> int | None:
    """Size of the packet that may begin at `at`; 0 if none can; None if it needs more bytes to tell."""
    left = len(held) - at
    if left >= 2 and held[at + 1] != HEADER[1]:
        return 0
    if left >= 3 and held[at + 2] > BROADCAST:
        return 0
    if left >= 4 and not 3 <= held[at + 3] <= MAX_PACKET_BYTES - 3:
        return 0
    if left < 5:
        return None
    length = held[at + 3]
    return length + 3 if length in _LENGTHS.get(held[at + 4], ()) else 0
