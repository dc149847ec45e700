"""The dashboard's server beside a running robotd: what it shows to anybody, and does for the key and nobody else."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from daemon_rig import LONG_S, Daemon, daemon, wait_for
from dashboard_rig import Dashboard, Page, dashboard, page

from robotd.blackbox_reader import BlackBoxFile
from robotd.ctl.cockpit.server import MAX_PAGES
from robotd.messages import Clear, Estop

CONFIG = "safety: {link_forget_s: 1}\n"
OPTIONS = ("--max-forward", "0.4")


class Pair(NamedTuple):
    """A robotd on the mock, and its dashboard."""

    robot: Daemon
    served: Dashboard


@pytest.fixture(scope="module")
def pair(zero_bundle_path: Path) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        home = Path(folder)
        with (
            daemon(home, zero_bundle_path, "--hal", "mock", config=CONFIG) as robot,
            dashboard(home, *OPTIONS) as served,
        ):
            yield Pair(robot, served)


@pytest.fixture(autouse=True)
def limp(pair: Pair) -> Iterator[None]:
    """After each test the robot is in idle, and nobody steers it."""
    yield
    with pair.robot.client() as client:
        client.act(Estop())
        wait_for(lambda: client.act(Clear()).mode == "idle")
    wait_for(lambda: pair.robot.status().silent_s is None)


def get(served: Dashboard, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=LONG_S)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 2 * LONG_S))  # type: ignore[arg-type]


def unpacked(body: bytes) -> str:
    return gzip.decompress(body).decode()


def test_the_page_brings_all_it_needs_and_nothing_from_elsewhere(pair: Pair) -> None:
    answer, body = get(pair.served, "/")
    html = unpacked(body)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
    wanted = re.findall(r'(?:src|href)="(/[^"]+)"', html)
    assert {"/plotly.js", "/page.js", "/page.css", "/colours.css"} <= set(wanted)
    texts = [html]
    for path in [*wanted, "/twin.js", "/plots.js", "/sticks.js"]:
        answer, body = get(pair.served, path)
        assert answer.status == 200, path
        texts += [unpacked(body)] if path != "/plotly.js" else []
    assert not [text for text in texts if re.search(r"https?://(?!\$)", text)]


def test_an_unchanged_file_is_not_sent_again(pair: Pair) -> None:
    tag = get(pair.served, "/plotly.js")[0].headers["ETag"]
    answer, body = get(pair.served, "/plotly.js", **{"If-None-Match": tag})
    assert answer.status == 304 and body == b""


@pytest.mark.parametrize("path", ["/", "/scene.json", "/nothing"])
def test_no_answer_may_be_framed_or_bring_foreign_scripts(path: str, pair: Pair) -> None:
    headers = get(pair.served, path)[0].headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"] and headers["X-Frame-Options"] == "DENY"
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/", "/page.js", "/scene.json", "/live", "/blackbox", "/nothing"])
def test_a_name_that_was_made_to_point_here_gets_nothing(path: str, pair: Pair) -> None:
    answer, body = get(
        pair.served, path, Host=f"evil.example:{pair.served.port}", Authorization=f"Bearer {pair.served.key}"
    )
    assert answer.status == 403 and b"found Host 'evil.example'" in body


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", ""])
def test_a_page_from_elsewhere_gets_no_live_connection_even_with_the_key(origin: str, pair: Pair) -> None:
    async def test() -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with page(pair.served, pair.served.key, Origin=origin):
                pass
        assert refused.value.status == 403

    run(test)


def test_anybody_sees_the_robot_and_nobody_without_the_key_acts(pair: Pair) -> None:
    async def test() -> None:
        for key in (None, "wrong", pair.served.key[:-1], pair.served.key.swapcase()):
            async with page(pair.served, key) as seen:
                tick = await seen.hear("tick", mode="idle")
                assert len(tick["pose"]) == 7 * 13 and len(tick["joint_age_s"]) == 11
                state = await seen.hear("state", mode="idle", fixes=[])  # the newest may be from before
                assert state["joints"][0] == "left_hip_pitch"
                for say in ("arm", "activate", "stop", "estop", "clear", "release"):
                    done = await seen.ask(say)
                    assert not done["ok"] and done["act"] == "key" and "may only look" in done["text"]
                assert "may only look" in (await seen.ask("policy", name="zero"))["text"]
                stick = {"forward": 1, "sideways": 0, "turn": 0, "factor": 1, "at_ms": 1}
                assert "may only look" in (await seen.ask("velocity", **stick))["text"]
        assert pair.robot.status().mode == "idle" and pair.robot.status().claimed_by == ""

    run(test)


async def stick(held: Page, at_ms: float) -> None:
    await held.say(say="velocity", forward=1, sideways=0, turn=0, factor=0.5, at_ms=at_ms)


async def claim(acting: Page, robot: Daemon) -> float:
    """Hold the stick until robotd knows, which a busy machine may miss once; when that was said last, by its clock."""
    at_ms = 0.0
    while robot.status().claimed_by == "":
        at_ms = 1e3 * time.monotonic()
        await stick(acting, at_ms)
        await asyncio.sleep(0.05)
    return at_ms


async def until(true: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_for, true)


async def active(acting: Page) -> None:
    assert (await acting.ask("arm"))["ok"]
    await acting.hear("tick", mode="standby")
    assert (await acting.ask("activate"))["ok"]


def test_with_the_key_it_acts_and_says_what_came_of_it(pair: Pair) -> None:
    async def test() -> None:
        async with page(pair.served, pair.served.key) as acting:
            early = await acting.ask("activate")
            assert not early["ok"] and "expected standby" in early["text"]
            await active(acting)
            wrong = await acting.ask("policy", name="dancing")
            assert not wrong["ok"] and "found 'dancing'" in wrong["text"]
            off = await acting.ask("estop")
            assert off["ok"] and off["text"] == "torque is off, latched: OPERATOR"
            state = await acting.hear("state", mode="fault")
            assert state["fixes"][0]["name"] == "OPERATOR" and "robotctl clear" in state["fixes"][0]["fix"]
            assert (await acting.ask("clear"))["ok"]

    run(test)


def test_a_held_stick_steers_within_the_limits_and_let_go_it_is_free(pair: Pair) -> None:
    async def test() -> None:
        async with page(pair.served, pair.served.key) as acting:
            await active(acting)
            for step in range(200):
                await stick(acting, 50.0 * step)
                await asyncio.sleep(0.05)
                if pair.robot.status().command[0] > 0.19:
                    break
            assert pair.robot.status().command[0] == pytest.approx(0.2)  # half of --max-forward
            await acting.say(say="release")
            await until(lambda: pair.robot.status().claimed_by == "")
            await until(lambda: pair.robot.status().command[0] == 0)
            assert pair.robot.status().mode == "active" and pair.robot.status().faults == ()

    run(test)


def test_a_stick_that_another_page_holds_is_refused(pair: Pair) -> None:
    async def test() -> None:
        async with page(pair.served, pair.served.key) as first, page(pair.served, pair.served.key) as second:
            heard = asyncio.create_task(second.hear("done", act="velocity", ok=False))
            step = 0
            while not heard.done():
                await stick(first, 50.0 * step)
                if step > 10:
                    await stick(second, 50.0 * step)
                await asyncio.sleep(0.05)
                step += 1
            assert "the command is claimed by pid" in heard.result()["text"]

    run(test)


@pytest.mark.parametrize("end", ["silence", "closed tab"])
def test_a_page_that_is_lost_with_its_stick_held_is_a_lost_controller(end: str, pair: Pair) -> None:
    """Nobody says its velocity any more: it decays, and robotd stops the robot by itself."""

    async def test() -> None:
        async with page(pair.served, pair.served.key) as acting:
            await active(acting)
            await claim(acting, pair.robot)
            if end == "silence":
                await until(lambda: "LINK" in pair.robot.status().faults)
        await until(lambda: "LINK" in pair.robot.status().faults)
        await until(lambda: pair.robot.status().mode in ("stopping", "fault", "idle"))
        assert pair.robot.status().command[0] == 0

    run(test)


def test_a_page_that_is_lost_without_a_stick_changes_nothing(pair: Pair) -> None:
    async def test() -> None:
        async with page(pair.served, pair.served.key) as acting:
            await active(acting)
            await claim(acting, pair.robot)
            await acting.say(say="release")
            await until(lambda: pair.robot.status().claimed_by == "")
        before = pair.robot.status().tick
        await until(lambda: pair.robot.status().tick > before + 100)
        assert pair.robot.status().mode == "active" and pair.robot.status().faults == ()

    run(test)


def test_a_velocity_that_was_long_on_its_way_does_not_count(pair: Pair) -> None:
    async def test() -> None:
        async with page(pair.served, pair.served.key) as acting:
            await claim(acting, pair.robot)
            await acting.say(say="release")
            await until(lambda: pair.robot.status().claimed_by == "")
            said_ms = await claim(acting, pair.robot)  # the way's length is measured anew
            await until(lambda: (pair.robot.status().silent_s or 9) > 0.35)  # None: it is forgotten already
            for _ in range(20):
                await stick(acting, said_ms)
                await asyncio.sleep(0.05)
            assert (pair.robot.status().silent_s or 9) > 0.35

    run(test)


def test_the_black_box_is_for_the_key_only(pair: Pair, tmp_path: Path) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": pair.served.key}):
        answer, body = get(pair.served, "/blackbox", **headers)
        assert answer.status == 401 and b"needs the key" in body
    answer, body = get(pair.served, f"/blackbox?key={pair.served.key}")
    assert answer.status == 401
    answer, body = get(pair.served, "/blackbox", Authorization=f"Bearer {pair.served.key}")
    assert answer.status == 200 and "attachment" in answer.headers["Content-Disposition"]
    copy = tmp_path / "copy.bin"
    copy.write_bytes(body)
    with BlackBoxFile(copy) as box:
        assert len(box.scan().sequence) > 10


def test_nonsense_is_one_sentence_and_too_much_ends_the_connection(pair: Pair) -> None:
    async def test() -> None:
        async with page(pair.served, pair.served.key) as acting:
            for text in ("", "[]", '{"say": "dance"}', '{"say": "velocity"}', "\x00" * 100, '{"say": "key", "key": 3}'):
                await acting.connection.send_str(text)
                assert (await acting.hear("done", act="page"))["ok"] is False
            await acting.connection.send_str("x" * 10_000)
            with pytest.raises(TypeError):
                await acting.hear("nothing")
        async with page(pair.served) as seen:
            await seen.connection.send_bytes(b"x")
            with pytest.raises(TypeError):
                await seen.hear("nothing")

    run(test)


def test_pages_with_the_key_keep_no_other_from_the_buttons(pair: Pair) -> None:
    async def test() -> None:
        async with AsyncExitStack() as opened:
            crowd = [await opened.enter_async_context(page(pair.served, pair.served.key)) for _ in range(MAX_PAGES)]
            assert not (await crowd[0].ask("activate"))["ok"]  # of these, the second has said nothing for longest
            seen = await opened.enter_async_context(page(pair.served))
            await seen.hear("tick")
            async with page(pair.served, pair.served.key) as last:
                assert (await last.ask("estop"))["ok"]
                with pytest.raises(TypeError):
                    await crowd[1].hear("nothing")
                assert (await crowd[0].ask("estop"))["ok"]
                await seen.hear("tick")

    run(test)


def test_onlookers_keep_nobody_with_the_key_from_the_buttons(pair: Pair) -> None:
    async def test() -> None:
        async with AsyncExitStack() as opened:
            crowd = [await opened.enter_async_context(page(pair.served)) for _ in range(MAX_PAGES)]
            async with page(pair.served, pair.served.key) as seen:
                assert (await seen.ask("estop"))["ok"]
                with pytest.raises(TypeError):  # the oldest has gone
                    await crowd[0].hear("nothing")
                await crowd[1].hear("tick")
                for _ in range(2 * MAX_PAGES):
                    await opened.enter_async_context(page(pair.served))
                assert (await seen.ask("estop"))["ok"]

    run(test)


def test_a_page_that_stops_reading_is_dropped_and_others_see_all(pair: Pair) -> None:
    async def test() -> None:
        lazy = socket.create_connection(("127.0.0.1", pair.served.port))
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host = f"127.0.0.1:{pair.served.port}"
        lazy.sendall(
            f"GET /live HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
        )
        async with page(pair.served) as seen:
            first = (await seen.hear("tick"))["tick"]
            while (await seen.hear("tick"))["tick"] < first + 600:  # 12 s, and it is pinged every 5 s
                pass
        lazy.settimeout(LONG_S)
        with suppress(ConnectionResetError):
            while lazy.recv(65536):  # it ends, else this times out
                pass
        lazy.close()
        assert pair.robot.status().lost == 0

    run(test)


def test_robotd_may_go_and_come_back(zero_bundle_path: Path) -> None:
    async def test(robot: Daemon, served: Dashboard, home: Path) -> None:
        async with page(served, served.key) as seen:
            await seen.hear("tick")
            robot.kill()
            assert "robotd" in (await seen.hear("lost"))["text"]
            assert "no robotd answers" in (await seen.ask("arm"))["text"]
            with daemon(home, zero_bundle_path, "--hal", "mock"):
                assert (await seen.hear("tick"))["mode"] == "idle"
                assert (await seen.hear("state"))["mode"] == "idle"

    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        home = Path(folder)
        with daemon(home, zero_bundle_path, "--hal", "mock") as robot, dashboard(home) as served:
            run(lambda: test(robot, served, home))


def test_a_dashboard_that_is_killed_is_a_lost_controller_too(pair: Pair) -> None:
    async def test() -> None:
        second = Dashboard(pair.robot.home)
        try:
            async with page(second, second.key) as acting:
                await active(acting)
                await claim(acting, pair.robot)
                second.process.kill()
                await until(lambda: "LINK" in pair.robot.status().faults)
        finally:
            second.process.kill()
            second.process.wait()

    run(test)
