"""One client of the control socket: frames in, answers and telemetry out, all of it bounded. Never waits."""

from __future__ import annotations

import socket
from collections import deque

from robotd import wire
from robotd.desk import Client
from robotd.messages import Answer, Request
from robotd.record import TickRecord
from robotd.reports import telemetry_of

RECEIVE_BYTES = 2048
MAX_OUT = 128 * 1024  # bytes of answers that nobody takes
QUEUE = 8  # ticks of telemetry that wait; the newest are kept
SEND_BUFFER = 32 * 1024  # in the kernel, so that what a slow reader gets is not old


class Gone(ConnectionError):
    """The client has closed, or has to be dropped: why, in a few words."""


class Connection:
    """A connected, non-blocking socket. budget: requests that it may still make before the next tick.

    subscription: id and divisor of its telemetry; dropped: ticks of it that were lost; spoke_s: when it last gave or
    took something; unfinished_s: since when a frame is known to be unfinished; exhausted: ticks in a row that used
    up its budget; only_stops: there was no place, so it may do nothing but stop the robot.
    """

    def __init__(self, sock: socket.socket, client: Client, budget: int, now_s: float) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.socket, self.client, self.budget = sock, client, budget
        self.subscription: tuple[int, int] | None = None
        self.dropped = self.exhausted = 0
        self.only_stops = False
        self.spoke_s = now_s
        self.unfinished_s: float | None = None
        self._frames = wire.Frames(wire.MAX_REQUEST)
        self._out = bytearray()
        self._waiting: deque[TickRecord] = deque(maxlen=QUEUE)

    @property
    def half_open(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._frames.pending > 0

    @property
    def has_output(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._out or self._waiting)

    def receive(self) -> None:
        """Take what has come in, at most RECEIVE_BYTES. Raises Gone."""
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as problem:
            raise Gone(problem.strerror or "broken") from None
        if not data:
            raise Gone("closed in the middle of a message" if self.half_open else "")
        self._frames.feed(data)

    def next_request(self) -> tuple[int, Request] | None:
        """The next request, while there is a whole one and the budget lasts. Raises MessageError."""
        if self.budget <= 0:
            return None
        body = self._frames.take()
        if body is None:
            return None
        self.budget -= 1
        return wire.requests.decode(body)

    def answer(self, answer: Answer, number: int) -> None:
        """Queue an answer. Raises Gone where the client has not taken earlier ones for too long."""
        if len(self._out) > MAX_OUT:
            raise Gone("takes no answers")
        self._out += wire.answers.encode(answer, number)

    def offer(self, record: TickRecord) -> None:
        """Queue a tick for a subscriber; the oldest that waits makes room."""
        if self.subscription is None or record.number % self.subscription[1]:
            return
        self.dropped += len(self._waiting) == QUEUE
        self._waiting.append(record)

    def send(self, now_s: float) -> None:
        """Send one piece of what waits, answers first. Raises Gone."""
        if not self._out and self._waiting and self.subscription is not None:
            telemetry = telemetry_of(self._waiting.popleft(), self.dropped)
            self._out += wire.answers.encode(telemetry, self.subscription[0])
        try:
            sent = self.socket.send(self._out) if self._out else 0
        except BlockingIOError:
            return
        except OSError as problem:
            raise Gone(problem.strerror or "broken") from None
        if sent:
            del self._out[:sent]
            self.spoke_s = now_s

    def close(self, last_word: Answer | None = None) -> None:
        """Say one more thing, if it can be said at once, and hang up."""
        if last_word is not None:
            self._out += wire.answers.encode(last_word, 0)
        try:
            if self._out and last_word is not None:
                self.socket.send(self._out)
        except OSError:
            pass  # it hangs up because this client does not listen
        self.socket.close()
