"""What to unload if robotd dies: ports, ids and baud, left by the daemon before any torque can come on.

Read without pydantic and numpy, since `robotctl limp` must be quick, and true even if robotd.yaml was edited meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from robotd.lock import lock_path

if TYPE_CHECKING:
    from robotd.wiring import Wiring

PLAN_NAME = "limp.json"


class LimpPlan(NamedTuple):
    """baud of all buses; port and servo ids by name of the bus."""

    baud: int
    buses: Mapping[str, tuple[str, tuple[int, ...]]]


def plan_of(wiring: Wiring) -> LimpPlan:
    """All servos of a robot."""
    buses = {bus: (wiring.buses[bus].port, tuple(wiring.on_bus(bus).values())) for bus in wiring.used_buses}
    return LimpPlan(wiring.baud, buses)


def plan_path() -> Path:
    """Beside the hardware lock."""
    return lock_path().with_name(PLAN_NAME)


def leave_plan(plan: LimpPlan, path: Path | None = None) -> Path:
    """Write it, whole or not at all; returns where. Raises OSError."""
    path = path or plan_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {"baud": plan.baud, "buses": {name: [port, list(ids)] for name, (port, ids) in plan.buses.items()}}
    )
    draft = path.with_suffix(".draft")
    draft.write_text(text + "\n", encoding="utf-8")
    os.replace(draft, path)
    return path


def read_plan(path: Path | None = None) -> LimpPlan | None:
    """The plan of the last robotd that did not end in an orderly way; None where there is none that can be read."""
    try:
        data = json.loads((path or plan_path()).read_text(encoding="utf-8"))
        buses = {str(name): (str(port), tuple(map(int, ids))) for name, (port, ids) in data["buses"].items()}
        return LimpPlan(int(data["baud"]), buses)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
