"""The demo's operator: arms, activates, pushes, and ends the run when the active time is over."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord

_SETTLE_S = 0.5  # on its own feet before the policy takes over
_PATIENCE_S = 20.0  # from the start to ACTIVE, homing included
_AFTERMATH_S = 1.0  # how long a fault is watched
_QUIET_S = 1.0  # no push begins so shortly before the end
_RAMP_S = 0.5  # from rest to the commanded velocity

Push = Callable[[NDArray[np.float64], float], None]


class Script(NamedTuple):
    """What is to happen. Durations are active time; pushes of push_n N last push_s and begin every push_every_s, give
    or take a random push_spread_s; seed: of their directions and times, one number or several."""

    seconds: float
    velocity_x: float = 0.0
    push_n: float = 5.0
    push_s: float = 0.2
    push_every_s: float = 3.0
    push_spread_s: float = 0.0
    seed: int | tuple[int, ...] = 0


def plan_pushes(script: Script, ctrl_dt: float) -> dict[int, NDArray[np.float64]]:
    """Active tick -> force (3,) N in a random horizontal direction; the first half an interval after the start, or a
    whole one where intervals are random."""
    if script.push_n <= 0 or script.push_s <= 0:
        return {}
    rng = np.random.default_rng(script.seed)
    plan = {}
    spread_s = script.push_spread_s
    at_s = script.push_every_s + rng.uniform(-spread_s, spread_s) if spread_s else script.push_every_s / 2
    while at_s <= script.seconds - _QUIET_S:
        angle = rng.uniform(0, 2 * math.pi)
        plan[round(at_s / ctrl_dt)] = script.push_n * np.array([math.cos(angle), math.sin(angle), 0.0])
        at_s += script.push_every_s + (rng.uniform(-spread_s, spread_s) if spread_s else 0.0)
    return plan


class Director:
    """Called by the loop once a tick with the last record. `push` and `on_feet` are the twin's; None without physics.

    active_ticks: so far; pushes: begun so far; ending: the run's end was ordered, by the script or (interrupted) by a
    person, and no fault came first.
    """

    def __init__(
        self, script: Script, ctrl_dt: float, push: Push | None = None, on_feet: Callable[[], bool] = lambda: True
    ) -> None:
        self._script, self._push, self._on_feet = script, push, on_feet
        self._plan = plan_pushes(script, ctrl_dt) if push else {}
        self.ticks_wanted = max(1, round(script.seconds / ctrl_dt))
        self._ramp = max(1, round(_RAMP_S / ctrl_dt))
        self._settle, self._patience, self._aftermath = (
            round(s / ctrl_dt) for s in (_SETTLE_S, _PATIENCE_S, _AFTERMATH_S)
        )
        self._waited = self._stood = self._watched = 0
        self.active_ticks = 0
        self.pushes = 0
        self.ending = self.interrupted = False

    def __call__(self, record: TickRecord | None) -> Orders:
        """What the robot is to do in the next tick."""
        if record is None or self.ending:
            return Orders()
        if record.mode is Mode.ACTIVE:
            return self._act()
        if record.mode is Mode.FAULT:
            self._watched += 1
            return Orders(shutdown=self._watched >= self._aftermath)
        if record.mode is Mode.STOPPING:
            return Orders()
        self._waited += 1
        if self._waited > self._patience:
            return self.end()
        if record.mode is Mode.IDLE:
            return Orders(events=(Event.ARM,))
        if record.mode is Mode.STANDBY and self._on_feet():
            self._stood += 1
            if self._stood > self._settle:
                return self._command((Event.ACTIVATE,))
        return Orders()

    def end(self) -> Orders:
        """End the run: crouch, limp, out."""
        self.ending = True
        return Orders(shutdown=True)

    def interrupt(self) -> None:
        """A person ends the run: nothing after this is judged."""
        self.ending = self.interrupted = True

    def _act(self) -> Orders:
        if self.active_ticks in self._plan and self._push:
            self._push(self._plan[self.active_ticks], self._script.push_s)
            self.pushes += 1
        self.active_ticks += 1
        return self.end() if self.active_ticks >= self.ticks_wanted else self._command()

    def _command(self, events: tuple[Event, ...] = ()) -> Orders:
        """The robot starts from rest: the velocity is blended in."""
        share = min(1.0, self.active_ticks / self._ramp)
        return Orders(events, velocity=(share * self._script.velocity_x, 0.0, 0.0))
