"""Verb velocity: steer for a while; when this command ends or dies, the robot knows."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import click

from robotd.ctl.act import EXIT_OK, json_option, socket_option, tell
from robotd.ctl.client import Client
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.refusal import refusing
from robotd.messages import MessageError, Release, Velocity

PERIOD_S = 0.05
_STOPPED = ("stopping", "fault", "idle")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("vx", type=float)
@click.argument("vy", type=float, default=0.0)
@click.argument("yaw", type=float, default=0.0)
@click.option("--for", "seconds", type=FiniteRange(0.1, 3600), help="So long, s; without it until Ctrl-C.")
@json_option
@socket_option
def command(vx: float, vy: float, yaw: float, seconds: float | None, socket: Path | None, as_json: bool) -> int:
    """Command a velocity: VX and VY in m/s, YAW in rad/s.

    It is said again 20 times a second while this runs, and counts in ACTIVE. At the end the robot gets zero and the
    command is free; if this is killed, the robot stops by itself.

    \b
    Examples:
      robotctl velocity 0.2 --for 5
      robotctl velocity 0.2 0 -0.3

    Exit codes: 0 ok, 1 the robot stopped meanwhile, 2 refused, 3 no robotd answers, 130 interrupted.
    """
    with refusing(MessageError):
        request = Velocity(vx, vy, yaw)
    until_s = math.inf if seconds is None else time.monotonic() + seconds
    with Client(socket) as client:
        done = client.act(request)
        if not as_json:
            click.echo(done.text)
        began = done.mode
        try:
            while time.monotonic() < until_s:
                time.sleep(PERIOD_S)
                done = client.act(request)
                if done.mode in _STOPPED and began not in _STOPPED:
                    text = f"the robot is in {done.mode}"
                    return tell(replace(done, ok=False, text=text), as_json)
                began = done.mode
        finally:
            free = client.act(Release())
    if as_json:
        tell(free, as_json)
    return EXIT_OK
