"""What the servo buses of a wiring are predicted to do, as arming wants to know it."""

from __future__ import annotations

from firmware_bridge.bus_budget import Conditions, bus_budget
from robotd.arming import BusLoad
from robotd.wiring import Wiring


def bus_loads(wiring: Wiring, ctrl_dt: float) -> tuple[BusLoad, ...]:
    """The budget of each used bus at a control period of `ctrl_dt` s."""
    conditions = Conditions(baud=wiring.baud, tick_s=ctrl_dt)
    budgets = {bus: bus_budget(len(wiring.on_bus(bus)), conditions) for bus in wiring.used_buses}
    return tuple(BusLoad(bus, budget.age_p95_s, budget.fits) for bus, budget in budgets.items())
