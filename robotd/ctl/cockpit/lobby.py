"""Connections that are no live page: only so many, of one address and of all; whoever comes last is always let in.

Whoever may look needs no key, so refusing the newest would let anybody keep out the one with the key. Here the oldest
goes instead: a browser is done with its connection in a moment, who only holds one is not.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp.http import HttpProcessingError

PER_PEER, OVERALL = 32, 96
SAY_EVERY_S, THIN_EVERY_S = 60.0, 1.0
log = logging.getLogger("robotd.dashboard")


class Lobby:
    """Used in one event loop only."""

    def __init__(self) -> None:
        self._peers: dict[asyncio.BaseTransport, str] = {}  # the oldest first
        self._thinned_s = -THIN_EVERY_S

    def arrival(self, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """For each connection that comes; `make` gives the protocol that it is handed on to."""
        return _Arrival(make, self.enter)

    def enter(self, transport: asyncio.BaseTransport) -> None:
        """Count a connection until it is closed or leaves; where there are too many, hang up on the oldest."""
        self._peers = {known: peer for known, peer in self._peers.items() if _is_open(known)}
        if not _is_open(transport):
            return
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        if sum(other == peer for other in self._peers.values()) >= PER_PEER:
            self._hang_up_on_the_oldest(peer)
        elif len(self._peers) >= OVERALL:
            self._hang_up_on_the_oldest(Counter(self._peers.values()).most_common(1)[0][0])
        self._peers[transport] = peer

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """It is a live page now, and others count those."""
        self._peers.pop(transport, None)

    def take_problem(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The event loop's handler of exceptions: where descriptors have run out, hang up on the older half."""
        problem = context.get("exception")
        if not isinstance(problem, OSError) or problem.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
            return
        if loop.time() - self._thinned_s < THIN_EVERY_S:  # the loop tries often before it waits
            return
        self._thinned_s = loop.time()
        log.warning("dashboard: %s; hung up on the older half of those that are no live page", problem.strerror)
        for transport in list(self._peers)[: (len(self._peers) + 1) // 2]:
            self._hang_up(transport)

    def _hang_up_on_the_oldest(self, peer: str) -> None:
        self._hang_up(next(transport for transport, other in self._peers.items() if other == peer))

    def _hang_up(self, transport: asyncio.BaseTransport) -> None:
        del self._peers[transport]
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()  # closing would wait for one that does not read


class _Arrival(asyncio.Protocol):
    """Sees a connection once it is there, and hands it on."""

    def __init__(self, make: Callable[[], asyncio.Protocol], enter: Callable[[asyncio.BaseTransport], None]) -> None:
        self._make, self._enter = make, enter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        protocol = self._make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._enter(transport)


class Seldom(logging.Filter):
    """A line a minute, and none for what is no HTTP: who can reach the port must not fill the disk.

    Args:
        now_s: monotonic time.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s, self._said_s, self._unsaid = now_s, -SAY_EVERY_S, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is said; the next one that is says how many were not."""
        if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
            return False
        if self._now_s() - self._said_s < SAY_EVERY_S:
            self._unsaid += 1
            return False
        if self._unsaid:
            record.msg = f"{record.msg} ({self._unsaid} more such lines left out)"
        self._said_s, self._unsaid = self._now_s(), 0
        return True


def _is_open(transport: asyncio.BaseTransport) -> bool:
    """Whether it still has its descriptor: one that closes keeps it until all is sent."""
    sock = transport.get_extra_info("socket")
    return sock is not None and sock.fileno() >= 0
