"""Verb servo: one servo by its id."""

from __future__ import annotations

import click

from robotd.ctl import servo_id, servo_limits, servo_show


@click.group()
def command() -> None:
    """Look at one servo, and write its id and limits."""


command.add_command(servo_show.command, "show")
command.add_command(servo_id.command, "set-id")
command.add_command(servo_limits.command, "write-limits")
