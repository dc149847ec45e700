"""Feeds safety.check tick after tick, for tests of the fault table."""

from __future__ import annotations

from typing import Any

import numpy as np
from robot_builder import setup_of, signals_of

from contract import Signals
from robotd import safety
from robotd.config import SafetyConfig
from robotd.fault_table import Reading
from robotd.health import Health
from robotd.mode import Event, Mode
from robotd.safety import SafetyState, count_deadlines

SETUP = setup_of()
SPEC = SETUP.spec
HOME = SPEC.robot.home


def signals(changes: dict[str, Any]) -> Signals:
    arrays = {name: np.asarray(value, np.float32) for name, value in changes.items()}
    return signals_of(SPEC, **arrays)


class Watch:
    """Feeds safety.check tick after tick in one mode; the robot's target is home, or where it is (`on_target`)."""

    def __init__(self, mode: Mode, on_target: bool = False, bounds: SafetyConfig = SETUP.config.safety) -> None:
        self.mode, self.state, self.on_target, self.bounds = mode, SafetyState(), on_target, bounds

    def feed(
        self,
        seen: Signals,
        event: Event | None = None,
        skipped: int = 0,
        health: Health | None = None,
        silent_s: float | None = None,
        velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> safety.Verdict:
        self.state = count_deadlines(self.state, skipped)
        robot, target = SPEC.robot, seen.joint_pos_rad if self.on_target else HOME
        reading = Reading(
            seen,
            np.array(velocity, np.float32),
            target if self.mode.powered else None,
            event,
            self.state.missed,
            self.state.history.bit_count(),
            robot.range_min,
            robot.range_max,
            SETUP.leg_joints,
            SETUP.well if health is None else health,
            silent_s,
        )
        self.state, verdict = safety.check(
            self.bounds, self.state, reading, self.mode, 1 + skipped, SPEC.runtime.ctrl_dt
        )
        return verdict
