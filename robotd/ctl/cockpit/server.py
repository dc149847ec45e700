"""The web server of the dashboard: its page, the live connections of those who look, and the acts of those who may."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

from aiohttp import web

from robotd.ctl.cockpit.door import Door
from robotd.ctl.cockpit.errands import Errands
from robotd.ctl.cockpit.feed import Board
from robotd.ctl.cockpit.files import PageFile, page_files
from robotd.ctl.cockpit.lobby import Lobby, Seldom, log
from robotd.ctl.cockpit.session import Session
from robotd.ctl.teleop_mapping import Limits

MAX_PAGES = 16
"""So many that may act, and as many that only look."""
MAX_MESSAGE = 4096
HEARTBEAT_S = 5.0
END_S = 1.0
"""How long those who still get something may take at the end."""
QUIET_S = 5.0
"""A connection that brings no whole request for so long is closed, unless it is a live page."""
BACKLOG = 64
# Nothing from elsewhere, and in nobody's frame: a page must not lay another one over the buttons.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Shown(NamedTuple):
    """What the server shows and to whom it listens.

    socket: of robotd, None where this machine has it; black_box: the file to download; scene: of the twin, None where
    there is none, then scene_note says why; limits: of the sticks.
    """

    socket: Path | None
    black_box: Path
    scene: dict[str, Any] | None
    scene_note: str
    limits: Limits


class Server:
    """The application, not yet bound to a port.

    Args:
        shown: see there.
        door: who may come in.
        board: what all pages are told.
    """

    def __init__(self, shown: Shown, door: Door, board: Board) -> None:
        self._shown, self._door, self._board = shown, door, board
        self._sessions: dict[Session, asyncio.BaseTransport] = {}  # the oldest first
        self._errands = Errands(shown.socket)
        self.lobby = Lobby()
        self._scene = gzip.compress(json.dumps(shown.scene or {"note": shown.scene_note}).encode(), mtime=0)
        self.app = web.Application(middlewares=[self._guard])
        for path, file in page_files().items():
            self.app.router.add_get(path, _giver(file))
        self.app.router.add_get("/scene.json", self._give_scene)
        self.app.router.add_get("/blackbox", self._give_black_box)
        self.app.router.add_get("/live", self._live)

    def open(self) -> None:
        """Be ready for stops, before the first page comes."""
        self._errands.open()

    async def close(self) -> None:
        """Hang up on all pages."""
        for session in list(self._sessions):
            await session.close()
        self._errands.close()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every request names this server as itself, and every answer says what a browser may do with it."""
        problem = self._door.host_problem(request.headers.get("Host"))
        if problem is not None:
            return web.Response(status=403, text=f"{problem}\n", headers=HEADERS)
        try:
            answer = await handler(request)
        except web.HTTPException as refused:
            refused.headers.update(HEADERS)
            raise
        if not answer.prepared:
            answer.headers.update({name: value for name, value in HEADERS.items() if name not in answer.headers})
        return answer

    async def _give_scene(self, request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=self._scene, content_type="application/json", headers={**HEADERS, "Content-Encoding": "gzip"}
        )

    async def _give_black_box(self, request: web.Request) -> web.StreamResponse:
        """The newest black box, to whoever has the key: it is large, and tells all."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self._door.opens(key):
            raise web.HTTPUnauthorized(text="the black box needs the key; open the link that the dashboard printed\n")
        if not self._shown.black_box.is_file():
            raise web.HTTPNotFound(text=f"{self._shown.black_box}: no black box there; does robotd run elsewhere?\n")
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{self._shown.black_box.name}"'}
        return web.FileResponse(self._shown.black_box, headers=headers)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """One page, until it is gone."""
        problem = self._door.origin_problem(request.headers.get("Origin"), request.headers.get("Host"))
        if problem is not None:
            raise web.HTTPForbidden(text=f"{problem}\n")
        transport = request.transport
        if transport is None:  # it has gone already
            raise web.HTTPBadRequest
        self._make_room(1)
        page = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE, compress=False)
        session = Session(page, self._door, self._shown.limits, self._errands, self._make_room)
        self._sessions[session] = transport
        self.lobby.leave(transport)
        try:
            await page.prepare(request)
            await session.run(self._board)
        except ConnectionError:  # it was hung up on before it was open: nobody gets this
            return web.Response(status=503)
        finally:
            self._give_place(session)
        return page

    def _make_room(self, coming: int = 0) -> None:
        """Where there are too many pages, send away the oldest onlooker, or who has the key and used it longest ago."""
        onlookers = [session for session in self._sessions if not session.may_act]
        actors = sorted((session for session in self._sessions if session.may_act), key=lambda actor: actor.spoke_s)
        for session in (
            onlookers[: max(0, len(onlookers) + coming - MAX_PAGES)] + actors[: max(0, len(actors) - MAX_PAGES)]
        ):
            self._give_place(session)
            session.make_room()

    def _give_place(self, session: Session) -> None:
        """It is no live page any more; its connection counts until it is closed."""
        transport = self._sessions.pop(session, None)
        if transport is not None:
            self.lobby.enter(transport)


def _giver(file: PageFile) -> Handler:
    async def give(request: web.Request) -> web.StreamResponse:
        headers = {**HEADERS, "Content-Encoding": "gzip", "ETag": file.tag}
        if request.headers.get("If-None-Match") == file.tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.packed, content_type=file.kind, charset="utf-8", headers=headers)

    return give


async def serve(server: Server, host: str, port: int, ready: Callable[[int], None]) -> Callable[[], Awaitable[None]]:
    """Bind to host and port (0: any), tell `ready` the port, and return what ends it. Raises OSError."""
    runner = web.AppRunner(
        server.app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=END_S,
        keepalive_timeout=QUIET_S,
        logger=log,
    )
    await runner.setup()
    loop = asyncio.get_running_loop()
    make = cast(Callable[[], asyncio.Protocol], runner.server)
    try:
        bound = await loop.create_server(lambda: server.lobby.arrival(make), host, port, backlog=BACKLOG)
    except OSError:
        await runner.cleanup()
        raise
    log.addFilter(seldom := Seldom())
    loop.set_exception_handler(server.lobby.take_problem)
    server.open()
    ready(bound.sockets[0].getsockname()[1])

    async def end() -> None:
        bound.close()
        await server.close()
        await runner.cleanup()
        loop.set_exception_handler(None)
        log.removeFilter(seldom)

    return end
