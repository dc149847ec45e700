"""Verb bus: who is on a servo bus, and how well it works."""

from __future__ import annotations

import click

from robotd.ctl import bus_scan, bus_trial


@click.group()
def command() -> None:
    """Find the servos on a bus, and measure how well it works."""


command.add_command(bus_scan.command, "scan")
command.add_command(bus_trial.command, "test")
