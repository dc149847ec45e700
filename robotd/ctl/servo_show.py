"""Verb servo show: everything that one servo says of itself."""

from __future__ import annotations

import json
from typing import Any

import click

from firmware_bridge.hiwonder import MAX_ID, READS, Command
from firmware_bridge.servo_bus import ServoBus
from robotd.ctl.bus_session import alone, port_of, port_options, run_on_bus

EXIT_OK = 0
ATTEMPTS = 5
ASKED = {
    "position_units": Command.POS_READ,
    "loaded": Command.LOAD_OR_UNLOAD_READ,
    "temperature_degc": Command.TEMP_READ,
    "voltage_mv": Command.VIN_READ,
    "offset_units": Command.OFFSET_READ,
    "angle_limit_units": Command.ANGLE_LIMIT_READ,
    "voltage_limit_mv": Command.VIN_LIMIT_READ,
    "temperature_limit_degc": Command.TEMP_MAX_READ,
    "last_move_units_ms": Command.MOVE_TIME_READ,
    "led_dark": Command.LED_READ,
    "led_error_causes": Command.LED_ERROR_READ,
}


@click.command()
@port_options
@click.option("--id", "servo_id", required=True, type=click.IntRange(0, MAX_ID), help="Of the servo.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(servo_id: int, as_json: bool, **wire: Any) -> int:
    """Print everything that a servo says of itself. Only asks.

    \b
    Example:
      robotctl servo show --port /dev/servo_left_leg --id 3

    Exit codes: 0 ok, 2 refused, 3 the port cannot be opened or no servo answers, 130 interrupted.
    """
    port = port_of(**wire)

    async def job(bus: ServoBus) -> dict[str, Any]:
        await alone(bus, servo_id)
        said: dict[str, Any] = {}
        for name, asked in ASKED.items():
            values = (await bus.ask(servo_id, asked, ATTEMPTS)).values
            said[name] = list(values) if len(READS[asked]) > 1 else values[0]
        return said | {"loaded": bool(said["loaded"]), "led_dark": bool(said["led_dark"])}

    said = run_on_bus("servo show", port, job)
    if as_json:
        click.echo(json.dumps({"port": port.path, "id": servo_id} | said))
        return EXIT_OK
    low_units, high_units = said["angle_limit_units"]
    low_mv, high_mv = said["voltage_limit_mv"]
    units, (target, time_ms) = said["position_units"], said["last_move_units_ms"]
    rows = (
        ("servo", f"{servo_id} at {port.path}"),
        ("position", f"{units} units, {units * 0.24:.1f} deg; limits {low_units} to {high_units} units"),
        ("torque", "on" if said["loaded"] else "off"),
        ("temperature", f"{said['temperature_degc']} C, torque off above {said['temperature_limit_degc']} C"),
        ("supply", f"{said['voltage_mv'] / 1e3:.2f} V, torque off outside {low_mv / 1e3:g} to {high_mv / 1e3:g} V"),
        ("offset", f"{said['offset_units']} units"),
        ("last move", f"to {target} units in {time_ms} ms"),
    )
    click.echo("\n".join(f"  {name:<13}{text}" for name, text in rows))
    return EXIT_OK
