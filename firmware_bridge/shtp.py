"""SHTP, the Sensor Hub Transport Protocol of the BNO08x: packets in and out of SPI transactions. Pure, no device.

A transaction is what is clocked while chip select is low: a header of 4 bytes (length u16 little-endian with header,
bit 15 = continuation; channel; sequence number of that channel and direction), then cargo. Who clocks fewer bytes than
the packet has gets the rest in the next transaction, under a header with the continuation bit, the next sequence number
and the length of what is left. Source: CEVA 1000-3535 (SHTP) and the vendor's reference code `shtp.c` (rxAssemble).
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import NamedTuple

HEADER_BYTES = 4
MAX_PACKET_BYTES = 1024
"""Longest packet that is believed, with header: the advertisement has 276, a batch of our reports 31."""
CHANNELS = 6
COMMAND, EXECUTABLE, CONTROL, INPUT, WAKE_INPUT, GYRO_INPUT = range(CHANNELS)

_CONTINUATION = 0x8000
_FLOATING = b"\xff" * HEADER_BYTES


class ShtpError(ValueError):
    """A packet that cannot be sent: one sentence."""


class Header(NamedTuple):
    """length: of the packet or of its rest, with header, bytes; continuation: this is a rest."""

    length: int
    continuation: bool
    channel: int
    sequence: int


class Packet(NamedTuple):
    """One whole cargo. lost: how many sequence numbers of this channel were skipped before it, 0..254."""

    channel: int
    sequence: int
    cargo: bytes
    lost: int


class NoPacket(StrEnum):
    """Why a transaction did not complete a packet; `IDLE` and `PARTIAL` are normal."""

    IDLE = "idle"  # a null header: the chip had nothing to say
    PARTIAL = "partial"  # the rest follows
    FLOATING = "floating"  # all ones: nobody drives MISO
    SHORT = "short"  # fewer than 4 bytes, or a length below 4
    OVERSIZED = "oversized"  # a length above MAX_PACKET_BYTES
    BAD_CHANNEL = "bad_channel"  # a channel that does not exist
    ORPHAN = "orphan"  # a rest whose beginning was missed
    REPEATED = "repeated"  # an input packet with the sequence number of the one before it

    @property
    def is_error(self) -> bool:
        """Whether something was wrong on the wire."""
        return self not in (NoPacket.IDLE, NoPacket.PARTIAL)


def decode_header(data: bytes) -> Header:
    """The first 4 bytes of a transaction, unchecked. Raises ShtpError where there are fewer."""
    if len(data) < HEADER_BYTES:
        raise ShtpError(f"SHTP header: {len(data)} bytes, expected at least {HEADER_BYTES}; clock a whole header")
    length, channel, sequence = struct.unpack_from("<HBB", data)
    return Header(length & ~_CONTINUATION, bool(length & _CONTINUATION), channel, sequence)


def encode_packet(channel: int, sequence: int, cargo: bytes) -> bytes:
    """The bytes of one packet to the chip.

    Args:
        sequence: counts packets of this channel and direction, modulo 256.

    Raises:
        ShtpError: no such channel, no such sequence number, or too much cargo for one packet.
    """
    length = HEADER_BYTES + len(cargo)
    if not 0 <= channel < CHANNELS:
        raise ShtpError(f"SHTP channel {channel}: expected 0 to {CHANNELS - 1}")
    if not 0 <= sequence <= 0xFF:
        raise ShtpError(f"SHTP sequence number {sequence}: expected 0 to 255; count modulo 256")
    if length > MAX_PACKET_BYTES:
        raise ShtpError(f"SHTP cargo of {len(cargo)} bytes: expected at most {MAX_PACKET_BYTES - HEADER_BYTES}")
    return struct.pack("<HBB", length, channel, sequence) + cargo


class Assembler:
    """Makes packets out of transactions. Holds at most MAX_PACKET_BYTES, whatever the wire says.

    Attributes:
        interrupted: packets given up because something else came in place of their rest.
    """

    def __init__(self) -> None:
        self.interrupted = 0
        self._part = bytearray()
        self._first: Header | None = None  # of the packet being assembled
        self._left = self._lost = 0
        self._last_sequence: dict[int, int] = {}

    @property
    def bytes_left(self) -> int:
        """Cargo still to come of the packet being assembled; 0 between packets."""
        return self._left

    def forget(self) -> None:
        """The chip has restarted: drop what is being assembled and all sequence numbers."""
        self._drop()
        self._last_sequence.clear()

    def accept(self, transaction: bytes) -> Packet | NoPacket:
        """Take what one transaction clocked in, header first; what lies behind the packet's end is ignored.

        Two zero bytes before a header are skipped: the first packet after a reset may come so.
        """
        if len(transaction) < HEADER_BYTES:
            return self._reject(NoPacket.SHORT)
        if transaction[:HEADER_BYTES] == _FLOATING:
            return self._reject(NoPacket.FLOATING)
        header = decode_header(transaction)
        if header.length == 0 and not header.continuation:
            late = transaction[2:]
            if len(late) < HEADER_BYTES or _fault_of(decode_header(late)) is not None:
                return NoPacket.IDLE
            transaction, header = late, decode_header(late)
        fault = _fault_of(header)
        if fault is not None:
            return self._reject(fault)
        return self._append(header, transaction[HEADER_BYTES : header.length])

    def _append(self, header: Header, cargo: bytes) -> Packet | NoPacket:
        expected = (self._last_sequence[header.channel] + 1) & 0xFF if header.channel in self._last_sequence else None
        if self._first is not None and not self._is_rest(header, expected):
            self._drop()
            self.interrupted += 1
        if self._first is None:
            if header.continuation:
                return NoPacket.ORPHAN
            if header.channel >= INPUT and header.sequence == self._last_sequence.get(header.channel):
                return NoPacket.REPEATED
            self._first, self._left = header, header.length - HEADER_BYTES
            self._lost = 0 if expected is None else (header.sequence - expected) & 0xFF
        self._last_sequence[header.channel] = header.sequence
        self._part += cargo
        self._left -= len(cargo)
        if self._left:
            return NoPacket.PARTIAL
        packet = Packet(header.channel, self._first.sequence, bytes(self._part), self._lost)
        self._drop()
        return packet

    def _is_rest(self, header: Header, expected: int | None) -> bool:
        return (
            self._first is not None
            and header.continuation
            and header.channel == self._first.channel
            and header.sequence == expected
            and header.length - HEADER_BYTES == self._left
        )

    def _reject(self, reason: NoPacket) -> NoPacket:
        if self._first is not None:
            self.interrupted += 1
        self._drop()
        return reason

    def _drop(self) -> None:
        self._part.clear()
        self._first = None
        self._left = self._lost = 0


def _fault_of(header: Header) -> NoPacket | None:
    if header.length < HEADER_BYTES:
        return NoPacket.SHORT
    if header.length > MAX_PACKET_BYTES:
        return NoPacket.OVERSIZED
    return NoPacket.BAD_CHANNEL if header.channel >= CHANNELS else None
