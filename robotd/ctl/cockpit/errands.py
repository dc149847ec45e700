"""What pages ask of robotd and wait for: acts, and past all of them stops, which need nothing that can run out."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from robotd.ctl.client import Client
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.messages import AskStatus, Done, Request, Status

STOPS = ("stop", "estop")
STOPS_AT_ONCE, ACTS_AT_ONCE = 4, 4
HOLD_S = 0.5
Kind = TypeVar("Kind")


class Line:
    """One connection to robotd that is open before it is needed.

    A thread asks robotd something over it twice a second, so that robotd does not find it idle, and opens it anew where
    it is lost.

    Args:
        socket: of robotd.
    """

    def __init__(self, socket: Path | None) -> None:
        self._socket = socket
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._ended = threading.Event()

    def open(self) -> None:
        """Open it, and hold it open until `close`."""
        self._ask()
        threading.Thread(target=self._hold, name="line", daemon=True).start()

    def close(self) -> None:
        """Hang up, soon."""
        self._ended.set()

    def act(self, request: Request) -> Done:
        """One act over it. Raises Refusal, Unreachable."""
        return self._use(request, Done)

    def _hold(self) -> None:
        while not self._ended.wait(HOLD_S):
            self._ask()
        with self._lock:
            self._hang_up()

    def _ask(self) -> None:
        with suppress(Refusal, Unreachable):  # said by the ticks
            self._use(AskStatus(), Status)

    def _use(self, request: Request, kind: type[Kind]) -> Kind:
        with self._lock:
            try:
                self._client = self._client or Client(self._socket)
                return self._client.ask(request, kind)
            except (Refusal, Unreachable):
                self._hang_up()
                raise

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


class Errands:
    """From `open` to `close`.

    Args:
        socket: of robotd.
    """

    def __init__(self, socket: Path | None) -> None:
        self.socket = socket
        self._line = Line(socket)
        self._stops = ThreadPoolExecutor(STOPS_AT_ONCE, "stop")  # of their own: a stop never waits for another act
        self._acts = ThreadPoolExecutor(ACTS_AT_ONCE, "act")

    def open(self) -> None:
        """Be ready for stops."""
        self._line.open()

    def close(self) -> None:
        """Begin nothing any more."""
        self._line.close()
        self._stops.shutdown(wait=False, cancel_futures=True)
        self._acts.shutdown(wait=False, cancel_futures=True)

    async def run(self, word: str, request: Request) -> Done:
        """Do it in a thread. Raises Refusal, Unreachable."""
        loop = asyncio.get_running_loop()
        if word in STOPS:
            return await loop.run_in_executor(self._stops, self._stop, request)
        return await loop.run_in_executor(self._acts, self._act, request)

    def _act(self, request: Request) -> Done:
        with Client(self.socket) as client:
            return client.act(request)

    def _stop(self, request: Request) -> Done:
        """Where a connection of its own does not do, over the one that is open."""
        try:
            return self._act(request)
        except (Refusal, Unreachable):
            with suppress(Refusal, Unreachable):
                return self._line.act(request)
            raise
