"""Unload every servo and have each one say so, as soon as can be: what runs when robotd has died.

Only the standard library, pyserial and firmware_bridge: whatever else is imported costs time under torque.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping

from firmware_bridge.servo_limp import LimpReport, limp_ports
from robotd.limp_plan import LimpPlan, forget_plan, read_plan
from robotd.lock import HardwareLock, HardwareLockError

EXIT_OK, EXIT_FAILED, EXIT_UNREACHABLE = 0, 1, 3
PATIENCE_S = 2.0
"""How long a bus is tried again that did not prove it, as one whose port a dying process still holds."""
PAUSE_S = 0.02
LOCK_S = 0.2
"""How long the hardware lock is waited for; afterwards torque goes off without it."""


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

    That is so where somebody else holds the hardware, who is to be asked first, where there is no plan, and where
    robotd.yaml may name more servos than the plan.
    """
    plan = read_plan()
    if plan is None:
        return _nothing_left(os.environ)
    try:
        lock = HardwareLock("robotctl limp", patience_s=LOCK_S)
    except HardwareLockError:
        return None
    with lock:
        if plan.is_all:
            return unload_as_planned(plan)
        unload(plan, patience_s=0.0)  # these at once; who they are is said with the others
    return None


def refused_to_start(environment: Mapping[str, str]) -> bool:
    """Whether this follows a service that refused to start, as systemd's ExecStopPost: it gave no torque."""
    return "SERVICE_RESULT" in environment and _exit_status(environment) == "2"


def _nothing_left(environment: Mapping[str, str]) -> int | None:
    """0 after a service that ended in order and has therefore left no plan, else None."""
    if environment.get("SERVICE_RESULT") != "success" or _exit_status(environment) != "0":
        return None
    print("robotd ended in order, and every servo said that its torque is off", flush=True)
    return EXIT_OK


def _exit_status(environment: Mapping[str, str]) -> str | None:
    """What the service's own process returned, by systemd.exec(5); None where a signal ended it."""
    return environment.get("EXIT_STATUS") if environment.get("EXIT_CODE") == "exited" else None


def unload_as_planned(plan: LimpPlan) -> int:
    """Limp, say what came of it, and forget the plan once it is proven. The caller holds the lock."""
    reports = unload(plan)
    print("\n".join(lines_of(reports, plan)), flush=True)
    code = exit_code(reports)
    if code == EXIT_OK:
        forget_plan()
    else:
        print("robotctl: not every servo said that its torque is off", file=sys.stderr)
    return code
