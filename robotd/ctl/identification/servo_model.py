"""A servo as a handful of numbers, and what it makes of commands: pure functions on arrays, in servo units.

From command to shaft: a delay, a straight ramp to the target no faster than the speed limit, the gear's play, then a
spring and a damper with dry friction:

    inertia * x'' + lag * x' + x + friction * sign(x') = set-point behind the play

all divided by the stiffness, so that `lag` is a time, `inertia` a time squared and `friction` an angle. The trainer's
servo (trainer/servo.py, then MuJoCo's position actuator) has the same parts in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
GRID_S = 0.002


class Told(NamedTuple):
    """A move as it arrived at the servo: at_s of its last byte; units to go to; time_s to take for it at least."""

    at_s: float
    units: float
    time_s: float


class Servo(NamedTuple):
    """delay_s; speed_units_s; lag_s: damping / stiffness; inertia_s2: inertia / stiffness; play_units: half of the
    gear's play; friction_units: dry friction / stiffness."""

    delay_s: float = 0.0
    speed_units_s: float = np.inf
    lag_s: float = 0.03
    inertia_s2: float = 0.0
    play_units: float = 0.0
    friction_units: float = 0.0


def shaft(servo: Servo, told: Sequence[Told], start_units: float, times_s: Float64) -> Float64:
    """Where the shaft is at the times (N,), ascending, in units; it stood still at `start_units` before the first move.

    Gravity is not in it: it shifts and stretches the result, which the fit takes out again.
    """
    begin_s = min(float(times_s[0]), told[0].at_s) - GRID_S
    steps = int((float(times_s[-1]) - begin_s) / GRID_S) + 2
    middles_s = begin_s + (np.arange(steps) + 0.5) * GRID_S
    knots_s, knots = set_point(servo, told, start_units)
    path = _follow(servo, np.interp(middles_s, knots_s, knots).tolist(), start_units)
    return np.interp(times_s, middles_s + GRID_S / 2, path)


def set_point(servo: Servo, told: Sequence[Told], start_units: float) -> tuple[Float64, Float64]:
    """Corners of the set-point's path: times (K,) s, ascending, and units (K,)."""
    times_s, units = [told[0].at_s + servo.delay_s], [float(start_units)]
    for move in told:
        begin_s = move.at_s + servo.delay_s
        here = units[-1]
        if begin_s < times_s[-1]:  # still on its way: the last corner is never reached
            here = float(np.interp(begin_s, times_s[-2:], units[-2:]))
            times_s[-1], units[-1] = begin_s, here
        elif begin_s > times_s[-1]:
            times_s.append(begin_s)
            units.append(here)
        times_s.append(begin_s + max(move.time_s, abs(move.units - here) / servo.speed_units_s, 1e-6))
        units.append(float(move.units))
    return np.array(times_s), np.array(units)


def _follow(servo: Servo, set_points: list[float], start_units: float) -> list[float]:
    """The shaft after each step of the grid. Velocity is implicit in damping, stiffness and friction: stable for any
    servo, exact to second order for one without inertia."""
    play, friction, inertia = servo.play_units, GRID_S * servo.friction_units, servo.inertia_s2
    resistance = inertia + GRID_S * servo.lag_s + GRID_S**2 / 2
    aim = x = start_units
    speed, path = 0.0, []
    for here in set_points:
        if here - aim > play:
            aim = here - play
        elif aim - here > play:
            aim = here + play
        push = inertia * speed + GRID_S * (aim - x)
        if push > friction:
            push -= friction
        elif push < -friction:
            push += friction
        else:
            push = 0.0
        speed = push / resistance
        x += GRID_S * speed
        path.append(x)
    return path
