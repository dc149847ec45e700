"""What the servo driver reports of each fault kind, and how soon: rows for docs/fault-table.md.

Measured in real time over a pty: servo 2 of five on a bus at 115200 baud with 1 ms of adapter latency, all of them
moving; the worst of several injections.
"""

from __future__ import annotations

import asyncio
import math
import time

from sensor_fault_rows import FaultRow
from servo_rig import bench_of, one_bus, until

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.servo_bus import REPLY_S, ServoCounters
from firmware_bridge.servo_schedule import TIRED, ServoSchedule

IDS = (1, 2, 3, 4, 5)
ILL = 2
TICK_S = 0.02
AMPLITUDE, TURN = 150, 2 * math.pi * 0.7
INJECTED_S = 0.25 / 0.7 + 0.13
"""After the motion began, just past a turn: a shaft that follows 30 ms behind was at the same angle DELAY_S ago, and
`delayed` does not begin with a leap."""


def servo_rows(injections: int = 3, seconds: float = 1.0, reply_s: float = REPLY_S) -> list[FaultRow]:
    """One row for each kind, in the order of FaultKind."""
    return [_row(kind, injections, seconds, reply_s) for kind in FaultKind]


def _row(kind: FaultKind, injections: int, seconds: float, reply_s: float) -> FaultRow:
    seen = []
    for number in range(injections):
        with bench_of(*IDS) as bench:
            seen.append(asyncio.run(_watch(bench, kind, INJECTED_S + 0.01 * number, seconds, reply_s)))
    reports = sorted({report for report, *_ in seen})
    times_s = [at_s for _, at_s, *_ in seen if at_s is not None]
    off_units, limps = max(units for *_, units, _ in seen), [limp_s for *_, limp_s in seen]
    limp = "not confirmed" if None in limps else f"confirmed in {max(s for s in limps if s is not None) * 1e3:.0f} ms"
    report = f"{' or '.join(reports)}; up to {off_units:.0f} units off its target; limp {limp}"
    return FaultRow("servo", kind, report, round(max(times_s) * 1e3) if times_s else None)


async def _watch(
    bench: ServoBench, kind: FaultKind, before_s: float, seconds: float, reply_s: float
) -> tuple[str, float | None, float, float | None]:
    """What was reported, when, the largest |target - position| in units, and when the ill servo confirmed a limp."""
    with one_bus(bench, reply_s=reply_s) as bus:
        schedule = ServoSchedule(bus, IDS)
        schedule.start()
        schedule.aim(dict.fromkeys(IDS, 500), 20)
        schedule.enable()
        await until(lambda: not schedule.unconfirmed and all(schedule.feedback(i) for i in IDS))
        began_s = time.monotonic()
        await _move(schedule, began_s, before_s)
        before = ServoCounters(**vars(schedule.counters(ILL)))
        injected_s, found, off_units = time.monotonic(), None, 0.0
        bench.fault(f"left/{ILL}", kind)
        while time.monotonic() - injected_s < seconds:
            off_units = max(off_units, await _move(schedule, began_s, TICK_S))
            now = schedule.counters(ILL)
            if found is None and (now.in_a_row >= TIRED or now.implausible > before.implausible):
                found = (_say(before, now), time.monotonic() - injected_s)
        limped = (await schedule.limp()).servos[ILL]
        await schedule.stop()
    return (*(found or ("ok", None)), off_units, limped.after_s)


async def _move(schedule: ServoSchedule, began_s: float, seconds: float) -> float:
    """Go on with a swing of all joints; the largest |target - position| of the ill one in units."""
    end_s, worst = time.monotonic() + seconds, 0.0
    while time.monotonic() < end_s:
        target = round(500 + AMPLITUDE * math.sin(TURN * (time.monotonic() - began_s)))
        schedule.aim(dict.fromkeys(IDS, target), 20)
        await asyncio.sleep(TICK_S)
        feedback = schedule.feedback(ILL)
        assert feedback is not None
        worst = max(worst, abs(target - feedback.units))
    return worst


def _say(before: ServoCounters, now: ServoCounters) -> str:
    if now.implausible > before.implausible:
        return "a leap, refused until confirmed"
    garbled, silent = now.garbled - before.garbled, now.no_reply - before.no_reply
    return f"{'garbled' if garbled > silent else 'no reply'}, {TIRED} in a row"
