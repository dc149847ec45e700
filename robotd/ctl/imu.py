"""Verb imu: the IMU by itself."""

from __future__ import annotations

import click

from robotd.ctl import imu_trial


@click.group()
def command() -> None:
    """Try out the IMU."""


command.add_command(imu_trial.command, "test")
