"""One half-duplex wire with servos on it, seen from the host side of its adapter: bytes in, bytes out, no thread.

A byte takes 10 bits at the baud rate. Whatever two parties say at the same time is garbled, and so is what is said
at another baud rate than the servos'. The adapter brings what it hears to the host `latency_s` after the last byte of
each millisecond, as USB adapters do.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from typing import NamedTuple

from firmware_bridge.hiwonder import BAUD, HEADER, Packet, PacketStream, wire_time_s

from .fault import FaultKind, fault_kind
from .servo import EmulatedServo
from .witness import Witness

FRAME_S = 0.001
BACKLOG_S = 0.5
"""The adapter takes no more from the host while it has this much to send."""
JITTER_S = 30e-6
"""Servos start their answers up to this much apart."""


class _Event(NamedTuple):
    """Something at a time: a packet that the servos hear, or bytes that the host gets."""

    due_s: float
    order: int
    packet: Packet | None
    data: bytearray
    spoken: bool


class ServoWire:
    """N servos on one wire.

    Args:
        name: of the bus, in the witness and for faults.
        baud: of the servos.
        latency_s: of the adapter, towards the host.
        reply_delay_s: between a question and its answer, inside a servo.
        echo: the adapter hears itself.
        seed: of jitter and garbage.
    """

    def __init__(
        self,
        name: str,
        servos: Sequence[EmulatedServo],
        witness: Witness,
        *,
        baud: int = BAUD,
        latency_s: float = 0.001,
        reply_delay_s: float = 0.0005,
        echo: bool = False,
        seed: int = 0,
    ) -> None:
        self.name, self.servos, self.baud, self.echo = name, servos, baud, echo
        self._witness, self._latency_s, self._reply_delay_s = witness, latency_s, reply_delay_s
        self._random = random.Random(seed)
        self._stream = PacketStream()
        self._events: list[_Event] = []
        self._order = 0
        self._host_free_s = 0.0  # when the host's last byte has left
        self._reply_s = (0.0, 0.0)  # when servos spoke last: from, to

    def inject(self, kind: FaultKind, servo_id: int | None = None) -> None:
        """Every servo with this id, or all of them, behaves so from now on. Raises ValueError: no such servo."""
        hit = [servo for servo in self.servos if servo_id in (None, servo.servo_id)]
        if not hit:
            ids = ", ".join(str(servo.servo_id) for servo in self.servos)
            raise ValueError(f"servo {servo_id} is not on {self.name}; there are {ids}")
        for servo in hit:
            servo.inject(kind)

    def inject_at(self, address: str, kind: str) -> None:
        """As `inject`, with the names of the control channel: a servo's id, or nothing for all. Raises ValueError."""
        if address and not address.isdecimal():
            raise ValueError(f"servo {address!r} on {self.name}: expected a number")
        self.inject(fault_kind(kind), int(address) if address else None)

    def takes_at_s(self) -> float:
        """When the adapter has room for more of the host's bytes."""
        return self._host_free_s - BACKLOG_S

    def receive(self, data: bytes, now_s: float, host_baud: int) -> None:
        """The host handed bytes to the adapter, whose port is set to `host_baud`."""
        begin_s = max(now_s, self._host_free_s)
        self._host_free_s = begin_s + wire_time_s(len(data), host_baud)
        if self.echo:
            self._bring(bytearray(data), begin_s, host_baud, spoken=False)
        if host_baud != self.baud:
            data = self._random.randbytes(max(1, len(data) * self.baud // host_baud))
        if begin_s < self._reply_s[1] and self._host_free_s > self._reply_s[0]:
            data = self._collide(data)
        byte_s = (self._host_free_s - begin_s) / len(data)
        step = len(data) if not self._stream.held_bytes and _is_one_packet(data) else 1
        for end in range(step, len(data) + 1, step):
            for packet in self._stream.feed(data[end - step : end]):
                self._push(begin_s + end * byte_s, packet)

    def due_s(self) -> float | None:
        """When `deliver` has something to do next; None while the wire is silent."""
        return self._events[0].due_s if self._events else None

    def deliver(self, now_s: float, host_baud: int) -> bytes:
        """Let time pass; return the bytes that the adapter has brought to the host by now."""
        brought = bytearray()
        while self._events and self._events[0].due_s <= now_s:
            event = heapq.heappop(self._events)
            brought += event.data
            if event.packet is not None:
                self._hear(event.packet, event.due_s, host_baud)
        return bytes(brought)

    def _hear(self, packet: Packet, at_s: float, host_baud: int) -> None:
        heard, said = [], []
        for servo in self.servos:
            name = servo.servo_id
            obeyed, answer = servo.hear(packet)
            if obeyed:
                heard.append(name)
            if answer:
                usual_s = self._reply_delay_s + self._latency_s + wire_time_s(len(answer), self.baud)
                begin_s = at_s + self._reply_delay_s + (servo.slowness - 1) * usual_s
                said.append((begin_s + self._random.uniform(0, JITTER_S), answer))
        self._witness.note(at_s, self.name, packet.servo_id, packet.command.name.lower(), packet.values, heard)
        if said:
            begin_s, answer = self._merge(sorted(said))
            if host_baud != self.baud:
                answer = self._random.randbytes(max(1, len(answer) * host_baud // self.baud))
            self._reply_s = (begin_s, begin_s + wire_time_s(len(answer), self.baud))
            self._bring(bytearray(answer), begin_s, self.baud, spoken=True)

    def _merge(self, said: list[tuple[float, bytes]]) -> tuple[float, bytes]:
        """Answers of several servos on one wire: whoever is alone is understood, the rest is garbage."""
        begin_s, merged = said[0]
        for later_s, answer in said[1:]:
            free = int((later_s - begin_s) * self.baud / 10)
            if later_s - begin_s < 0.5 / self.baud:  # in step to half a bit: a zero wins over a one
                merged = bytes(a & b for a, b in zip(merged, answer, strict=False)) + merged[len(answer) :]
            elif free < len(merged):
                merged = merged[:free] + self._random.randbytes(max(len(answer), len(merged) - free))
            else:
                merged += answer
        return begin_s, merged

    def _collide(self, data: bytes) -> bytes:
        """The host speaks while a servo does: neither is understood."""
        for event in self._events:
            if event.spoken:
                event.data[:] = self._random.randbytes(len(event.data))
        return self._random.randbytes(len(data))

    def _bring(self, data: bytearray, begin_s: float, baud: int, *, spoken: bool) -> None:
        """Bytes on the wire from `begin_s` on reach the host, a frame at a time."""
        size = max(1, int(FRAME_S / wire_time_s(1, baud)))
        for first in range(0, len(data), size):
            frame = data[first : first + size]
            end_s = begin_s + wire_time_s(first + len(frame), baud)
            self._push(end_s + self._latency_s, None, frame, spoken)

    def _push(self, due_s: float, packet: Packet | None, data: bytearray | None = None, spoken: bool = False) -> None:
        self._order += 1
        heapq.heappush(self._events, _Event(due_s, self._order, packet, data or bytearray(), spoken))


def _is_one_packet(data: bytes) -> bool:
    """Whether this has the length of one packet and no more: then it ends with its last byte, or not at all."""
    return data[: len(HEADER)] == HEADER and len(data) > 3 and len(data) == data[3] + 3
