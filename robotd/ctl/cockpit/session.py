"""One page's live connection: it is shown what the board has, and what it asks for is done if it has the key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from aiohttp import ClientError, WSMsgType, web

from robotd.ctl.cockpit import orders
from robotd.ctl.cockpit.door import Door
from robotd.ctl.cockpit.errands import STOPS, Errands
from robotd.ctl.cockpit.feed import Board
from robotd.ctl.cockpit.figures import done_json
from robotd.ctl.cockpit.pilot import SILENT_S, Lag, Pilot
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.teleop_mapping import Limits
from robotd.messages import MessageError

WRONG_KEY_S = 1.0
"""How long the answer to a wrong key takes."""
MAX_PENDING = 32


class Session:
    """From a connection that has been made to its end.

    Args:
        page: the connection.
        door: knows the key.
        limits: of the sticks.
        errands: bring acts to robotd.
        came_in: called once the page has shown the key.
    """

    def __init__(
        self,
        page: web.WebSocketResponse,
        door: Door,
        limits: Limits,
        errands: Errands,
        came_in: Callable[[], None],
    ) -> None:
        self._page, self._door, self._limits, self._errands, self._came_in = page, door, limits, errands, came_in
        self._loop = asyncio.get_running_loop()
        self._may_act = False
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lag = Lag()
        self._pilot = Pilot(errands.socket, self._tell_from_thread)
        self._spoke_s = time.monotonic()

    async def run(self, board: Board) -> None:
        """Show and listen until the page is gone."""
        self._spawn(self._show(board))
        try:
            async for message in self._page:
                if message.type is not WSMsgType.TEXT:
                    break
                try:
                    await self._take(orders.read_order(message.data, self._limits))
                except MessageError as problem:
                    self._tell("page", False, str(problem))
        finally:
            self._pilot.close()
            for task in self._tasks:
                task.cancel()

    @property
    def may_act(self) -> bool:
        """Whether the page has shown the key."""
        return self._may_act

    @property
    def spoke_s(self) -> float:
        """When the page last asked for something, by the monotonic clock."""
        return self._spoke_s

    def make_room(self) -> None:
        """Hang up without waiting for the page to agree."""
        self._spawn(self._send_away())

    async def close(self) -> None:
        """Hang up."""
        await self._page.close(code=1001, message=b"the dashboard ends")

    async def _take(self, order: orders.Order) -> None:
        self._spoke_s = time.monotonic()
        if isinstance(order, orders.Key):
            await self._take_key(order.key)
        elif not self._may_act:
            self._tell("key", False, "this page may only look: open the link with the key that the dashboard printed")
        elif isinstance(order, orders.Act):
            self._start(order)
        elif isinstance(order, orders.LetGo):
            self._lag = Lag()  # a clock that slept meanwhile begins anew with the next hold
            self._pilot.let_go()
        elif self._lag(order.at_ms / 1e3, time.monotonic()) <= SILENT_S:  # else it says what was true a while ago
            self._pilot.steer(order.request)

    async def _take_key(self, key: str) -> None:
        self._may_act = self._door.opens(key)
        if self._may_act:
            self._came_in()
        else:
            await asyncio.sleep(WRONG_KEY_S)
        text = "this page may act" if self._may_act else "that is not the key; the dashboard printed it at its start"
        self._tell("key", self._may_act, text)

    def _start(self, order: orders.Act) -> None:
        """Do it in a thread; the same act not twice at once."""
        if order.word in self._busy:
            return
        self._busy.add(order.word)
        if order.word in STOPS:
            self._pilot.let_go()
        self._spawn(self._act(order))

    async def _act(self, order: orders.Act) -> None:
        try:
            done = await self._errands.run(order.word, order.request)
            text = done_json(order.word, done.ok, done.text, done)
        except (Refusal, Unreachable) as problem:
            text = done_json(order.word, False, problem.message)
        finally:
            self._busy.discard(order.word)
        await self._send(text)

    async def _send_away(self) -> None:
        with suppress(RuntimeError):  # it is not open yet, and its connection is closed when others need the place
            await self._page.close(code=1013, message=b"others came; open the page again")

    async def _show(self, board: Board) -> None:
        await self._send(json.dumps({"kind": "limits", **self._limits._asdict()}))
        await board.read(self._send)

    def _tell(self, word: str, ok: bool, text: str) -> None:
        """Say it when the page takes it; where it takes nothing, not everything is kept for it."""
        if len(self._tasks) < MAX_PENDING:
            self._spawn(self._send(done_json(word, ok, text)))

    def _tell_from_thread(self, word: str, ok: bool, text: str) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, word, ok, text)

    async def _send(self, text: str) -> None:
        try:
            await self._page.send_str(text)
        except (ClientError, ConnectionError, RuntimeError):  # it is gone, and the listening side finds that out
            await asyncio.sleep(0)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
