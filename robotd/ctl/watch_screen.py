"""The screen of `robotctl status --watch`, drawn with Rich."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from robotd.ctl.fault_fixes import fault_lines
from robotd.ctl.status import torque
from robotd.ctl.watch import Pace, Recent, Sample, hottest
from robotd.messages import Status

_COLOURS = {"active": "green", "standby": "cyan", "homing": "cyan", "stopping": "yellow", "fault": "red"}
_ENDS = {"lateness": "most", "tick": "most", "slack": "least"}
_JOINT_COLUMNS = 2


def show(samples: Iterable[Sample | str]) -> None:
    """Draw each sample over the one before, until Ctrl-C. The terminal is as before afterwards."""
    recent = Recent()
    last: Group | None = None
    coming = iter(samples)
    first = next(coming)  # where that fails, the terminal is as it was
    with Live(console=Console(), screen=True, auto_refresh=False) as live:
        for sample in chain([first], coming):
            if isinstance(sample, str):
                live.update(lost(sample, last), refresh=True)
            else:
                last = screen(sample.status, recent.add(sample))
                live.update(last, refresh=True)


def screen(status: Status, now: Pace) -> Group:
    """All there is to see of one sample."""
    parts: list[Any] = [_head(status, now), _facts(status)]
    if status.faults:
        parts.append(Text("\nfaults", style="bold red"))
        parts.extend(Text(f"  {line}") for line in fault_lines(status.faults))
    against = [check for check in status.checks if not check.ok]
    if against and status.mode == "idle":
        parts.append(Text("\nagainst arming", style="bold yellow"))
        parts.extend(Text(f"  {check.name}: {check.found}; {check.fix}") for check in against)
    return Group(*parts, Text(), _timing(now), Text(), _joints(status))


def lost(problem: str, last: Group | None) -> Group:
    """That there is no connection, above what was seen last."""
    parts: list[Any] = [Text(f"NO CONNECTION, trying again: {problem}", style="bold red")]
    if last is not None:
        parts += [Text("what was seen last:", style="dim"), last]
    return Group(*parts)


def _head(status: Status, now: Pace) -> Text:
    text = Text(f" {status.mode.upper()} ", style=f"bold reverse {_COLOURS.get(status.mode, 'white')}")
    rate = "" if math.isnan(now.rate_hz) else f", {now.rate_hz:.1f} Hz"
    return text.append(f"  tick {status.tick}{rate}, policy {status.policy}", style="not bold not reverse default")


def _facts(status: Status) -> Table:
    vx, vy, yaw = (value + 0.0 for value in status.command)  # no minus before a zero
    by = f"by {status.claimed_by}, heard {status.silent_s:.1f} s ago" if status.silent_s is not None else "by nobody"
    rows = {
        "command": f"forward {vx:.2f} m/s, left {vy:.2f} m/s, turn {yaw:.2f} rad/s, {by}",
        "slow motion": f"{status.slow_motion:.2g}",
        "torque": torque(status),
        "present": ", ".join(status.present) or "nothing",
        "tilt": f"{math.degrees(status.tilt_rad):.1f} deg",
        "age": f"IMU {status.imu_age_s * 1e3:.0f} ms, oldest joint {status.joint_age_s * 1e3:.0f} ms",
        "servos": f"{hottest(status)}, {status.voltage_v:.1f} V",
        "buses": f"{' '.join(map(str, status.bus_errors_in_a_row)) or 'none'} errors in a row",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _timing(now: Pace) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    for _ in range(3):
        table.add_column(justify="right")
    table.add_row(Text(f"last {now.seconds:.0f} s, ms", style="dim"), "median", "99 %", "end")
    for kind, figures in now.ms.items():
        cells = ["-" if math.isnan(value) else f"{value:.2f}" for value in figures]
        table.add_row(Text(f"{kind} (at {_ENDS[kind]})", style="dim"), *cells)
    skipped = Text(str(now.skipped), style="bold red" if now.skipped else "default")
    table.add_row(Text("periods skipped", style="dim"), "", "", skipped)
    return table


def _joints(status: Status) -> Table:
    """Angle and temperature of each, in columns."""
    table = Table.grid(padding=(0, 2))
    known = dict(zip(status.joints, status.temperature_degc, strict=False))
    cells = []
    for name, rad in zip(status.joints, status.joint_pos_rad, strict=False):
        degc = known.get(name)
        warm = f"{degc:3.0f} C" if degc is not None else "  - C"
        cells.append((Text(name, style="dim"), f"{math.degrees(rad):6.1f} deg", warm))
    rows = math.ceil(len(cells) / _JOINT_COLUMNS)
    for row in range(rows):
        table.add_row(*(part for cell in cells[row::rows] for part in cell))
    return table
