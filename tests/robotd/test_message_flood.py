"""Random and mutated messages against a robotd whose loop runs: nothing crashes, nothing grows, it still answers.

The long form, on a quiet machine: WILDROBOT_MESSAGES=100000 pytest -s tests/robotd/test_message_flood.py
"""

from __future__ import annotations

import os
import random
import socket
import struct
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from daemon_rig import START, Raw, daemon, wait_for

from contract import assets_dir
from robotd import wire
from robotd.messages import (
    Activate,
    Arm,
    AskPolicies,
    AskStatus,
    AskTiming,
    Clear,
    Refused,
    Release,
    Request,
    SlowMotion,
    Subscribe,
    SwitchPolicy,
)

MESSAGES = int(os.environ.get("WILDROBOT_MESSAGES", "2000"))
CONNECTIONS = 6
# Locked memory counts whole mappings, also what nobody has touched: that would hide what grows.
CONFIG = "realtime: {lock_memory: false}\n"
WARM = 400  # messages after which every policy and every path has run once
GROWTH_MIB = 8.0  # telemetry and answers wait in buffers that are bounded
# Those that leave a robot standing where it is; its policy runs, and is switched, all the while.
GOOD: tuple[Request, ...] = (
    AskStatus(),
    Arm(),
    Clear(),
    Activate(),
    Release(),
    SlowMotion(0.5),
    AskPolicies(),
    SwitchPolicy("walking"),
    SwitchPolicy("standing"),
    AskTiming(),
    Subscribe(3),
)


def message(draw: random.Random) -> tuple[str, bytes]:
    """Its kind, and its bytes."""
    kind = draw.choice(("good", "mutated", "random body", "random bytes", "truncated", "huge"))
    frame = bytearray(wire.requests.encode(draw.choice(GOOD), draw.randrange(2**32)))
    if kind == "mutated":
        for _ in range(draw.randint(1, 3)):
            frame[draw.randrange(4, len(frame))] = draw.randrange(256)
    elif kind == "random body":
        body = draw.randbytes(draw.randint(1, wire.MAX_REQUEST))
        frame = bytearray(struct.pack(">I", len(body)) + body)
    elif kind == "random bytes":
        frame = bytearray(draw.randbytes(draw.randint(1, 200)))
    elif kind == "truncated":
        frame = frame[: draw.randrange(1, len(frame))]
    elif kind == "huge":
        frame = bytearray(struct.pack(">I", draw.randrange(wire.MAX_REQUEST + 1, 2**32)))
    return kind, bytes(frame)


class Crowd:
    """Connections that say what they are given. After what may be no message each waits until it has been dealt with,
    so that none is lost with those before it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._raws = [Raw(path) for _ in range(CONNECTIONS)]

    def say(self, place: int, good: bool, data: bytes) -> None:
        """Over one of them, which is made anew after a bad one."""
        raw = self._raws[place]
        try:
            raw.socket.sendall(data)
            if good:
                raw.count()
                return
            raw.socket.shutdown(socket.SHUT_WR)
            raw.last_words()
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass  # dropped for what it said before
        raw.socket.close()
        self._raws[place] = Raw(self._path)

    def close(self) -> None:
        for raw in self._raws:
            raw.socket.close()


@pytest.mark.timeout(3600)
def test_random_and_mutated_messages_while_the_loop_runs() -> None:
    draw, kinds = random.Random(4), Counter[str]()
    bundle = assets_dir() / "bundles" / "wildrobot"
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        # The short form shares its machine; the long one is there to see whether a deadline is missed.
        clock = {"code": START} if MESSAGES > 2000 else {}
        with daemon(Path(folder), bundle, "--hal", "mock", config=CONFIG, **clock) as robot:
            robot.activate()
            before, memory_mib, began_s = robot.status(), robot.memory_mib, time.monotonic()
            crowd = Crowd(robot.socket)
            for number in range(MESSAGES):
                kind, data = message(draw)
                kinds[kind] += 1
                crowd.say(number % CONNECTIONS, kind == "good", data)
                if number == WARM:
                    memory_mib = robot.memory_mib
            took_s = time.monotonic() - began_s
            crowd.close()
            wait_for(lambda: robot.status().clients == 1)
            after, grown_mib = robot.status(), robot.memory_mib - memory_mib
            overruns, ticks = after.overruns - before.overruns, after.tick - before.tick
            print(f"\n{MESSAGES} messages in {took_s:.1f} s: {dict(kinds)}")
            print(f"{ticks} ticks, {overruns} overruns, mode {after.mode}, faults {after.faults}")
            print(f"memory grew {grown_mib:.1f} MiB; {len(robot.log.splitlines())} lines of log")
            assert ticks > took_s * 10, "the loop went on"
            assert grown_mib < GROWTH_MIB
            assert len(robot.log.splitlines()) < 40 + 3 * took_s, "the log is rate limited"
            with robot.client() as client:
                assert client.act(Release()).ok


def test_the_campaign_sends_what_it_says() -> None:
    draw = random.Random(1)
    drawn = [message(draw) for _ in range(600)]
    for kind, data in drawn:
        frames = wire.Frames(wire.MAX_REQUEST)
        frames.feed(data)
        if kind == "good":
            assert not isinstance(wire.requests.decode(next(wire.bodies(frames)))[1], Refused)
        elif kind == "truncated":
            assert next(wire.bodies(frames), None) is None
    assert len({kind for kind, _ in drawn}) == 6
