"""Verb status: how robot and daemon are."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from pathlib import Path

import click

from robotd.ctl.act import EXIT_OK, socket_option
from robotd.ctl.client import Client
from robotd.messages import AskStatus, Status

WATCH_S = 0.5


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with --watch one a line.")
@click.option("--watch", is_flag=True, help="Again and again, until Ctrl-C.")
@socket_option
def command(as_json: bool, watch: bool, socket: Path | None) -> int:
    """Say how the robot is: mode, faults, policy, servos, and what speaks against arming."""
    with Client(socket) as client:
        while True:
            status = client.ask(AskStatus(), Status)
            if watch and not as_json:
                click.clear()
            click.echo(json.dumps(to_json(status)) if as_json else "\n".join(lines(status)))
            if not watch:
                return EXIT_OK
            time.sleep(WATCH_S)


def to_json(status: Status) -> dict[str, object]:
    """All fields; what is not a finite number is null."""
    return {name: _plain(value) for name, value in dataclasses.asdict(status).items()}


def lines(status: Status) -> list[str]:
    """For people."""
    hot = max(zip(status.temperature_degc, status.joints, strict=False), default=None)
    others = [name for name in status.policies if name != status.policy]
    vx, vy, yaw = status.command
    steered = (
        f"by {status.claimed_by}, heard {status.silent_s:.1f} s ago" if status.silent_s is not None else "by nobody"
    )
    rows = [
        ("mode", f"{status.mode}, tick {status.tick}"),
        ("faults", ", ".join(status.faults) or "none"),
        ("present", ", ".join(status.present) or "nothing"),
        ("policy", ", also ".join([status.policy, *others])),
        ("command", f"{vx:.2f} m/s, {vy:.2f} m/s, {yaw:.2f} rad/s, {steered}"),
        ("slow motion", f"{status.slow_motion:.2g}"),
        ("tilt", f"{math.degrees(status.tilt_rad):.1f} deg"),
        ("age", f"IMU {status.imu_age_s * 1e3:.0f} ms, oldest joint {status.joint_age_s * 1e3:.0f} ms"),
        ("servos", f"{hot[0]:.0f} C at most, in {hot[1]}; {status.voltage_v:.1f} V" if hot else "unknown"),
        ("buses", " ".join(f"{count} errors in a row" for count in status.bus_errors_in_a_row) or "none"),
        ("overruns", f"{status.overruns} periods of {status.ctrl_dt * 1e3:g} ms"),
        ("clients", f"{status.clients}, lost {status.lost} ticks of telemetry"),
    ]
    text = [f"  {name:<13}{value}" for name, value in rows]
    for check in status.checks:
        if not check.ok:
            text.append(f"  against arming: {check.name}: {check.found}; {check.fix}")
    return text


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
