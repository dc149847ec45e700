"""What a joint is told so that delay, speed limit, lag and play show in what it does. Pure; bounded in range and speed.

A slow triangle shows the play, steps at top speed the delay and the speed limit, a chirp the lag.
"""

from __future__ import annotations

import math
from typing import NamedTuple

SLOW_RAD_S = 0.4
"""Of the way there and back, and of the triangle."""
REST_S = 0.5
STEPS = (0.7, -0.7, 0.0, 0.35, -0.35, 0.7, -0.7)
"""Parts of the amplitude; the rest is room for a shaft that overshoots."""
CHIRP_S, CHIRP_HZ = 5.0, (0.5, 4.0)
CHIRP_TICK_S = 0.02
CHIRP_AMPLITUDE, CHIRP_SPEED = 0.4, 0.5
"""Largest parts of the amplitude, since a shaft that swings does so most here, and of the joint's speed."""
LEAST_AMPLITUDE_RAD = 0.1


class Bounds(NamedTuple):
    """One joint's, rad and rad/s. low_rad, high_rad: what no target leaves; middle_rad, amplitude_rad of the motion;
    top_speed: no target asks for more; chirp_speed: that of the chirp."""

    low_rad: float
    high_rad: float
    middle_rad: float
    amplitude_rad: float
    top_speed_rad_s: float
    chirp_speed_rad_s: float


class Target(NamedTuple):
    """Be told at at_s after the start to go to pos_rad within time_s."""

    at_s: float
    pos_rad: float
    time_s: float


def bounds_of(
    range_rad: tuple[float, float],
    home_rad: float,
    amplitude_rad: float,
    margin_rad: float,
    top_speed_rad_s: float,
    max_velocity_rad_s: float,
) -> Bounds:
    """Around home, as far as the range less a margin has room. Raises ValueError: it has hardly any."""
    low, high = range_rad[0] + margin_rad, range_rad[1] - margin_rad
    amplitude = min(amplitude_rad, (high - low) / 2)
    if amplitude < min(LEAST_AMPLITUDE_RAD, amplitude_rad):
        raise ValueError(
            f"its range {range_rad[0]:.3f} to {range_rad[1]:.3f} rad less {margin_rad:g} rad on both sides leaves "
            f"{amplitude:.3f} rad to both sides, expected {LEAST_AMPLITUDE_RAD:g} at least"
        )
    middle = min(max(home_rad, low + amplitude), high - amplitude)
    chirp_speed = min(CHIRP_SPEED * max_velocity_rad_s, top_speed_rad_s)
    return Bounds(low, high, middle, amplitude, top_speed_rad_s, chirp_speed)


def excitation(bounds: Bounds, found_rad: float) -> list[Target]:
    """All targets of one joint that stands at `found_rad`, the way there first and the way back last."""
    slow = min(SLOW_RAD_S, bounds.top_speed_rad_s)
    plan = _Plan(found_rad)
    low, high = bounds.middle_rad - bounds.amplitude_rad, bounds.middle_rad + bounds.amplitude_rad
    for place in (found_rad, low, high, low, high, low, bounds.middle_rad):
        plan.go(place, slow, REST_S)
    for part in STEPS:
        plan.go(bounds.middle_rad + part * bounds.amplitude_rad, bounds.top_speed_rad_s, REST_S)
    plan.go(bounds.middle_rad, slow, REST_S)
    for number in range(1, round(CHIRP_S / CHIRP_TICK_S) + 1):
        plan.go(bounds.middle_rad + _chirp(number * CHIRP_TICK_S, bounds), bounds.top_speed_rad_s, 0.0, CHIRP_TICK_S)
    for place in (bounds.middle_rad, found_rad):
        plan.go(place, slow, REST_S)
    return plan.targets


def duration_s(targets: list[Target]) -> float:
    """From the start to the end of the last rest."""
    return targets[-1].at_s + targets[-1].time_s + REST_S


class _Plan:
    """Targets one after the other, each told when the one before is reached and rested on."""

    def __init__(self, start_rad: float) -> None:
        self.targets: list[Target] = []
        self._at_s, self._pos_rad = 0.0, start_rad

    def go(self, pos_rad: float, speed_rad_s: float, rest_s: float, least_s: float = 0.0) -> None:
        time_s = max(abs(pos_rad - self._pos_rad) / speed_rad_s, least_s)
        self.targets.append(Target(self._at_s, pos_rad, time_s))
        self._at_s, self._pos_rad = self._at_s + time_s + rest_s, pos_rad


def _chirp(time_s: float, bounds: Bounds) -> float:
    """Offset from the middle: its frequency rises evenly, its amplitude falls where speed would exceed its bound."""
    low, high = CHIRP_HZ
    hz = low + (high - low) * time_s / CHIRP_S
    turns = low * time_s + (high - low) * time_s**2 / (2 * CHIRP_S)
    amplitude = min(CHIRP_AMPLITUDE * bounds.amplitude_rad, bounds.chirp_speed_rad_s / (2 * math.pi * hz))
    return amplitude * math.sin(2 * math.pi * turns)
