"""Unload every servo and have each one say so, as soon as can be: what runs when robotd has died.

Only the standard library, pyserial and firmware_bridge: whatever else is imported costs time under torque.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping

from firmware_bridge.servo_limp import LimpReport, limp_ports
from robotd.limp_plan import LimpPlan, plan_path, read_plan
from robotd.lock import HardwareLock, HardwareLockError

EXIT_OK, EXIT_FAILED, EXIT_UNREACHABLE = 0, 1, 3
PATIENCE_S = 2.0
"""How long a bus is tried again that did not prove it, as one whose port a dying process still holds."""
PAUSE_S = 0.02


def unload(plan: LimpPlan, patience_s: float = PATIENCE_S) -> dict[str, LimpReport]:
    """Limp all buses at once, and again those in doubt, until all servos have confirmed or `patience_s` is over."""
    until_s = time.monotonic() + patience_s
    reports: dict[str, LimpReport] = {}
    doubtful = dict(plan.buses)
    while doubtful:
        reports |= asyncio.run(limp_ports(doubtful, plan.baud))
        doubtful = {name: wire for name, wire in doubtful.items() if not reports[name].verified}
        if time.monotonic() > until_s:
            break
        if doubtful:
            time.sleep(PAUSE_S)
    return reports


def exit_code(reports: Mapping[str, LimpReport]) -> int:
    """0: every servo said that it is unloaded; 3: none did; 1: some did."""
    servos = [limped.verified for report in reports.values() for limped in report.servos.values()]
    return EXIT_OK if all(servos) else EXIT_FAILED if any(servos) else EXIT_UNREACHABLE


def lines_of(reports: Mapping[str, LimpReport], plan: LimpPlan) -> list[str]:
    """One line for each bus."""
    lines = []
    for name, report in reports.items():
        doubtful = {servo_id: limped for servo_id, limped in report.servos.items() if not limped.verified}
        said = f"{len(report.servos) - len(doubtful)} of {len(report.servos)} servos say torque off"
        if doubtful:
            ids, problem = ", ".join(map(str, doubtful)), next(iter(doubtful.values())).problem
            said += f"; TORQUE MAY STILL BE ON at {ids} ({problem}): switch the power off"
        else:
            said += f" after {report.after_s * 1e3:.0f} ms"
        lines.append(f"  {name:<12}{plan.buses[name][0]}  {said}")
    return lines


def left_by_a_dead_daemon() -> int | None:
    """Limp what the last robotd has left in its plan; None where that is not the case to be quick in.

    That is so where somebody alive holds the hardware, or where there is no plan.
    """
    plan = read_plan()
    if plan is None:
        return None
    try:
        lock = HardwareLock("robotctl limp")
    except HardwareLockError:
        return None
    with lock:
        return unload_as_planned(plan)


def unload_as_planned(plan: LimpPlan) -> int:
    """Limp, say what came of it, and forget the plan once it is proven. The caller holds the lock."""
    reports = unload(plan)
    print("\n".join(lines_of(reports, plan)), flush=True)
    code = exit_code(reports)
    if code == EXIT_OK:
        plan_path().unlink(missing_ok=True)
    else:
        print("robotctl: not every servo said that its torque is off", file=sys.stderr)
    return code
