"""Verb dashboard: one page in the browser that shows a running robotd, and steers it for whoever has the key."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from contract import assets_dir
from robotd.ctl.act import socket_option
from robotd.ctl.client import Client
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.refusal import Refusal
from robotd.ctl.teleop_mapping import Limits
from robotd.messages import MAX_SPEED_M_S, MAX_TURN_RAD_S, AskStatus, Status
from robotd.places import blackbox_path

if TYPE_CHECKING:
    from robotd.ctl.cockpit.twin import Twin

EXIT_OK, EXIT_INTERRUPTED = 0, 130
PORT = 8750


def _speed(name: str, default: float, most: float, text: str) -> Callable[..., Callable[..., int]]:
    return click.option(name, type=FiniteRange(0, most), default=default, show_default=True, help=text)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve at; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 for any that is free.")
@click.option("--name", "names", multiple=True, help="Another host name that browsers reach this machine by.")
@click.option("--key-file", type=click.Path(path_type=Path), help="Keeps the key, mode 0600; else each start has one.")
@click.option("--model", type=click.Path(path_type=Path), help="MJCF for the 3-D view; else the shipped robot's.")
@_speed("--max-forward", 0.3, MAX_SPEED_M_S, "At a stick's end, m/s.")
@_speed("--max-back", 0.0, MAX_SPEED_M_S, "m/s; the shipped policy has not learnt to walk back.")
@_speed("--max-sideways", 0.1, MAX_SPEED_M_S, "m/s.")
@_speed("--max-turn", 0.4, MAX_TURN_RAD_S, "rad/s.")
@click.option("--json", "as_json", is_flag=True, help="Print the two links as one JSON object.")
@socket_option
def command(
    host: str,
    port: int,
    names: tuple[str, ...],
    key_file: Path | None,
    model: Path | None,
    max_forward: float,
    max_back: float,
    max_sideways: float,
    max_turn: float,
    as_json: bool,
    socket: Path | None,
) -> int:
    """Serve one page in the browser that shows the robot live, and steers it.

    It shows a 3-D view, joints, IMU, feet, timing, faults and what to do about them. Whoever opens the printed link
    with the key may act as well: arm, activate, stop, e-stop, clear, choose the policy, steer while a stick is held,
    and download the black box. Without the key a page may only look. The velocity of a page that is lost decays, and
    robotd stops the robot (LINK); else a lost page changes nothing.

    On another machine's browser: ssh -L 8750:localhost:8750 ROBOT. With --host 0.0.0.0 the network can look, and reads
    the key too: take that only where you trust it. It runs until Ctrl-C or SIGTERM.

    \b
    Examples:
      robotctl dashboard
      robotctl dashboard --host 0.0.0.0 --key-file dashboard.key

    Exit codes: 0 ended by SIGTERM, 2 refused, 3 no robotd answers, 130 interrupted.
    """
    plan = _Plan(host, port, names, key_file, model, Limits(max_forward, max_back, max_sideways, max_turn), socket)
    with Client(socket) as client:  # here and now there is a robotd, and it answers
        client.ask(AskStatus(), Status)
    try:
        return asyncio.run(_serve(plan, as_json))
    except ModuleNotFoundError as problem:
        raise Refusal(f"no {problem.name}, which the dashboard needs; pip install 'wildrobot[dashboard]'") from None


class _Plan(NamedTuple):
    """The options."""

    host: str
    port: int
    names: tuple[str, ...]
    key_file: Path | None
    model: Path | None
    limits: Limits
    socket: Path | None


async def _serve(plan: _Plan, as_json: bool) -> int:
    """Until a signal. Raises Refusal, ModuleNotFoundError."""
    from robotd.ctl.cockpit.door import make_door, new_key, stored_key
    from robotd.ctl.cockpit.feed import Board, Feed
    from robotd.ctl.cockpit.server import Server, Shown, serve

    key = new_key() if plan.key_file is None else stored_key(plan.key_file)
    twin, note = _twin(plan.model)
    scene = None if twin is None else twin.scene()
    board, loop = Board(), asyncio.get_running_loop()
    shown = Shown(plan.socket, blackbox_path(), scene, note, plan.limits)
    feed = Feed(plan.socket, twin, lambda kind, text: _post(loop, board.put, kind, text))
    received: list[signal.Signals] = []
    over = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        received.append(number)
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        end = await serve(
            Server(shown, make_door(plan.host, plan.names, key), board),
            plan.host,
            plan.port,
            lambda port: _say(plan.host, port, key, as_json),
        )
    except OSError as problem:
        detail = problem.strerror or problem
        raise Refusal(f"--host {plan.host} --port {plan.port}: {detail}, expected one that is free here") from None
    feed.start()
    try:
        await over.wait()
    finally:
        feed.stop()
        await end()
    return EXIT_INTERRUPTED if signal.SIGINT in received else EXIT_OK


def _twin(model: Path | None) -> tuple[Twin | None, str]:
    """The figure, or why there is none. Raises Refusal: the model that was asked for cannot be drawn."""
    from robotd.ctl.cockpit.twin import Twin, TwinError

    try:
        return Twin(model or assets_dir() / "wildrobot.xml"), ""
    except TwinError as problem:
        if model is not None:
            raise Refusal(f"--model {problem}") from None
        return None, str(problem)


def _post(loop: asyncio.AbstractEventLoop, put: Callable[..., Any], *message: str) -> None:
    """From a thread into the loop, while there is one."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(put, *message)


def _say(host: str, port: int, key: str, as_json: bool) -> None:
    """The links, on stdout and nowhere else."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    look = f"http://{shown}:{port}/"
    act = f"{look}#key={key}"
    if as_json:
        click.echo(json.dumps({"look": look, "act": act}))
        return
    click.echo(f"  to look and act:  {act}\n  only to look:     {look}\n  Ctrl-C ends it; the robot stays as it is")
