"""What onlookers cost robotd: how late ticks begin with and without a dashboard, browsers, one that stops reading.

    python benchmarks/bench_dashboard.py --seconds 30

robotd runs the walking policy on the mock, at the real-time priority it gets. Onlookers are pages without a browser
that read all they are given, then headless Chromium windows that draw it, where there is one; all on the same machine,
which a robot's would not be. Nothing else may run meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import click

from contract import assets_dir
from robotd.ctl.client import Client
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.watch import Pace, Sample, pace
from robotd.messages import Activate, Arm, AskStatus, AskTiming, Status, Timing

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from chromium import OPTIONS, PROGRAM

START_S = 60.0
BROWSERS = 3


class Row(NamedTuple):
    """One phase. load: of the machine in its last minute; cpu: share of one core that the dashboard used."""

    name: str
    pace: Pace
    load: float
    cpu: float


@click.command()
@click.option("--seconds", type=click.IntRange(2, 3600), default=20, show_default=True, help="Of each phase.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(seconds: int, as_json: bool) -> None:
    """Measure the phases one after the other, beside the same robotd, and print them side by side."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="wr-") as folder, ExitStack() as running:
        home = Path(folder)
        path = home / "run" / "robotd" / "robotd.sock"
        bundle = assets_dir() / "bundles" / "wildrobot"
        running.enter_context(process(home, "robotd", "--hal", "mock", "--bundle", str(bundle), "--policy", "walking"))
        _activate(path)
        rows.append(_phase("robotd alone", path, seconds))
        dashboard = running.enter_context(process(home, "robotctl", "dashboard", "--port", "0", "--json"))
        assert dashboard.stdout is not None
        look = json.loads(dashboard.stdout.readline())["look"]
        rows.append(_phase("a dashboard, no page", path, seconds, dashboard.pid))
        lazy = running.enter_context(_lazy(look))
        with _readers(look, BROWSERS):
            rows.append(_phase(f"{BROWSERS} pages and one that stopped reading", path, seconds, dashboard.pid))
        lazy.close()
        if not os.access(PROGRAM, os.X_OK):
            click.echo(f"no Chromium at {PROGRAM}: apt install chromium", err=True)
        else:
            running.enter_context(_lazy(look))
            running.enter_context(_windows(home, look))
            time.sleep(5)
            rows.append(_phase(f"{BROWSERS} Chromium windows and the same", path, seconds, dashboard.pid))
    click.echo(json.dumps([_plain(row) for row in rows]) if as_json else _table(rows))


@contextmanager
def process(home: Path, name: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of our programs, ended afterwards."""
    command = [str(Path(sys.executable).parent / name), *options]
    environment = {**os.environ, "WILDROBOT_HOME": str(home)}
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait()
        assert started.stdout is not None
        started.stdout.close()


def _activate(path: Path) -> None:
    until_s = time.monotonic() + START_S
    while True:
        try:
            client = Client(path)
            client.ask(AskStatus(), Status)
            break
        except (Unreachable, Refusal):  # it is still starting
            if time.monotonic() > until_s:
                raise
            time.sleep(0.1)
    with client:
        for request, mode in ((Arm(), "standby"), (Activate(), "active")):
            client.act(request)
            while client.ask(AskStatus(), Status).mode != mode:
                if time.monotonic() > until_s:
                    raise click.ClickException(f"the robot does not come to {mode}; is this machine busy?")
                time.sleep(0.1)


def _sample(path: Path) -> Sample:
    with Client(path) as client:
        return Sample(time.monotonic(), client.ask(AskStatus(), Status), client.ask(AskTiming(), Timing))


def _phase(name: str, path: Path, seconds: float, pid: int | None = None) -> Row:
    before, used_s, began_s = _sample(path), _cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    share = (_cpu_s(pid) - used_s) / (time.monotonic() - began_s)
    return Row(name, pace(before, _sample(path)), os.getloadavg()[0], share)


def _cpu_s(pid: int | None) -> float:
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _lazy(look: str) -> Iterator[socket.socket]:
    """A page that opens its live connection and never reads from it."""
    host = look.removeprefix("http://").rstrip("/")
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port))) as connection:
        connection.sendall(
            f"GET /live HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
        )
        yield connection


@contextmanager
def _readers(look: str, count: int) -> Iterator[None]:
    """Pages that read all, in a process of their own."""
    code = "import sys; sys.path[:0] = sys.argv[1:2]; from bench_dashboard import read; read(*sys.argv[2:])"
    command = [sys.executable, "-c", code, str(Path(__file__).parent), look, str(count)]
    with subprocess.Popen(command) as readers:
        time.sleep(2)
        try:
            yield
        finally:
            readers.kill()


def read(look: str, count: str) -> None:
    """Look on with so many pages, for ever."""

    async def one() -> None:
        own = {"Origin": look.rstrip("/")}
        async with aiohttp.ClientSession() as client, client.ws_connect(f"{look}live", headers=own) as page:
            async for _ in page:
                pass

    async def everyone() -> None:
        await asyncio.gather(*(one() for _ in range(int(count))))

    asyncio.run(everyone())


@contextmanager
def _windows(home: Path, look: str) -> Iterator[None]:
    """Browsers that draw the page."""
    with ExitStack() as opened:
        for number in range(BROWSERS):
            profile = f"--user-data-dir={home}/browser{number}"
            command = [PROGRAM, *OPTIONS, "--window-size=1280,900", profile, "--remote-debugging-port=0", look]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            window = opened.enter_context(subprocess.Popen(command, **quiet))  # type: ignore[call-overload]
            opened.callback(window.terminate)
        yield


def _plain(row: Row) -> dict[str, object]:
    return {"phase": row.name, "load": row.load, "dashboard_cpu": row.cpu, **row.pace._asdict()}


def _table(rows: list[Row]) -> str:
    head = f"  {'':<42}{'late ms: median':>16}{'99 %':>8}{'most':>8}{'skipped':>9}{'per s':>8}{'cpu':>7}{'load':>7}"
    lines = [head]
    for row in rows:
        median, most, end = row.pace.ms["lateness"]
        figures = f"{median:>16.3f}{most:>8.3f}{end:>8.2f}{row.pace.skipped:>9}{row.pace.rate_hz:>8.1f}"
        lines.append(f"  {row.name:<42}{figures}{row.cpu:>6.0%} {row.load:>6.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
