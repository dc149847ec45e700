"""Verb servo write-limits: angle, temperature and voltage limits that a servo keeps by itself."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from firmware_bridge.hiwonder import MAX_ID, UNITS, Command
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_registers import ATTEMPTS, Limits, read_limits, write_limits
from robotd.ctl.bus_session import alone, port_of, port_options, run_on_bus
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.refusal import Refusal
from robotd.wiring import MIDDLE_UNITS, UNITS_PER_RAD

EXIT_OK = 0
REACH_RAD = round(math.radians(120), 4)


_ANGLE, _UNITS, _VOLTS = FiniteRange(-REACH_RAD, REACH_RAD), click.IntRange(0, UNITS), FiniteRange(4.5, 14.0)


@click.command()
@port_options
@click.option("--id", "servo_id", required=True, type=click.IntRange(0, MAX_ID), help="Of the servo.")
@click.option("--min-rad", type=_ANGLE, help="Of the servo's own shaft: 0 in the middle, 500 units.")
@click.option("--max-rad", type=_ANGLE, help="The other end.")
@click.option("--min-units", type=_UNITS, help="In place of --min-rad; 1 unit is 0.24 deg.")
@click.option("--max-units", type=_UNITS, help="In place of --max-rad.")
@click.option("--max-temp-c", type=click.IntRange(50, 100), help="Above it the servo turns its torque off.")
@click.option("--min-v", type=_VOLTS, help="Below it the servo turns its torque off.")
@click.option("--max-v", type=_VOLTS, help="Above it, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    servo_id: int,
    min_rad: float | None,
    max_rad: float | None,
    min_units: int | None,
    max_units: int | None,
    max_temp_c: int | None,
    min_v: float | None,
    max_v: float | None,
    as_json: bool,
    **wire: Any,
) -> int:
    """Write limits into a servo, which it keeps without power, and read them back.

    Limits that are not named stay. Refused if the servo stands, or is supplied, outside of what it should keep.

    \b
    Example:
      robotctl servo write-limits --port /dev/servo_left_leg --id 3 --min-rad -1.2 --max-rad 1.2

    Exit codes: 0 ok, 1 it did not take them, 2 refused, 3 the port cannot be opened or no servo answers, 130
    interrupted.
    """
    port = port_of(**wire)
    wanted = {
        "low_units": _units("min", min_rad, min_units),
        "high_units": _units("max", max_rad, max_units),
        "low_mv": None if min_v is None else round(min_v * 1000),
        "high_mv": None if max_v is None else round(max_v * 1000),
        "max_degc": max_temp_c,
    }
    changes = {name: value for name, value in wanted.items() if value is not None}
    if not changes:
        raise Refusal("nothing to write, expected one of --min-rad, --max-rad, --max-temp-c, --min-v, --max-v")

    async def job(bus: ServoBus) -> tuple[Limits, Limits]:
        await alone(bus, servo_id)
        before = await read_limits(bus, servo_id)
        limits = before._replace(**changes)
        await _check(bus, servo_id, limits)
        await write_limits(bus, servo_id, limits)
        return before, await read_limits(bus, servo_id)

    before, after = run_on_bus("servo write-limits", port, job)
    if as_json:
        said = {"port": port.path, "id": servo_id, "before": before._asdict(), "after": after._asdict()}
        click.echo(json.dumps(said | {"verified": True}))
    else:
        click.echo(_table(servo_id, before, after))
    return EXIT_OK


def _units(end: str, rad: float | None, units: int | None) -> int | None:
    """One end of the angles in the servo's units. Raises Refusal: said twice."""
    if rad is not None and units is not None:
        raise Refusal(f"--{end}-rad and --{end}-units say the same thing, expected one of them")
    return units if rad is None else min(max(round(MIDDLE_UNITS + rad * UNITS_PER_RAD), 0), UNITS)


async def _check(bus: ServoBus, servo_id: int, limits: Limits) -> None:
    """Refuse what is upside down, and what would move the servo or turn it off at once. Raises Refusal, BusError."""
    for low, high, what in (
        (limits.low_units, limits.high_units, "units of angle"),
        (limits.low_mv, limits.high_mv, "mV"),
    ):
        if low >= high:
            raise Refusal(
                f"servo {servo_id} would keep {low} to {high} {what}, expected the lower limit below the upper"
            )
    (units,) = (await bus.ask(servo_id, Command.POS_READ, ATTEMPTS)).values
    if not limits.low_units <= units <= limits.high_units:
        raise Refusal(
            f"servo {servo_id} stands at {units} units ({_rad(units):.3f} rad), outside of {limits.low_units} to "
            f"{limits.high_units}, and would jump when its torque comes on; turn it inside first"
        )
    (millivolts,) = (await bus.ask(servo_id, Command.VIN_READ, ATTEMPTS)).values
    if not limits.low_mv <= millivolts <= limits.high_mv:
        raise Refusal(
            f"servo {servo_id} is supplied with {millivolts / 1e3:g} V, outside of {limits.low_mv / 1e3:g} to "
            f"{limits.high_mv / 1e3:g} V, and would turn its torque off at once; choose wider limits"
        )


def _rad(units: float) -> float:
    return (units - MIDDLE_UNITS) / UNITS_PER_RAD


def _table(servo_id: int, before: Limits, after: Limits) -> str:
    lines = [f"  servo {servo_id:<14}{'before':<22}after"]
    for (name, was), (_, is_now) in zip(_texts(before), _texts(after), strict=True):
        lines.append(f"  {name:<20}{was:<22}{is_now}")
    lines.append("  written and read back")
    return "\n".join(lines)


def _texts(limits: Limits) -> list[tuple[str, str]]:
    return [
        ("angle, units", f"{limits.low_units} to {limits.high_units}"),
        ("angle, rad", f"{_rad(limits.low_units):.3f} to {_rad(limits.high_units):.3f}"),
        ("supply, V", f"{limits.low_mv / 1e3:g} to {limits.high_mv / 1e3:g}"),
        ("temperature, C", f"at most {limits.max_degc}"),
    ]
