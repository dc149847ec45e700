"""The control socket: who may connect, how much a client may ask for, and what is done with those who ask for more.

All work is cut into short callbacks of the event loop that runs the ticks: each client has a budget of requests for
every tick, smaller where there are many, and is not read from once it is used up. Telemetry waits in short queues that
lose their oldest ticks. However many are connected, whoever wants to stop the robot gets in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from robotd.connection import Connection, Gone
from robotd.desk import Client, Desk
from robotd.listener import Listener
from robotd.messages import Answer, Done, Estop, MessageError, Refused, Request, Stop, Subscribe
from robotd.record import TickRecord
from robotd.reports import Reporter, Traffic

REQUESTS_PER_TICK, REQUESTS_AT_ONCE, ACCEPTS_PER_TICK = 8, 4, 4
SHARED_PER_TICK = 24  # requests of all clients together; each has its equal share, and one at least
STOP_PLACES = 4  # beyond the clients that are let in, for stop and estop alone
FLOOD_TICKS = 100  # in a row with the whole budget used up
HALF_OPEN_S, IDLE_S = 2.0, 60.0
LOG_EVERY_S = 1.0
LOOK_EVERY = 25  # ticks
log = logging.getLogger("robotd")


class ControlSocket:
    """Serves from `open` to `close`. As a hook it follows the ticks.

    Args:
        listener: the door; `close` closes it.
        desk: where acts go.
        reporter: answers questions.
        max_clients: at a time.
        now_s: monotonic time.
    """

    def __init__(
        self, listener: Listener, desk: Desk, reporter: Reporter, max_clients: int, now_s: Callable[[], float]
    ) -> None:
        self._listener, self._desk, self._reporter = listener, desk, reporter
        self._max_clients, self._now_s = max_clients, now_s
        self._connections: dict[int, Connection] = {}
        self._paused: list[Connection] = []
        self._accepts = ACCEPTS_PER_TICK
        self._accepting = False
        self._number = self._lost = self._unsaid = 0
        self._said_s = -LOG_EVERY_S
        self._record: TickRecord | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Begin to serve, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._listen(True)
        log.info("control socket %s, for root, this user and group %s", self._listener.path, self._listener.group)

    def close(self) -> None:
        """Hang up on everybody and remove the socket."""
        for connection in list(self._connections.values()):
            self._hang_up(connection, Refused("robotd ends"))
        self._listen(False)
        self._listener.close()

    def __call__(self, record: TickRecord) -> None:
        """After a tick: tell what came of acts, queue telemetry, let everybody ask again."""
        self._record = record
        self._desk.settle(record)
        budget = min(REQUESTS_PER_TICK, max(1, SHARED_PER_TICK // max(1, len(self._connections))))
        for connection in list(self._connections.values()):
            connection.offer(record)
            self._send_soon(connection)
            connection.exhausted = connection.exhausted + 1 if connection.budget <= 0 else 0
            connection.budget = budget
        paused, self._paused = self._paused, []
        for connection in paused:
            if connection.client.number in self._connections:
                self._read_on(connection)
        self._accepts = ACCEPTS_PER_TICK
        self._listen(True)
        if record.number % LOOK_EVERY == 0:
            self._look()

    @property
    def _events(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the control socket is not open")
        return self._loop

    def _listen(self, accepting: bool) -> None:
        if self._loop is not None and accepting is not self._accepting:
            self._accepting = accepting
            if accepting:
                self._loop.add_reader(self._listener.socket, self._accept)
            else:
                self._loop.remove_reader(self._listener.socket)

    def _accept(self) -> None:
        if self._accepts <= 0:
            self._listen(False)
            return
        self._accepts -= 1
        if (arrived := self._listener.accept()) is None:
            return
        sock, peer = arrived
        self._number += 1
        connection = Connection(sock, Client(self._number, str(peer)), REQUESTS_PER_TICK, self._now_s())
        if (refusal := self._listener.refusal(peer)) is not None:
            connection.close(refusal)
            self._say(f"refused {peer}: {refusal.text}")
            return
        connection.only_stops = len(self._connections) >= self._max_clients and not self._make_room()
        stoppers = [other for other in self._connections.values() if other.only_stops]
        if len(stoppers) >= STOP_PLACES:
            self._drop(stoppers[0], "others need the place")
        self._connections[self._number] = connection
        self._events.add_reader(sock, self._readable, connection)

    def _make_room(self) -> bool:
        """Drop whoever has given and taken nothing for longest, but nobody who did so in the last second."""
        steering = self._desk.steering()[0]
        idle = [c for c in self._connections.values() if c.client.name != steering and c.spoke_s < self._now_s() - 1.0]
        if idle:
            self._drop(min(idle, key=lambda connection: connection.spoke_s), "others need the place")
        return bool(idle)

    def _readable(self, connection: Connection) -> None:
        try:
            connection.receive()
        except Gone as problem:
            self._drop(connection, str(problem))
            return
        self._work(connection)

    def _work(self, connection: Connection) -> None:
        """A few requests; the rest in the next round of the event loop, or of the ticks."""
        if connection.client.number not in self._connections:
            return
        try:
            for _ in range(REQUESTS_AT_ONCE):
                asked = connection.next_request()
                if asked is None:
                    break
                connection.spoke_s = self._now_s()
                self._handle(connection, *asked)
            else:
                self._events.call_soon(self._work, connection)
        except MessageError as problem:
            self._drop(connection, str(problem), tell=True)
            return
        except Gone as problem:
            self._drop(connection, str(problem))
            return
        if connection.budget <= 0 and connection not in self._paused:
            self._events.remove_reader(connection.socket)
            self._paused.append(connection)
        self._send_soon(connection)

    def _read_on(self, connection: Connection) -> None:
        if connection.exhausted > FLOOD_TICKS:
            self._drop(connection, f"over {REQUESTS_PER_TICK} requests in each of {FLOOD_TICKS} ticks", tell=True)
            return
        self._events.add_reader(connection.socket, self._readable, connection)
        self._events.call_soon(self._work, connection)

    def _handle(self, connection: Connection, number: int, request: Request) -> None:
        record = self._record
        if connection.only_stops and not isinstance(request, Stop | Estop):
            full = f"{self._max_clients} clients are connected already; end one of them"
            self._drop(connection, full, tell=True)
        elif record is None:
            connection.answer(Refused("robotd is still starting; ask again in a second"), number)
        elif isinstance(request, Subscribe):
            connection.subscription = (number, request.divisor)
            text = f"telemetry of every {request.divisor}. tick" if request.divisor > 1 else "telemetry of every tick"
            connection.answer(Done(True, text, record.mode.value, record.number), number)
        elif (answer := self._reporter.answer(request, record, self._traffic())) is not None:
            connection.answer(answer, number)
        else:
            self._desk.ask(connection.client, request, partial(self._reply, connection, number))

    def _traffic(self) -> Traffic:
        lost = self._lost + sum(connection.dropped for connection in self._connections.values())
        return Traffic(len(self._connections), lost)

    def _reply(self, connection: Connection, number: int, answer: Answer) -> None:
        """Answer a client that may have gone meanwhile."""
        if connection.client.number not in self._connections:
            return
        try:
            connection.answer(answer, number)
        except Gone as problem:
            self._drop(connection, str(problem))

    def _send_soon(self, connection: Connection) -> None:
        if connection.has_output and connection.client.number in self._connections:
            self._events.add_writer(connection.socket, self._writable, connection)

    def _writable(self, connection: Connection) -> None:
        try:
            connection.send(self._now_s())
        except Gone as problem:
            self._drop(connection, str(problem))
            return
        if not connection.has_output:
            self._events.remove_writer(connection.socket)

    def _look(self) -> None:
        """Drop those who keep a place and do nothing with it."""
        now_s = self._now_s()
        for connection in list(self._connections.values()):
            silent_s = now_s - connection.spoke_s
            if not connection.half_open:
                connection.unfinished_s = None
            elif connection.unfinished_s is None:
                connection.unfinished_s = now_s
            elif min(now_s - connection.unfinished_s, silent_s) > HALF_OPEN_S:
                self._drop(connection, f"a message unfinished for {HALF_OPEN_S:g} s", tell=True)
                continue
            if connection.subscription is None and silent_s > IDLE_S:
                self._drop(connection, f"idle for {IDLE_S:g} s", tell=True)

    def _drop(self, connection: Connection, why: str, tell: bool = False) -> None:
        self._hang_up(connection, Refused(why) if tell else None)
        if why:
            self._say(f"dropped {connection.client.name}: {why}")

    def _hang_up(self, connection: Connection, last_word: Answer | None) -> None:
        if self._connections.pop(connection.client.number, None) is None:
            return
        self._events.remove_reader(connection.socket)
        self._events.remove_writer(connection.socket)
        self._lost += connection.dropped
        connection.close(last_word)

    def _say(self, line: str) -> None:
        """A line in the log, but not more than one a second; the others are counted."""
        now_s = self._now_s()
        if now_s - self._said_s < LOG_EVERY_S:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more such clients since)" if self._unsaid else ""
        log.warning("control socket: %s%s", line, more)
        self._said_s, self._unsaid = now_s, 0
