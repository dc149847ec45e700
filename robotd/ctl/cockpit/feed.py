"""What all pages are told, read from robotd once, however many pages look on; each takes the newest when it can."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from robotd.ctl.client import Client
from robotd.ctl.cockpit.figures import States, lost_json, note_json, tick_json
from robotd.ctl.cockpit.twin import Twin, TwinError
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.watch import Sample, samples
from robotd.messages import AskStatus, Status

RATE_HZ = 25.0
RETRY_S = 0.5
END_S = 1.0
"""How long `stop` waits for the threads."""
Put = Callable[[str, str], None]


class Board:
    """The newest text of each kind. Used in one event loop only."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[int, str]] = {}
        self._version = 0
        self._readers: set[asyncio.Event] = set()

    def put(self, kind: str, text: str) -> None:
        """Replace the text of this kind and wake all readers. A tick and the news that there is none end each other."""
        self._version += 1
        self._texts.pop({"tick": "lost", "lost": "tick"}.get(kind, ""), None)
        self._texts[kind] = (self._version, text)
        for reader in self._readers:
            reader.set()

    async def read(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Hand what is new to `send`, a coroutine function, for ever; what was replaced meanwhile is never sent."""
        changed, seen = asyncio.Event(), 0
        self._readers.add(changed)
        try:
            while True:
                changed.clear()
                fresh = sorted(item for item in self._texts.values() if item[0] > seen)
                for seen, text in fresh:  # noqa: B007
                    await send(text)
                if not fresh:
                    await changed.wait()
        finally:
            self._readers.discard(changed)


class Feed:
    """Two threads that read robotd: ticks at about 25 Hz, its state twice a second. Both go on when it is started anew.

    Args:
        socket: of robotd.
        twin: computes poses; None: ticks have none.
        put: called from the threads with the kind of a message and its text.
    """

    def __init__(self, socket: Path | None, twin: Twin | None, put: Put) -> None:
        self._socket, self._twin, self._put = socket, twin, put
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=task, daemon=True) for task in (self._ticks, self._states)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No more messages, and no thread, but one to which robotd gives no answer for END_S: Python ends threads that
        are still there with the process, which crashes those that are in MuJoCo."""
        self._ended.set()
        for thread in self._threads:
            thread.join(END_S)

    def _ticks(self) -> None:
        while not self._ended.is_set():
            try:
                with Client(self._socket) as client:
                    for text in self._texts(client):
                        self._put("tick", text)
            except (Unreachable, Refusal) as problem:
                self._put("lost", lost_json(problem.message))
                self._ended.wait(RETRY_S)

    def _texts(self, client: Client) -> Iterator[str]:
        status = client.ask(AskStatus(), Status)
        twin, places = self._twin, None
        if twin is not None:
            try:
                places = twin.places(status.joints)
            except TwinError as problem:
                self._put("note", note_json(str(problem)))
        for tick in client.telemetry(max(1, round(1 / RATE_HZ / status.ctrl_dt))):
            if self._ended.is_set():
                return
            pose = None if twin is None or places is None else twin.pose(places, tick.joint_pos_rad, tick.quat_wxyz)
            yield tick_json(tick, pose)

    def _states(self) -> None:
        states = States()
        while not self._ended.is_set():
            try:
                for sample in samples(self._socket, sleep=self._pause):
                    if self._ended.is_set():
                        return
                    if isinstance(sample, Sample):
                        self._put("state", states.json(sample))
            except (Unreachable, Refusal):  # said by the ticks
                self._ended.wait(RETRY_S)

    def _pause(self, seconds: float) -> None:
        self._ended.wait(seconds)
