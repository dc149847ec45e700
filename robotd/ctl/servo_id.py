"""Verb servo set-id: another id for a servo that is alone with its own."""

from __future__ import annotations

import json
from typing import Any

import click

from firmware_bridge.hiwonder import MAX_ID
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_registers import set_id
from robotd.ctl.bus_session import alone, port_of, port_options, run_on_bus
from robotd.ctl.refusal import Refusal

EXIT_OK = 0
ID = click.IntRange(0, MAX_ID)


@click.command()
@port_options
@click.option("--from", "old_id", required=True, type=ID, help="The id it has; 1 when it comes from the shop.")
@click.option("--to", "new_id", required=True, type=ID, help="The id it gets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(old_id: int, new_id: int, as_json: bool, **wire: Any) -> int:
    """Give a servo another id, which it keeps without power.

    Refused if more than one servo answers to the old id, or anybody to the new one. Afterwards both are asked again.

    \b
    Example:
      robotctl servo set-id --port /dev/servo_left_leg --from 1 --to 3

    Exit codes: 0 ok, 1 it did not take the id, 2 refused, 3 the port cannot be opened or no servo answers, 130
    interrupted.
    """
    if old_id == new_id:
        raise Refusal(f"--from and --to are both {old_id}, expected two ids")
    port = port_of(**wire)

    async def job(bus: ServoBus) -> None:
        await alone(bus, old_id)
        await set_id(bus, old_id, new_id)

    run_on_bus("servo set-id", port, job)
    if as_json:
        click.echo(json.dumps({"port": port.path, "from": old_id, "to": new_id, "verified": True}))
    else:
        click.echo(f"  servo {old_id} is {new_id} now, and answers to that and no more to {old_id}")
    return EXIT_OK
