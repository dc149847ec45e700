"""Transactions on one servo bus: a question and its answer within a deadline, or a write into the void."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from .hiwonder import BROADCAST, READS, Command, Packet, PacketStream, answer_bytes, question, wire_time_s, write
from .serial_line import GarbledReply, LineFull, NoReply, PortError, Preempted, ReplyError, SerialLine

REPLY_S = 0.010
"""The most that adapter, servo and this machine may add to the wire time of a question and its answer."""
MAX_BACKLOG_S = 0.004
"""How much may be queued before the wire: an unload never waits for longer than this and one packet."""

LOST = 1000
"""Failures in a row of a port that is gone; no count goes higher."""


class Answer(NamedTuple):
    """values: as in the codec's READS. stamp_s: monotonic, when the question had left; what was measured is younger."""

    values: tuple[int, ...]
    stamp_s: float


@dataclass
class ServoCounters:
    """What happened with one servo since the start. `in_a_row`: failures since its last good answer."""

    asked: int = 0
    answered: int = 0
    no_reply: int = 0
    garbled: int = 0
    implausible: int = 0
    written: int = 0
    spared: int = 0
    in_a_row: int = 0

    @property
    def failed(self) -> int:
        """Questions without a usable answer."""
        return self.no_reply + self.garbled + self.implausible


@dataclass
class BusCounters:
    """What happened on one bus beside its servos. strays: packets that nobody waited for."""

    echoes: int = 0
    strays: int = 0
    port_errors: int = 0
    preempted: int = 0


class _Wait(NamedTuple):
    asked: Packet
    done: asyncio.Future[Packet]
    noise_before: int


class ServoBus:
    """One port with servos behind it. One transaction at a time; use it inside one running event loop.

    Args:
        name: in reports and messages.
        line: the open port.
        reply_s: how long to wait for an answer beyond its time on the wire.
    """

    def __init__(self, name: str, line: SerialLine, reply_s: float = REPLY_S) -> None:
        self.name, self.line, self.reply_s = name, line, reply_s
        self.counters = BusCounters()
        self.servos: dict[int, ServoCounters] = {}
        self.stream = PacketStream()
        self.lost: str | None = None
        """Why the port is gone, in a sentence; None while it is there."""
        self._failures = 0  # since the last good answer; a retry of the same servo does not count
        self._failed_last: int | None = None
        self._wait: _Wait | None = None
        self._wire_free_s = 0.0
        self._noise_bytes = 0  # what arrived, less what was part of a packet
        self._heard: list[Packet] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(line.fd, self._readable)

    def now_s(self) -> float:
        """Monotonic time."""
        return self._loop.time()

    def close(self) -> None:
        """Let the port go. Whoever waits is preempted."""
        self.preempt()
        if self.lost is None:  # else it is no reader any more, and its number may be somebody else's
            self._loop.remove_reader(self.line.fd)
        self.lost = self.lost or f"{self.line.port}: closed"
        self.line.close()

    async def reopen(self) -> None:
        """Take a port that is gone back, opened in a thread, since that may block. Failures count on until an answer
        comes. Raises PortError: it is still gone."""
        opening = self._loop.run_in_executor(None, self.line.reopened)
        try:
            line = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_let_go)
            raise
        finally:
            del opening  # as in _ask_once
        self.line, self.lost = line, None
        self.stream, self._heard, self._wire_free_s, self._failures = PacketStream(), [], 0.0, LOST
        self._loop.add_reader(line.fd, self._readable)

    @property
    def failed_in_a_row(self) -> int:
        """Transactions that failed since the last good answer. A retry of the same servo counts only where no other
        is known on the bus: one dead servo is no dead bus. A port that is gone counts as a thousand."""
        return LOST if self.lost else self._failures

    def count(self, servo_id: int) -> ServoCounters:
        """The counters of a servo."""
        return self.servos.setdefault(servo_id, ServoCounters())

    def tell(self, servo_id: int, command: Command, *values: int) -> None:
        """Write at once, whatever is under way: nobody confirms it. Raises CodecError, PortError."""
        self._send(write(servo_id, command, *values))
        if servo_id != BROADCAST:
            self.count(servo_id).written += 1

    async def room(self) -> None:
        """Wait until little is queued before the wire."""
        backlog_s = self._wire_free_s - self.now_s()
        if backlog_s > MAX_BACKLOG_S:
            await asyncio.sleep(backlog_s - MAX_BACKLOG_S / 2)

    async def ask(self, servo_id: int, command: Command, attempts: int = 1) -> Answer:
        """One read, tried a bounded number of times. Ends within attempts x (its time on the wire + `reply_s`).

        Raises:
            NoReply, GarbledReply: of the last attempt.
            PortError: the port is gone.
            Preempted: a limp took the bus.
        """
        for attempt in range(1, attempts + 1):
            try:
                return await self._ask_once(question(servo_id, command))
            except ReplyError:
                if attempt == attempts:
                    raise
        raise ValueError(f"attempts {attempts}: expected at least 1")

    async def listen(self, servo_id: int, command: Command) -> tuple[list[Packet], int]:
        """Ask and listen for the whole deadline: all packets that came, without echoes, and bytes that were noise.

        More than one packet, or noise, where one servo should answer means that two share its id. Raises PortError.
        """
        await self.room()
        self._flush()
        noise, self._heard = self.stream.noise_bytes, []
        asked = question(servo_id, command)
        self._send(asked)
        await asyncio.sleep(self._deadline_s(command) - self.now_s())
        self.stream.clear()
        return [packet for packet in self._heard if packet != asked], self.stream.noise_bytes - noise

    def preempt(self) -> None:
        """Whoever waits for an answer gets Preempted instead."""
        if self._wait is not None and not self._wait.done.done():
            self.counters.preempted += 1
            self._wait.done.set_exception(Preempted(f"{self.name}: a limp took the bus"))

    async def _ask_once(self, asked: Packet) -> Answer:
        await self.room()
        self._flush()
        counters = self.count(asked.servo_id)
        counters.asked += 1
        self._send(asked)
        stamp_s = self._wire_free_s
        wait = self._wait = _Wait(asked, self._loop.create_future(), self._noise_bytes)
        timer = self._loop.call_at(self._deadline_s(asked.command), self._give_up, wait)
        try:
            packet = await wait.done
        except ReplyError as problem:
            counters.in_a_row += 1
            self._note_failure(asked.servo_id)
            counters.garbled += isinstance(problem, GarbledReply)
            counters.no_reply += isinstance(problem, NoReply)
            raise
        finally:
            timer.cancel()
            self._wait = None
            del wait  # with its exception it would hold this frame, which holds it: garbage that nobody collects
        counters.answered += 1
        counters.in_a_row = 0
        self._failures, self._failed_last = 0, None
        return Answer(packet.values, stamp_s)

    def _note_failure(self, servo_id: int) -> None:
        if servo_id != self._failed_last or len(self.servos) == 1:
            self._failures = min(self._failures + 1, LOST)
        self._failed_last = servo_id

    def _deadline_s(self, command: Command) -> float:
        return self._wire_free_s + wire_time_s(answer_bytes(command), self.line.baud) + self.reply_s

    def _send(self, packet: Packet) -> None:
        self._check()
        data = packet.encode()
        begin_s = max(self._wire_free_s, self.now_s())
        try:
            self.line.write(data)
        except LineFull:
            self.counters.port_errors += 1
            self._failures = min(self._failures + 1, LOST)
            raise
        except PortError as problem:
            self._lose(problem)
            raise
        self._wire_free_s = begin_s + wire_time_s(len(data), self.line.baud)

    def _readable(self) -> None:
        try:
            data = self.line.read()
        except PortError as problem:
            self._lose(problem)
            return
        self._noise_bytes += len(data)
        for packet in self.stream.feed(data):
            self._noise_bytes -= len(packet.encode())
            self._take(packet)

    def _take(self, packet: Packet) -> None:
        wait = self._wait
        if packet.asks or packet.command not in READS:
            self.counters.echoes += 1
        elif wait is not None and not wait.done.done() and _answers(wait.asked, packet):
            wait.done.set_result(packet)
        else:
            self.counters.strays += 1
        self._heard = [*self._heard[-15:], packet]

    def _give_up(self, wait: _Wait) -> None:
        if wait.done.done():
            return
        asked, name = wait.asked, wait.asked.command.name.lower()
        problem: ReplyError = NoReply(f"{self.name}: servo {asked.servo_id} did not answer {name} in time")
        if self._noise_bytes > wait.noise_before:
            problem = GarbledReply(f"{self.name}: servo {asked.servo_id} answered {name} with garbage")
        wait.done.set_exception(problem)

    def _flush(self) -> None:
        """What came too late belongs to nobody."""
        self._check()
        self._readable()
        self._check()
        self.stream.clear()
        self._heard = []

    def _check(self) -> None:
        if self.lost is not None:
            raise PortError(self.lost)

    def _lose(self, problem: PortError) -> None:
        """A hung-up port stays readable for ever: stop to look at it."""
        self.counters.port_errors += 1
        self.lost = str(problem)
        self._loop.remove_reader(self.line.fd)
        if self._wait is not None and not self._wait.done.done():
            self._wait.done.set_exception(PortError(self.lost))


def _let_go(opening: asyncio.Future[SerialLine]) -> None:
    """Nobody waits for this port any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _answers(asked: Packet, packet: Packet) -> bool:
    return packet.command == asked.command and asked.servo_id in (packet.servo_id, BROADCAST)
