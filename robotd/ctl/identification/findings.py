"""From fits in servo units to figures beside the MJCF's, and to the parameters that the trainer reads. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from contract.robot_params import WHOLE, Estimate, Measured, RobotParams
from firmware_bridge.bus_budget import Conditions, bus_budget
from robotd.wiring import UNITS_PER_RAD, Wiring

from .described import Described
from .fit import Fit

NEAR_TOP = 0.97
"""A speed limit above this part of the fastest command was not reached."""
UNITS = {"delay": "ms", "speed": "rad/s", "lag": "ms", "resonance": "Hz", "backlash": "rad", "friction": "rad"}
DIGITS = {"ms": 1, "rad/s": 2, "rad": 4, "Hz": 2}
GOOD_RAD, POOR_RAD = 0.006, 0.015
"""A fit that leaves more than the second, rms, explains nothing: its figures are shown, and none is written. One that
leaves more than the first does not know that a limit was never met."""


class Quantity(NamedTuple):
    """One figure of a joint: value +- uncertainty, and what the MJCF and robot_config.yaml say, None: nothing.

    bound: `at least` or `at most` where the record has only that.
    """

    value: float
    uncertainty: float
    described: float | None
    bound: str | None = None

    @property
    def ratio(self) -> float | None:
        """To what is described; None where nothing is, or no more than a bound was found."""
        return self.value / self.described if self.described and self.bound is None else None


class Finding(NamedTuple):
    """One joint. quantities: delay and lag in ms, speed in rad/s, backlash (half of the play) and friction (over
    stiffness) in rad, resonance in Hz where the shaft swings; rms_rad: of what the fit leaves."""

    joint: str
    quantities: dict[str, Quantity]
    rms_rad: float
    samples: int

    @property
    def poor(self) -> bool:
        """Whether the fit explains nothing."""
        return self.rms_rad > POOR_RAD

    def to_json(self) -> dict[str, Any]:
        """Plain data; None in place of what is not finite."""
        plain = {}
        for name, quantity in self.quantities.items():
            plain[name] = quantity._asdict() | {"unit": UNITS[name], "ratio": quantity.ratio}
            plain[name]["uncertainty"] = _finite(quantity.uncertainty)
        return self._asdict() | {"quantities": plain, "poor": self.poor}


def finding_of(
    joint: str, fit: Fit, samples: int, max_velocity_rad_s: float, top_speed_rad_s: float, says: Described | None
) -> Finding:
    """A joint's figures. `top_speed_rad_s` is the fastest that it was told to be."""
    error = fit.uncertainty
    quantities = {
        "delay": Quantity(1e3 * fit.servo.delay_s, 1e3 * error["delay_s"], None),
        **_speed(fit, max_velocity_rad_s, top_speed_rad_s),
        "lag": Quantity(1e3 * fit.servo.lag_s, 1e3 * error["lag_s"], None if says is None else 1e3 * says.lag_s),
    }
    if _swings(fit):
        hz = _resonance_hz(fit.servo.inertia_s2)
        spread = hz * error["inertia_s2"] / fit.servo.inertia_s2 / 2
        quantities["resonance"] = Quantity(hz, spread, None if says is None else _resonance_hz(says.inertia_s2))
    quantities |= _play_and_friction(fit, None if says is None else says.friction_rad)
    return Finding(joint, quantities, fit.rms_units / UNITS_PER_RAD, samples)


def _speed(fit: Fit, max_velocity_rad_s: float, top_speed_rad_s: float) -> dict[str, Quantity]:
    """The limit; or that it is higher than what was asked for, if the fit is good enough to say so."""
    speed, error = fit.servo.speed_units_s / UNITS_PER_RAD, fit.uncertainty["speed_units_s"] / UNITS_PER_RAD
    if math.isfinite(error) and speed < NEAR_TOP * top_speed_rad_s:
        return {"speed": Quantity(speed, error, max_velocity_rad_s)}
    if fit.rms_units / UNITS_PER_RAD > GOOD_RAD:
        return {}
    return {"speed": Quantity(top_speed_rad_s, 0.0, max_velocity_rad_s, "at least")}


def _play_and_friction(fit: Fit, described_rad: float | None) -> dict[str, Quantity]:
    """Both hold a shaft back on its way to both sides. Only a shaft that swings tells them apart; else all of it
    counts as play, and friction is no more than that."""
    friction, friction_error = fit.servo.friction_units, fit.uncertainty["friction_units"]
    together, together_error = fit.hysteresis_units
    if _swings(fit) and friction > friction_error:
        play, play_error = fit.servo.play_units, fit.uncertainty["play_units"]
        bound = None
    else:
        play, play_error, bound = together, together_error, "at most"
        friction, friction_error = min(friction + friction_error, together + together_error), 0.0
    return {
        "backlash": Quantity(play / UNITS_PER_RAD, play_error / UNITS_PER_RAD, None),
        "friction": Quantity(friction / UNITS_PER_RAD, friction_error / UNITS_PER_RAD, described_rad, bound),
    }


def _swings(fit: Fit) -> bool:
    return fit.servo.inertia_s2 > fit.servo.lag_s**2 / 4


def _resonance_hz(inertia_s2: float) -> float:
    return 1 / (2 * math.pi * math.sqrt(inertia_s2))


def params_of(robot_name: str, findings: Mapping[str, Finding], wiring: Wiring) -> RobotParams:
    """What the trainer's randomisation can use of it; bounds and poor fits are no measurements and are left out."""
    findings = {joint: finding for joint, finding in findings.items() if not finding.poor}

    def measured(quantity: str, scaled: bool = False) -> Measured | None:
        found = {}
        for joint, finding in findings.items():
            if quantity not in finding.quantities:
                continue
            value, error, described, bound = finding.quantities[quantity]
            factor = described if scaled else 1.0
            if bound is None and math.isfinite(error) and factor:
                found[joint] = Estimate(round(value / factor, 6), round(error / factor, 6))
        return found or None

    latency = _latency(findings, wiring)
    return RobotParams(
        robot_name=robot_name,
        control_latency_s=None if latency is None else {WHOLE: latency},
        max_velocity_rad_s=measured("speed"),
        joint_friction=measured("friction", scaled=True),
        backlash_rad=measured("backlash"),
    )


def _latency(findings: Mapping[str, Finding], wiring: Wiring) -> Estimate | None:
    """From a tick to the servo's first motion: the servo's delay, and before it the wait for the bus, which is between
    one packet and a read and a packet for each servo of the bus."""
    low, high = [], []
    for joint, finding in findings.items():
        delay = finding.quantities["delay"]
        bus = bus_budget(len(wiring.on_bus(wiring.joints[joint].bus)), Conditions(baud=wiring.baud))
        if math.isfinite(delay.uncertainty):
            low.append(max(delay.value - delay.uncertainty, 0.0) / 1e3 + bus.write_s)
            high.append((delay.value + delay.uncertainty) / 1e3 + bus.joints * bus.write_s + bus.read_s)
    if not low:
        return None
    return Estimate(round((min(low) + max(high)) / 2, 6), round((max(high) - min(low)) / 2, 6))


def table(findings: Mapping[str, Finding]) -> str:
    """One block for each joint, one line for each figure."""
    lines = [f"  {'joint':<20}{'figure':<10}{'found':>16}{'+-':>9}{'MJCF':>9}{'ratio':>7}"]
    for joint, finding in findings.items():
        name = joint
        for quantity, (value, error, described, bound) in finding.quantities.items():
            digits = DIGITS[UNITS[quantity]]
            found = f"{'>= ' if bound == 'at least' else '<= ' if bound else ''}{value:.{digits}f} {UNITS[quantity]}"
            spread = f"{error:.{digits}f}" if math.isfinite(error) and bound is None else "-"
            says = "-" if described is None else f"{described:.{digits}f}"
            ratio = finding.quantities[quantity].ratio
            part = "-" if ratio is None else f"{ratio:.2f}"
            lines.append(f"  {name:<20}{quantity:<10}{found:>16}{spread:>9}{says:>9}{part:>7}")
            name = ""
        left = f"{finding.samples} readings, the fit leaves {finding.rms_rad:.4f} rad rms"
        lines.append(
            f"  {'':<20}{left}{'; POOR, nothing of it is written: try --hold, or without' if finding.poor else ''}"
        )
    return "\n".join(lines)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
