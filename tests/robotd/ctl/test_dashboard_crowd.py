"""Many connections at the dashboard, or no descriptor left: whoever has the key still stops the robot."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp.http_exceptions import BadHttpMessage
from daemon_rig import LONG_S, Daemon, daemon, wait_for
from dashboard_rig import Dashboard, dashboard, page

from robotd.ctl.cockpit.lobby import OVERALL, PER_PEER, SAY_EVERY_S, Lobby, Seldom
from robotd.ctl.cockpit.server import BACKLOG, MAX_PAGES

HALF = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
MOST = MAX_PAGES + PER_PEER + 4 * BACKLOG  # descriptors of a crowd, with those that are just being accepted or closed
FEED_AND_LINE = 3  # connections that a dashboard holds to robotd


@pytest.fixture(scope="module")
def robot(zero_bundle_path: Path) -> Iterator[Daemon]:
    with (
        tempfile.TemporaryDirectory(prefix="wr-") as folder,
        daemon(Path(folder), zero_bundle_path, "--hal", "mock") as started,
    ):
        yield started


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 2 * LONG_S))  # type: ignore[arg-type]


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), LONG_S, (source, 0))


def handshake(port: int) -> bytes:
    """What opens a live connection, without a page behind it."""
    host = f"127.0.0.1:{port}"
    return (
        f"GET /live HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    ).encode()


def descriptors(served: Dashboard) -> int:
    return len(os.listdir(f"/proc/{served.process.pid}/fd"))


@contextmanager
def descriptors_below(limit: int, served: Dashboard) -> Iterator[None]:
    """The dashboard can open none above; what it has open it keeps."""
    soft, hard = resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def complaining(home: Path) -> Iterator[Dashboard]:
    """A dashboard that may say something on stderr, but not much."""
    served = Dashboard(home)
    try:
        yield served
        assert served.end() == 0
        assert len(served.errors.splitlines()) <= 1, served.errors
    finally:
        served.process.kill()
        served.process.wait()


def test_without_a_descriptor_stops_come_through_and_the_rest_is_one_sentence(robot: Daemon) -> None:
    async def test(served: Dashboard) -> None:
        async with page(served, served.key) as acting:
            with descriptors_below(1, served), ExitStack() as crowd:
                for _ in range(20):
                    crowd.enter_context(connect(served.port))
                for _ in range(2):
                    assert "torque is off" in (await acting.ask("stop"))["text"]
                    assert (await acting.ask("estop"))["text"] == "torque is off, latched: OPERATOR"
                    refused = await acting.ask("clear")
                    assert not refused["ok"] and "Too many open files, so no connection to robotd" in refused["text"]
            assert (await acting.ask("clear"))["ok"]
        async with page(served, served.key) as later:
            assert (await later.ask("estop"))["ok"]

    with complaining(robot.home) as served:
        run(lambda: test(served))
        assert "Too many open files; hung up on the older half" in served.errors


def test_the_line_for_stops_is_opened_anew_where_robotd_came_back(zero_bundle_path: Path) -> None:
    async def test(served: Dashboard) -> None:
        async with page(served, served.key) as acting:
            with descriptors_below(1, served):
                assert (await acting.ask("estop"))["ok"]

    with (
        tempfile.TemporaryDirectory(prefix="wr-") as folder,
        daemon(Path(folder), zero_bundle_path, "--hal", "mock") as first,
        complaining(Path(folder)) as served,
    ):
        first.kill()
        with daemon(first.home, zero_bundle_path, "--hal", "mock") as second:
            wait_for(lambda: second.status().clients == FEED_AND_LINE + 1)
            run(lambda: test(served))


@pytest.mark.parametrize("said", ["nothing", "half a request", "that it looks"])
def test_a_crowd_costs_few_descriptors_and_keeps_nobody_out(said: str, robot: Daemon) -> None:
    """Of all that came, onlookers too, and those that do not agree to go."""

    async def test(served: Dashboard, words: bytes) -> None:
        async with page(served, served.key) as acting:
            before = descriptors(served)
            with ExitStack() as crowd:
                for number in range(2 * MOST):
                    with suppress(ConnectionError):  # hung up on already
                        crowd.enter_context(connect(served.port)).sendall(words)
                    if number % 10 == 0:
                        await acting.hear("tick")  # a page that does not listen answers no ping, and is dropped
                while descriptors(served) > before + MAX_PAGES + PER_PEER:
                    await acting.hear("tick")
                assert (await acting.ask("estop"))["ok"]
                async with page(served, served.key) as late:
                    assert (await late.ask("estop"))["ok"]
                await acting.hear("tick")

    with dashboard(robot.home) as served:
        words = {"nothing": b"", "half a request": HALF.encode(), "that it looks": handshake(served.port)}[said]
        highest = max(int(number) for number in os.listdir(f"/proc/{served.process.pid}/fd"))
        with descriptors_below(highest + MOST, served):
            run(lambda: test(served, words))


@pytest.mark.parametrize(
    "said", ["", "GET / HTT", HALF, HALF.replace("/ ", "/none ") + "\r\n"], ids=["none", "cut", "half", "idle"]
)
def test_a_connection_that_brings_no_whole_request_is_closed(said: str, robot: Daemon) -> None:
    with dashboard(robot.home) as served, connect(served.port) as quiet:
        quiet.sendall(said.encode())
        while quiet.recv(65536):  # it ends, else this times out
            pass


def test_what_is_no_http_is_answered_and_not_logged(robot: Daemon) -> None:
    with dashboard(robot.home) as served:
        for _ in range(20):
            with connect(served.port) as odd:
                odd.sendall(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
                assert odd.recv(65536).startswith(b"HTTP/1.0 400 ")


class Arrived(asyncio.Transport):
    """A connection, and whether it was hung up on."""

    def __init__(self, peer: str) -> None:
        self.socket = socket.socket()
        super().__init__({"peername": (peer, 1), "socket": self.socket})

    def abort(self) -> None:
        self.socket.close()

    @property
    def there(self) -> bool:
        return self.socket.fileno() >= 0


@contextmanager
def arrived(lobby: Lobby, peers: Sequence[str]) -> Iterator[list[Arrived]]:
    """From these addresses, one after another."""
    crowd = [Arrived(peer) for peer in peers]
    for transport in crowd:
        lobby.enter(transport)
    yield crowd
    for transport in crowd:
        transport.abort()


def test_of_one_address_the_oldest_goes() -> None:
    with arrived(Lobby(), ["a", "b", *["a"] * PER_PEER]) as crowd:
        assert [transport.there for transport in crowd] == [False] + [True] * (PER_PEER + 1)


def test_of_all_the_oldest_of_the_busiest_address_goes() -> None:
    others = [f"other {number}" for number in range(OVERALL - 3)]
    with arrived(Lobby(), ["owner", "busy", "busy", *others, "last"]) as crowd:
        assert [number for number, transport in enumerate(crowd) if not transport.there] == [1]


def test_who_has_left_or_closed_keeps_no_place() -> None:
    lobby = Lobby()
    with arrived(lobby, ["a"] * PER_PEER) as crowd:
        lobby.leave(crowd[0])
        crowd[1].abort()
        with arrived(lobby, ["a", "a"]) as more:
            assert all(transport.there for transport in [crowd[0], *crowd[2:], *more])
            lobby.enter(crowd[1])  # it is closed
            lobby.enter(crowd[0])
            assert not crowd[2].there and crowd[0].there and crowd[3].there


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_out_of_descriptors_the_older_half_goes_once_and_one_line_is_said(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    loop, lobby = asyncio.new_event_loop(), Lobby()
    with arrived(lobby, ["a"] * 5) as crowd:
        for _ in range(100):
            lobby.take_problem(loop, {"message": "accept", "exception": OSError(number, "none left")})
        assert [transport.there for transport in crowd] == [False, False, False, True, True]
    loop.close()
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == ["dashboard: none left"]


def test_any_other_problem_is_said_as_before(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    Lobby().take_problem(loop, {"message": "something odd"})
    loop.close()
    assert "something odd" in caplog.text


def test_seldom_lets_a_line_a_minute_through() -> None:
    now_s = 0.0
    seldom = Seldom(lambda: now_s)

    def line(problem: Exception | None = None) -> logging.LogRecord:
        cause = None if problem is None else (type(problem), problem, None)
        return logging.LogRecord("dashboard", logging.ERROR, __file__, 1, "found %s", ("it",), cause)

    assert seldom.filter(line()) and not seldom.filter(line()) and not seldom.filter(line())
    now_s = SAY_EVERY_S
    assert not seldom.filter(line(BadHttpMessage("no header")))
    assert seldom.filter(last := line()) and last.getMessage() == "found it (2 more such lines left out)"
