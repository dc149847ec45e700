"""An emergency drill in the pure tick: whether what must stop this robot does, with its own config, and how soon."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from contract import Signals
from robotd.fault_table import FAULT_TABLE, Fault
from robotd.health import Health
from robotd.mode import Event, Mode
from robotd.record import Orders
from robotd.tick import Infer, Setup, initial_tick_state, tick
from robotd.warm_up import at_rest

BEFORE = 10
"""Ticks in ACTIVE before a drill, in which nothing may stop the robot."""
PROMISE_S = 0.04
"""From the end of a debounce to the first safe command (docs/safety.md); the drill has no wires, so less is due."""
PATIENCE_S = 6.0


class Stopped(NamedTuple):
    """What came of one drill. took_s: to the first tick that no longer let the policy act, inf where none came; by: the
    faults then; limp: torque went off at once; promised_s: the latest that it must be."""

    what: str
    took_s: float
    by: tuple[str, ...]
    limp: bool
    promised_s: float

    @property
    def passed(self) -> bool:
        """In time."""
        return self.took_s <= self.promised_s + 1e-9


def drill(setup: Setup, networks: Mapping[str, Infer]) -> tuple[Stopped, ...]:
    """Tip over, lose the IMU, a servo and a bus, miss deadlines, and pull the emergency stop; no hardware is there."""
    still = at_rest(setup)
    sideways = np.array((math.sqrt(0.5), math.sqrt(0.5), 0, 0), np.float32)
    lost = setup.config.safety.imu_lost_s + 0.01
    ages = np.where(setup.leg_joints, np.float32(setup.config.safety.joint_stale_s + 0.01), np.float32(0))
    errors = setup.well._replace(bus_errors_in_a_row=(setup.config.safety.bus_errors,))
    missed = setup.config.safety.overrun_in_a_row
    cases: tuple[tuple[str, Fault, dict[str, Any]], ...] = (
        ("tilt", Fault.TILT, {"signals": still._replace(quat_wxyz=sideways)}),
        ("loss of the IMU", Fault.IMU_STALE, {"signals": still._replace(imu_age_s=np.asarray(lost, np.float32))}),
        ("loss of a servo", Fault.JOINT_STALE, {"signals": still._replace(joint_age_s=ages)}),
        ("loss of a bus", Fault.BUS, {"health": errors}),
        ("missed deadlines", Fault.OVERRUN, {"skipped": missed}),
        ("emergency stop", Fault.OPERATOR, {"orders": Orders((Event.ESTOP,))}),
    )
    return tuple(_try(setup, networks, still, what, fault, **world) for what, fault, world in cases)


def _try(
    setup: Setup,
    networks: Mapping[str, Infer],
    still: Signals,
    what: str,
    fault: Fault,
    *,
    signals: Signals | None = None,
    health: Health | None = None,
    skipped: int = 0,
    orders: Orders = Orders(),  # noqa: B008
) -> Stopped:
    """Let the policy act on a robot that stands still, then change the world, and count periods until it is stopped."""
    ctrl_dt, bounds = setup.spec.runtime.ctrl_dt, setup.config.safety
    debounce_s = max(row.debounce_s(bounds) for row in FAULT_TABLE if row.fault is fault)
    state = initial_tick_state(setup)._replace(mode=Mode.ACTIVE)
    for _ in range(BEFORE):
        state, _, record = tick(setup, state, still, Orders(), networks)
        if record.mode is not Mode.ACTIVE:
            return Stopped(f"{what} (stopped before it)", math.inf, record.faults.names, False, debounce_s)
    for periods in range(round(PATIENCE_S / ctrl_dt)):
        state, target, record = tick(setup, state, signals or still, orders, networks, skipped, health)
        if record.mode is not Mode.ACTIVE:
            took_s = periods * ctrl_dt
            return Stopped(what, took_s, record.faults.names, target is None, debounce_s + PROMISE_S)
    return Stopped(what, math.inf, (), False, debounce_s + PROMISE_S)
