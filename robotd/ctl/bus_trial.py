"""Verb bus test: how fast and how well a bus works, joint by joint, and whether that is good enough."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from firmware_bridge.bus_budget import Conditions, bus_budget
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_scan import scan_ids
from robotd.ctl.bus_exercise import MOVED_UNITS, Exercise, Tally, exercise_bus
from robotd.ctl.bus_session import port_of, port_options, run_on_bus
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.id_list import ALL, take_ids
from robotd.ctl.refusal import CheckFailed
from robotd.ctl.spread import spread_of

EXIT_OK, EXIT_FAILED = 0, 1


@click.command()
@port_options
@click.option("--ids", callback=take_ids, help="As 1-5; by default those of --bus, or all that a scan finds (7 s).")
@click.option("--seconds", type=FiniteRange(0.1, 3600), default=5.0, show_default=True, help="How long.")
@click.option("--read-only", is_flag=True, help="Write nothing, so that no torque comes on.")
@click.option(
    "--max-failed-percent",
    type=FiniteRange(0, 100),
    default=2.0,
    show_default=True,
    help="Of a joint's reads; one failure is forgiven. A field system had 0.66 over hours.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    ids: Sequence[int] | None,
    seconds: float,
    read_only: bool,
    max_failed_percent: float,
    as_json: bool,
    **wire: Any,
) -> int:
    """Measure a bus: reads and writes a second for each joint, failures by kind, reply times, echo.

    Each servo is told again and again to stay where it was found: nothing moves, but torque comes on for that time.
    A servo that moves all the same ends the test with all torque off. A position that is stuck
    or late is not seen here, since nothing moves.

    \b
    Example:
      robotctl bus test --port /dev/servo_left_leg --ids 1-5

    Exit codes: 0 ok, 1 the bus is not good enough, 2 refused, 3 the port cannot be opened or no servo answers, 130
    interrupted.
    """
    port = port_of(**wire)
    chosen = ids or port.ids or ALL
    if not read_only:
        click.echo(
            "writes to each servo where it was found: nothing moves, but its torque comes on meanwhile", err=True
        )

    async def job(bus: ServoBus) -> dict[str, Any]:
        present = chosen
        if chosen == ALL:
            click.echo(f"asking {len(ALL)} ids, about 7 s", err=True)
            present = [found.servo_id for found in await scan_ids(bus, ALL)]
        if not present:
            raise CheckFailed(f"{port.path}: nobody answers at {port.baud} baud; check power, plug and ground")
        exercise = await exercise_bus(bus, present, seconds, read_only)
        return _report(exercise, bus, max_failed_percent)

    report = run_on_bus("bus test", port, job)
    click.echo(json.dumps(report, allow_nan=False) if as_json else _table(report))
    return EXIT_OK if report["passed"] else EXIT_FAILED


def _report(exercise: Exercise, bus: ServoBus, max_failed_percent: float) -> dict[str, Any]:
    seconds = max(exercise.seconds, 1e-3)
    writes = sum(bool(tally.written) for tally in exercise.tallies.values())
    share = writes / len(exercise.tallies)
    budget = bus_budget(len(exercise.tallies), Conditions(baud=bus.line.baud, writes_per_tick=share))
    replies = [reply_s for tally in exercise.tallies.values() for reply_s in tally.reply_s]
    problems = _problems(exercise, max_failed_percent)
    return {
        "passed": not problems,
        "problems": problems,
        "port": bus.line.port,
        "baud": bus.line.baud,
        "seconds": round(exercise.seconds, 3),
        "echo": bool(bus.counters.echoes),
        "strays": bus.counters.strays,
        "noise_bytes": bus.stream.noise_bytes,
        "reply_ms": _milliseconds(replies),
        "budget": {"reply_ms": round(budget.read_s * 1e3, 2), "reads_hz": round(budget.reads_hz, 1)},
        "servos": [
            {
                "id": servo_id,
                "reads_hz": round(len(tally.reply_s) / seconds, 1),
                "writes_hz": round(tally.written / seconds, 1),
                "asked": tally.asked,
                "failed": tally.failed,
                "no_reply": tally.no_reply,
                "garbled": tally.garbled,
                "reply_ms": _milliseconds(tally.reply_s),
                "position_units": tally.found_units,
                "not_written": tally.kept_from,
            }
            for servo_id, tally in exercise.tallies.items()
        ],
    }


def _problems(exercise: Exercise, max_failed_percent: float) -> list[str]:
    """What is not good enough, a sentence each with its cure."""
    found = [exercise.problem] if exercise.problem else []
    if exercise.moved is not None:
        moved = exercise.tallies[exercise.moved].moved_units
        found.append(
            f"servo {exercise.moved} moved by {moved} units (more than {MOVED_UNITS}) though told to stay: all torque "
            "was turned off; look for a hand, a load, a broken gear or sensor"
        )
    for servo_id, tally in exercise.tallies.items():
        if tally.left_loaded:
            found.append(f"servo {servo_id} did not confirm that its torque is off again: cut its power")
        if tally.failed > max(1.0, max_failed_percent / 100 * tally.asked):
            found.append(f"servo {servo_id} failed {tally.failed} of {tally.asked} reads: {_cure(tally)}")
        elif not tally.reply_s and exercise.moved is None and not exercise.problem:
            found.append(f"servo {servo_id} was not read once: test for longer")
    return found


def _cure(tally: Tally) -> str:
    if tally.failed == tally.asked and not tally.garbled:
        return "silent; check its plug, its power and its id, or allow slower answers with --reply-ms"
    if tally.garbled > tally.no_reply:
        return "mostly garbled; look for two servos with one id (`robotctl bus scan`), a missing ground or long wires"
    return "mostly silent; look for a loose plug, a weak supply or a slow adapter (--reply-ms 40)"


def _milliseconds(times_s: Sequence[float]) -> dict[str, float] | None:
    spread = spread_of(times_s)
    return None if spread is None else {name: round(value * 1e3, 2) for name, value in spread._asdict().items()}


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"  {report['port']} at {report['baud']} baud, {report['seconds']:g} s",
        "  id  reads/s  writes/s   asked  no reply  garbled   reply ms p50    p95    max",
    ]
    for servo in report["servos"]:
        reply = [f"{value:.2f}" for value in (servo["reply_ms"] or {}).values()] or ["-"] * 3
        lines.append(
            f"{servo['id']:>4}{servo['reads_hz']:>9.1f}{servo['writes_hz']:>10.1f}{servo['asked']:>8}"
            f"{servo['no_reply']:>10}{servo['garbled']:>9}{reply[0]:>15}{reply[1]:>7}{reply[2]:>7}"
        )
    lines += [f"  servo {s['id']} was only read: {s['not_written']}" for s in report["servos"] if s["not_written"]]
    budget = report["budget"]
    lines += [
        f"  echo {'seen: the adapter hears itself, which is fine' if report['echo'] else 'not seen'}; "
        f"{report['noise_bytes']} bytes of noise, {report['strays']} late or stray replies",
        f"  bus-budget expects {budget['reads_hz']:g} reads/s for each joint and {budget['reply_ms']:g} ms for a reply",
    ]
    lines += [f"  FAILED: {problem}" for problem in report["problems"]] or ["  passed"]
    return "\n".join(lines)
