"""What to unload if robotd dies: ports, ids and baud, left by the daemon before any torque can come on.

Read without pydantic and numpy, since `robotctl limp` must be quick, and true even if robotd.yaml was edited meanwhile.
Forgotten once all is proven, by robotd at its own end or by limp.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from robotd.lock import lock_path
from robotd.places import own_config, state_folder
from robotd.whole_file import write_whole

if TYPE_CHECKING:
    from robotd.wiring import Wiring

PLAN_NAME = "limp.json"


class LimpPlan(NamedTuple):
    """baud of all buses; port and servo ids by name of the bus; made_of: `print_of` the config behind it."""

    baud: int
    buses: Mapping[str, tuple[str, tuple[int, ...]]]
    made_of: str = ""

    @property
    def is_all(self) -> bool:
        """Whether the robot's own robotd.yaml, where there is one, names no other servos than this plan."""
        own = own_config(None)
        return own is None or self.made_of == print_of(own)

    def besides(self, known: LimpPlan) -> LimpPlan:
        """The servos of this plan that `known` does not have; a bus whose name it has gets another one."""
        there = {(os.path.realpath(port), i) for port, ids in known.buses.values() for i in ids}
        buses = {}
        for name, (port, ids) in self.buses.items():
            if rest := tuple(i for i in ids if (os.path.realpath(port), i) not in there):
                buses[f"{name} (robotd.yaml)" if name in known.buses else name] = port, rest
        return self._replace(buses=buses)


def print_of(config: Path | None) -> str:
    """A fingerprint of all that a plan follows from: robotd.yaml and the calibration, as they are now."""
    digest = hashlib.sha256()
    for path in (config, state_folder() / "calibration.yaml"):
        content = b""
        with suppress(OSError):
            content = path.read_bytes() if path else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


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
    buses = {name: [port, list(ids)] for name, (port, ids) in plan.buses.items()}
    text = json.dumps({"baud": plan.baud, "buses": buses, "made_of": plan.made_of})
    write_whole(path, text + "\n", 0o644)  # its folder says who may read it
    return path


def forget_plan() -> None:
    """All is unloaded. Who may limp but not write into the folder leaves it; the next robotd writes its own."""
    with suppress(OSError):
        plan_path().unlink()


def read_plan(path: Path | None = None) -> LimpPlan | None:
    """The plan of the last robotd that did not end in an orderly way; None where there is none that can be read."""
    try:
        data = json.loads((path or plan_path()).read_text(encoding="utf-8"))
        buses = {str(name): (str(port), tuple(map(int, ids))) for name, (port, ids) in data["buses"].items()}
        return LimpPlan(int(data["baud"]), buses, str(data.get("made_of", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
