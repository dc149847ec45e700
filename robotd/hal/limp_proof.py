"""The last word on torque when a backend closes: limp what is in doubt, and say loudly what stays in doubt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from firmware_bridge.servo_limp import LimpReport, limp_ports
from robotd.wiring import Wiring

log = logging.getLogger("robotd")


def limp_now(ports: Mapping[str, tuple[str | Path, Sequence[int]]], baud: int) -> dict[str, LimpReport]:
    """Open ports by name of the bus, limp their servos, close; ends within half a second, whatever the devices do.

    Works with a running event loop and without: it brings its own, in a thread of its own.
    """
    if not ports:
        return {}
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, limp_ports(ports, baud)).result()


def say_what_is_not_limp(reports: Mapping[str, LimpReport], wiring: Wiring) -> None:
    """One line for each bus that did not prove that its torque is off."""
    for bus, report in reports.items():
        if report.verified:
            continue
        names = {servo_id: name for name, servo_id in wiring.on_bus(bus).items()}
        doubtful = {names[i]: limped.problem for i, limped in report.servos.items() if not limped.verified}
        problem = next(iter(doubtful.values()))
        log.critical("torque may still be on at %s (%s): switch the power off", ", ".join(doubtful), problem)
