"""Verb bus scan: which ids answer, at which rate, which are shared, and how each servo is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from firmware_bridge.hiwonder import MAX_ID, Command
from firmware_bridge.serial_line import ReplyError, SerialLine
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_scan import BAUDS, Found, scan_bauds, scan_ids
from robotd.ctl.bus_session import Port, hardware_lock, port_of, port_options, run_held
from robotd.ctl.id_list import take_ids

EXIT_OK, EXIT_FAILED = 0, 1
ATTEMPTS = 5
SILENT_ID_S = 0.024
"""What an id takes to which nobody answers."""


class Row(NamedTuple):
    """One id. None: not known, since the servo did not say, or several said it at once."""

    id: int
    baud: int
    duplicate: bool
    asked: int
    clean: int
    position_units: int | None = None
    loaded: bool | None = None
    temperature_degc: int | None = None
    voltage_v: float | None = None


@click.command()
@port_options
@click.option("--all-bauds", is_flag=True, help="Look at the usual rates first, then scan those that answer.")
@click.option("--ids", callback=take_ids, default="all", show_default=True, help="As 1-20, to be quicker.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(all_bauds: bool, ids: Sequence[int], as_json: bool, **wire: Any) -> int:
    """Find the servos on a bus: ids, ids that two share, position, torque, temperature and voltage.

    Only asks: nothing moves.

    \b
    Example:
      robotctl bus scan --port /dev/servo_left_leg

    Exit codes: 0 ok, 1 nobody answers or an id is shared, 2 refused, 3 the port cannot be opened, 130 interrupted.
    """
    chosen = port_of(**wire)
    with hardware_lock("bus scan"):
        rows = run_held(_scan(chosen, ids, all_bauds))
    passed = bool(rows) and not any(row.duplicate for row in rows)
    if as_json:
        report = {"passed": passed, "port": chosen.path, "servos": [row._asdict() for row in rows]}
        click.echo(json.dumps(report | {"duplicates": [row.id for row in rows if row.duplicate]}))
    else:
        click.echo(_table(rows, chosen.path))
        click.echo(_verdict(rows, chosen, ids, all_bauds))
    return EXIT_OK if passed else EXIT_FAILED


async def _scan(port: Port, ids: Sequence[int], all_bauds: bool) -> list[Row]:
    bauds: Sequence[int] = (port.baud,)
    if all_bauds:
        click.echo(f"listening at {', '.join(map(str, BAUDS))} baud", err=True)
        bauds = [baud for baud, heard in (await scan_bauds(port.path, BAUDS, port.path)).items() if heard]
    rows = []
    for baud in bauds:
        bus = ServoBus(port.path, SerialLine(port.path, baud), port.reply_s)
        click.echo(f"asking {len(ids)} ids at {baud} baud, about {len(ids) * SILENT_ID_S + 1:.0f} s", err=True)
        try:
            rows += [await _row(bus, found) for found in await scan_ids(bus, ids)]
        finally:
            bus.close()
    return rows


async def _row(bus: ServoBus, found: Found) -> Row:
    row = Row(found.servo_id, bus.line.baud, found.duplicate, found.asked, found.clean)
    if found.duplicate:
        return row
    millivolts = await _value(bus, row.id, Command.VIN_READ)
    loaded = await _value(bus, row.id, Command.LOAD_OR_UNLOAD_READ)
    return row._replace(
        position_units=await _value(bus, row.id, Command.POS_READ),
        loaded=None if loaded is None else bool(loaded),
        temperature_degc=await _value(bus, row.id, Command.TEMP_READ),
        voltage_v=None if millivolts is None else millivolts / 1000,
    )


async def _value(bus: ServoBus, servo_id: int, asked: Command) -> int | None:
    try:
        return (await bus.ask(servo_id, asked, ATTEMPTS)).values[0]
    except ReplyError:
        return None


def _table(rows: Sequence[Row], port: str) -> str:
    lines = [f"  {port}", "  id    baud  position     deg  torque  temp C  supply V  clean replies"]
    for row in rows:
        units = row.position_units
        place = "       ?       ?" if units is None else f"{units:>8}{units * 0.24:>8.1f}"
        torque = "?" if row.loaded is None else "on" if row.loaded else "off"
        degc = "?" if row.temperature_degc is None else str(row.temperature_degc)
        volts = "?" if row.voltage_v is None else f"{row.voltage_v:.2f}"
        note = "  GARBLED" if row.duplicate else ""
        replies = f"{row.clean}/{row.asked}"
        lines.append(f"{row.id:>4}{row.baud:>8}  {place}{torque:>8}{degc:>8}{volts:>10}{replies:>15}{note}")
    return "\n".join(lines if rows else lines[:1])


def _verdict(rows: Sequence[Row], port: Port, ids: Sequence[int], all_bauds: bool) -> str:
    shared = [str(row.id) for row in rows if row.duplicate]
    if shared:
        return (
            f"  FAILED: answers of id {', '.join(shared)} are garbled, as when two servos share it; connect one at a "
            "time and give each its own id with `robotctl servo set-id`, or look for a missing ground"
        )
    if rows:
        return f"  {len(rows)} servo{'s' * (len(rows) > 1)} found, no id is shared"
    rates = "any of the usual rates" if all_bauds else f"{port.baud} baud"
    hint = "check power, plug and ground" if all_bauds else "check power, plug and ground, or try --all-bauds"
    who = "nobody answers" if len(ids) > MAX_ID else "none of the asked ids answers"
    return f"  FAILED: {who} at {rates}; {hint}"
