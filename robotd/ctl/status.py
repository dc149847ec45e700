"""Verb status: how robot and daemon are."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from robotd.ctl.act import EXIT_OK, socket_option
from robotd.ctl.client import Client
from robotd.ctl.refusal import Refusal
from robotd.ctl.watch import Lines, Sample, samples
from robotd.messages import AskStatus, Status


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with --watch one a line.")
@click.option("--watch", is_flag=True, help="Twice a second until Ctrl-C: a screen, or lines where it is no terminal.")
@socket_option
def command(as_json: bool, watch: bool, socket: Path | None) -> int:
    """Say how the robot is: mode, faults, policy, servos, and what speaks against arming.

    --watch also shows what to do about each fault, and how deadlines were kept in the last 10 s; it goes on when robotd
    is started anew. The screen needs Rich: pip install 'wildrobot[watch]'.

    \b
    Examples:
      robotctl status
      robotctl status --watch
      robotctl status --watch --json | jq .mode

    Exit codes: 0 ok, 2 refused, 3 no robotd answers, 130 interrupted.
    """
    if watch:
        return _watch(samples(socket), as_json)
    with Client(socket) as client:
        status = client.ask(AskStatus(), Status)
    click.echo(json.dumps(to_json(status)) if as_json else "\n".join(lines(status)))
    return EXIT_OK


def _watch(seen: Iterator[Sample | str], as_json: bool) -> int:
    """Ends with Ctrl-C only."""
    if sys.stdout.isatty() and not as_json:
        try:
            from robotd.ctl.watch_screen import show
        except ModuleNotFoundError as problem:
            raise Refusal(
                f"no {problem.name}, which the screen needs; pip install 'wildrobot[watch]', or --watch | cat"
            ) from None
        show(seen)
        return EXIT_OK
    as_lines = Lines()
    for sample in seen:
        if as_json:
            found = {"problem": sample} if isinstance(sample, str) else to_json(sample.status)
            click.echo(json.dumps(found))
        else:
            click.echo("\n".join(as_lines(sample)))
    return EXIT_OK


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
        ("torque", torque(status)),
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


def torque(status: Status) -> str:
    """Whether it is on, and which servos have not said so."""
    unproven = ", ".join(status.torque_unproven)
    if status.mode not in ("idle", "fault"):
        return f"on, not confirmed by {unproven}" if unproven else "on"
    return f"off is NOT PROVEN at {unproven}; cut the power" if unproven else "off"


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
