"""Verb emulate: servo buses that behave like the hardware, as ports that any program can open."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from firmware_bridge.emulator.bench import WITNESS_NAME, ServoBench
from firmware_bridge.emulator.control import SOCKET_NAME, ControlClient, ControlError
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.hiwonder import BAUD
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.id_list import read_ids
from robotd.ctl.refusal import Refusal, Unreachable, refusing

EXIT_OK = 0
BUSES = ("left_leg=1-5", "right_leg=6-10", "upper=11")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
Fault = tuple[str, str]


class Terminated(Exception):
    """SIGTERM came: the ordinary end."""


def _take_buses(ctx: click.Context, param: click.Parameter, texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Ids by bus out of NAME=IDS; ids may repeat, as those of servos fresh from the shop do."""
    buses = {}
    for text in texts:
        name, _, ids = text.partition("=")
        if not NAME.fullmatch(name):
            raise click.BadParameter(f"found {text!r}, expected NAME=IDS as in left_leg=1-5")
        if name in buses:
            raise click.BadParameter(f"{name} stands there twice, expected each bus once")
        buses[name] = read_ids(ids)
    return buses


def _take_faults(ctx: click.Context, param: click.Parameter, texts: Sequence[str]) -> list[Fault]:
    """Device, as `left_leg/3` or `left_leg`, and kind out of DEVICE=KIND."""
    faults = [tuple(text.rpartition("=")[::2]) for text in texts]
    for text, (device, kind) in zip(texts, faults, strict=True):
        if not device or kind not in set(FaultKind):
            raise click.BadParameter(f"found {text!r}, expected DEVICE=KIND with one of {', '.join(FaultKind)}")
    return [(device, kind) for device, kind in faults]


@click.command()
@click.option("--dir", "directory", required=True, type=click.Path(path_type=Path), help="Gets a link for each port.")
@click.option(
    "--bus", "buses", multiple=True, callback=_take_buses, default=BUSES, show_default=True, help="As arm=1,2,3."
)
@click.option("--baud", type=click.IntRange(1200, 1_000_000), default=BAUD, show_default=True, help="Of the servos.")
@click.option("--latency-ms", type=FiniteRange(0, 1000), default=1.0, show_default=True, help="Of the adapters.")
@click.option("--reply-delay-ms", type=FiniteRange(0, 1000), default=0.5, show_default=True, help="Of a servo.")
@click.option("--echo", is_flag=True, help="The adapters hear themselves.")
@click.option("--fault", "faults", multiple=True, callback=_take_faults, help="From the start, as left_leg/3=off.")
@click.option("--inject", "injected", multiple=True, callback=_take_faults, help="Into the running one; then end.")
@click.option("--stop", is_flag=True, help="End the running one.")
@click.option("--json", "as_json", is_flag=True, help="Say the ports as one line of JSON.")
def command(
    directory: Path, injected: Sequence[Fault], stop: bool, faults: Sequence[Fault], as_json: bool, **options: Any
) -> int:
    """Serve emulated servo buses in a process of their own, with faults on demand.

    DIR gets a link to a port for each bus, the control socket, and at the end witness.jsonl with every command that
    reached a servo. Bytes take their true time; joints follow with a lag. Runs until SIGTERM or Ctrl-C.
    A DEVICE is a bus or one servo of it, left_leg or left_leg/3. A KIND is ok, off, stuck, garbage, wrong, slow,
    delayed or intermittent.

    \b
    Examples:
      robotctl emulate --dir bench
      robotctl emulate --dir bench --inject left_leg/3=off

    Exit codes: 0 ended or injected, 2 refused, 3 no emulation runs in that folder, 130 interrupted.
    """
    if injected or stop:
        return _talk(directory, injected, stop)
    _check_faults(faults, options["buses"])
    _make_folder(directory, options["buses"])
    signal.signal(signal.SIGTERM, _terminate)
    with suppress(Terminated), refusing(OSError), _bench(directory, **options) as bench:
        for device, kind in faults:
            bench.fault(device, kind)
        _say_ready(directory, bench, as_json)
        bench.wait()
    return EXIT_OK


def _bench(
    directory: Path,
    buses: Mapping[str, Sequence[int]],
    baud: int,
    latency_ms: float,
    reply_delay_ms: float,
    echo: bool,
) -> ServoBench:
    return ServoBench(
        buses, directory, baud=baud, latency_s=latency_ms / 1e3, reply_delay_s=reply_delay_ms / 1e3, echo=echo
    )


def _say_ready(directory: Path, bench: ServoBench, as_json: bool) -> None:
    if as_json:
        ports = {name: str(port) for name, port in bench.ports.items()}
        click.echo(json.dumps({"ports": ports, "control": str(directory / SOCKET_NAME)}))
        return
    width = max(len(str(port)) for port in bench.ports.values())
    for name, port in bench.ports.items():
        ids = ", ".join(str(servo.servo_id) for servo in bench.wires[name].servos)
        click.echo(f"  {port!s:<{width}}  servos {ids}")
    click.echo(f"  emulated wires are up; Ctrl-C ends them and writes {directory / WITNESS_NAME}")


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def _check_faults(faults: Sequence[Fault], buses: Mapping[str, Sequence[int]]) -> None:
    """Before anything is opened: every device is there."""
    for device, _ in faults:
        bus, _, address = device.partition("/")
        if bus not in buses:
            raise Refusal(f"--fault {device}: no such bus, there are {', '.join(buses)}")
        if address and address not in map(str, buses[bus]):
            raise Refusal(f"--fault {device}: no such servo on {bus}, there are {', '.join(map(str, buses[bus]))}")


def _make_folder(directory: Path, buses: Iterable[str]) -> None:
    """A place for the links, with no emulator in it and nothing that a link would replace."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Refusal(f"--dir {directory}: {problem.strerror}, expected a folder that can be written") from None
    if len(str(directory / SOCKET_NAME).encode()) > 100:
        raise Refusal(f"--dir {directory}: too long for the path of a socket, expected at most 88 bytes")
    for path in (directory / name for name in buses):
        if path.exists() and not path.is_symlink():
            raise Refusal(f"{path} is there already and is no port's link, expected another --dir")
    try:
        ControlClient(directory / SOCKET_NAME, timeout_s=1.0).close()
    except ControlError:
        return
    raise Refusal(f"--dir {directory}: an emulator runs there already; end it with --stop, or take another folder")


def _talk(directory: Path, injected: Sequence[Fault], stop: bool) -> int:
    """Be the client of a running emulator."""
    try:
        client = ControlClient(directory / SOCKET_NAME)
    except ControlError as problem:
        raise Unreachable(str(problem)) from None
    with client:
        for device, kind in injected:
            try:
                client.fault(device, kind)
            except ControlError as problem:
                raise Refusal(f"--inject {device}: {str(problem).removeprefix('ValueError: ')}") from None
            click.echo(f"  {device} is {kind} now")
        if stop:
            client.stop()
            click.echo("  ended")
    return EXIT_OK
