"""`robotctl dashboard` and `robotctl demo --serve` as processes, and pages that talk to the former, for tests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = [sys.executable, "-c", "from robotd.ctl.cli import main; main()"]
LONG_S = 90.0
"""The most that a test waits for what comes in a second: other work on this machine must not fail it."""


class Dashboard:
    """A running dashboard. look, act: its links; key: the one in the latter."""

    def __init__(self, home: Path, *options: str) -> None:
        self._errors = home / "dashboard.log"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*PROGRAM, "dashboard", "--port", "0", "--json", *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "WILDROBOT_HOME": str(home)},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.errors
        links = json.loads(line)
        self.look, self.act = links["look"], links["act"]
        self.key = self.act.partition("#key=")[2]
        self.port = int(self.look.rstrip("/").rpartition(":")[2])

    @property
    def errors(self) -> str:
        """What it has said on stderr."""
        return self._errors.read_text()

    def end(self) -> int:
        """End it as systemd would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LONG_S)


@contextmanager
def dashboard(home: Path, *options: str) -> Iterator[Dashboard]:
    """One dashboard for the robotd of `home`; afterwards it is gone, and it had nothing to complain of."""
    started = Dashboard(home, *options)
    try:
        yield started
        assert started.process.poll() is None, started.errors
        assert started.end() == 0 and started.errors == "", started.errors
    finally:
        started.process.kill()
        started.process.wait()
        if started.process.stdout is not None:
            started.process.stdout.close()


@contextmanager
def served_demo(home: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`robotctl demo --serve`, in idle; its control socket is where the robotd of `home` has it."""
    log = home / "demo.log"
    command = [*PROGRAM, "demo", "--serve", "--out", str(home / "out"), *options]
    with log.open("w") as file:
        process = subprocess.Popen(command, stderr=file, env={**os.environ, "WILDROBOT_HOME": str(home)})
    try:
        until_s = time.monotonic() + LONG_S
        while "mode idle" not in log.read_text():
            assert process.poll() is None and time.monotonic() < until_s, log.read_text()
            time.sleep(0.05)
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(LONG_S)
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.kill()
        process.wait()


class Page:
    """What a page does on its live connection, without a browser."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.connection = connection

    async def say(self, **fields: Any) -> None:
        await self.connection.send_str(json.dumps(fields))

    async def hear(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of this kind in which these fields are so."""
        async with asyncio.timeout(LONG_S):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.receive_str())
                if message["kind"] == kind and wanted.items() <= message.items():
                    return message

    async def ask(self, say: str, **fields: Any) -> dict[str, Any]:
        """What came of an act."""
        await self.say(say=say, **fields)
        return await self.hear("done")


@asynccontextmanager
async def page(served: Dashboard, key: str | None = None, **headers: str) -> AsyncIterator[Page]:
    """A page that was opened under the server's own name; `headers` change what its browser would say."""
    said = {"Origin": served.look.rstrip("/"), **headers}
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"http://127.0.0.1:{served.port}/live", headers=said) as connection,
    ):
        opened = Page(connection)
        if key is not None:
            await opened.ask("key", key=key)
        yield opened
