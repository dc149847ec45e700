"""Verb bus-budget: how old feedback will be, and how to split joints over buses, before a robot is wired."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from firmware_bridge.bus_budget import Budget, Conditions, bus_budget, suggested_split
from firmware_bridge.hiwonder import BAUD, MAX_ID
from robotd.ctl.bus_session import read_wiring
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.refusal import Refusal

EXIT_OK, EXIT_FAILED = 0, 1
FIELD = (
    "Field figures over USB adapters: a read took 3.64 ms; three buses gave 38 reads/s for each joint with 0.66 % "
    "failed;\n  one bus gave leg feedback of 84 / 113 / 127 ms (mean / p95 / max)."
)


def _joints(ctx: click.Context, param: click.Parameter, text: str | None) -> dict[str, int] | None:
    """Joints by the number of the bus, out of `11` or `5,5,1`."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= MAX_ID for part in parts):
        raise click.BadParameter(f"found {text!r}, expected the joints of each bus as in 11 or 5,5,1")
    return {str(number): int(part) for number, part in enumerate(parts, 1)}


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Buses, joints, baud; without it the robot's own.")
@click.option("--joints-per-bus", callback=_joints, help="In place of a config, as 11 or 5,5,1.")
@click.option("--baud", type=click.IntRange(1200, 1_000_000), help="115200, unless robotd.yaml says else.")
@click.option("--latency-ms", type=FiniteRange(0, 100), default=1.0, show_default=True, help="Of the adapter.")
@click.option("--tick-ms", type=FiniteRange(1, 1000), default=20.0, show_default=True, help="All are written once.")
@click.option("--max-age-ms", type=FiniteRange(1, 1000), default=60.0, show_default=True, help="Bound of the p95.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    config: Path | None,
    joints_per_bus: dict[str, int] | None,
    baud: int | None,
    latency_ms: float,
    tick_ms: float,
    max_age_ms: float,
    as_json: bool,
) -> int:
    """Compute how old feedback will be, and whether the schedule fits the tick.

    Without a robotd.yaml and --joints-per-bus: WildRobot on three buses. Every joint is written each tick and read
    oldest first, 5 % of the reads go to temperature and voltage, and none fails. Where a bus does not fit, another
    split is suggested.

    \b
    Example:
      robotctl bus-budget --joints-per-bus 5,5,1

    Exit codes: 0 it fits, 1 a bus does not, 2 refused.
    """
    if joints_per_bus is not None and config is not None:
        raise Refusal("--config and --joints-per-bus say the same thing, expected one of them")
    buses, rate = joints_per_bus, BAUD
    if buses is None:
        wiring = read_wiring(config)
        buses, rate = {bus: len(wiring.on_bus(bus)) for bus in wiring.used_buses}, wiring.baud
    conditions = Conditions(
        baud=baud or rate, adapter_latency_s=latency_ms / 1e3, tick_s=tick_ms / 1e3, max_age_s=max_age_ms / 1e3
    )
    budgets = {name: bus_budget(joints, conditions) for name, joints in buses.items()}
    split = suggested_split(sum(buses.values()), conditions)
    fits = all(budget.fits for budget in budgets.values())
    if as_json:
        rows = [{"bus": name} | _milliseconds(budget) for name, budget in budgets.items()]
        given = {"baud": conditions.baud, "latency_ms": latency_ms, "tick_ms": tick_ms, "max_age_ms": max_age_ms}
        click.echo(json.dumps({"fits": fits, "conditions": given, "buses": rows, "suggested_split": split}))
    else:
        click.echo(_table(budgets, conditions))
        click.echo(f"  {_verdict(budgets, split, conditions)}\n  {FIELD}")
    return EXIT_OK if fits else EXIT_FAILED


def _milliseconds(budget: Budget) -> dict[str, Any]:
    """A budget for JSON: times in ms under names that say so."""
    said = {}
    for name, value in budget._asdict().items():
        said[f"{name[:-2]}_ms" if name.endswith("_s") else name] = value * 1e3 if name.endswith("_s") else value
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in said.items()}


def _table(budgets: Mapping[str, Budget], conditions: Conditions) -> str:
    lines = [
        f"  {conditions.baud} baud, {conditions.adapter_latency_s * 1e3:g} ms adapter latency, tick of "
        f"{conditions.tick_s * 1e3:g} ms",
        "  bus         joints  wire ms  of the tick  one read ms  reads/s a joint  age ms mean    p95    max  fits",
    ]
    for name, budget in budgets.items():
        lines.append(
            f"  {name:<12}{budget.joints:>6}{budget.wire_s * 1e3:>9.1f}{budget.wire_s / conditions.tick_s:>13.0%}"
            f"{budget.read_s * 1e3:>13.2f}{budget.reads_hz:>17.1f}{budget.age_mean_s * 1e3:>13.1f}"
            f"{budget.age_p95_s * 1e3:>7.1f}{budget.age_max_s * 1e3:>7.1f}{'yes' if budget.fits else 'NO':>6}"
        )
    lines.append("  (wire ms: to write and read every joint once, on the wire alone)")
    return "\n".join(lines)


def _verdict(budgets: Mapping[str, Budget], split: tuple[int, ...] | None, conditions: Conditions) -> str:
    bound = f"all writes in a tick and p95 of age at most {conditions.max_age_s * 1e3:g} ms"
    if all(budget.fits for budget in budgets.values()):
        return f"fits: {bound}"
    if split is None:
        return f"FAILED: {bound}; no split helps, a faster baud rate or adapter would"
    best = bus_budget(split[0], conditions)
    buses = f"{len(split)} bus{'es' * (len(split) > 1)}"
    joints = " + ".join(map(str, split))
    return (
        f"FAILED: {bound}; split the joints over {buses} ({joints}): age p95 {best.age_p95_s * 1e3:.1f} ms, "
        f"{best.reads_hz:.1f} reads/s for each joint"
    )
