"""What a fault was about: the figure that met its condition, beside its bound, and the joints it met it at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from contract.frames import Array
from robotd.config import SafetyConfig
from robotd.fault_table import leg_joints, stale_joints

from .flight import Bools, Flight

Ranges = tuple[Array, Array]
OVERRUN_WINDOW = 50  # deadlines, as robotd counts them


class Finding(NamedTuple):
    """words: what was measured and what was allowed; joints: places of the joints that it is about."""

    words: str
    joints: tuple[int, ...] = ()


def finding(flight: Flight, fault: str, tick: int, ranges: Ranges | None) -> Finding:
    """What the records of one tick say about a fault of it; no words where they say nothing.

    Args:
        ranges: of the joints, (J,) lowest and (J,) highest, rad; None where nobody knows them.
    """
    if fault == "JOINT_LIMIT":
        return _joint_limit(flight, tick, ranges)
    look = _LOOKS.get(fault)
    return Finding("") if look is None else look(flight, tick, flight.config.safety)


def not_finite(flight: Flight, tick: int) -> list[str]:
    """Columns of a tick with NaN or inf in them, with the first such place, as `signals.gyro_rad_s[0] = nan`."""
    found = []
    for column in flight.header.columns:
        if column.name.startswith("before.") or not column.type.startswith("<f"):
            continue
        values = np.atleast_1d(np.asarray(flight.rows[column.name][tick], np.float64))
        bad = np.flatnonzero(~np.isfinite(values.ravel()))
        if len(bad):
            place = f"[{bad[0]}]" if column.shape else ""
            found.append(f"{column.name}{place} = {values.ravel()[bad[0]]:g}")
    return found


def worst_missed(flight: Flight, tick: int) -> int:
    """Deadlines missed in the last 50 before a tick, the tick's own ones included."""
    first = max(0, tick - OVERRUN_WINDOW + 1)
    return min(OVERRUN_WINDOW, int(flight["skipped"][first : tick + 1].sum()))


def _not_finite(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    found = not_finite(flight, tick)
    return Finding("; ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else ""))


def _tilt(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    forward, left, _ = flight.gravity[tick]
    ways = {"forward": forward, "backward": -forward, "to the left": left, "to the right": -left}
    return Finding(
        f"{flight.tilt_deg[tick]:.1f} deg {max(ways, key=lambda way: ways[way])}, allowed {bounds.tilt_deg:g}"
    )


def _imu_stale(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    age_ms = float(flight["signals.imu_age_s"][tick]) * 1e3
    lost = age_ms > bounds.imu_lost_s * 1e3
    bound_s = bounds.imu_lost_s if lost else bounds.imu_stale_s
    return Finding(f"newest IMU sample {age_ms:.0f} ms old, allowed {bound_s * 1e3:g}")


def _joint_stale(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    ages, legs = flight["signals.joint_age_s"][tick], leg_joints(tuple(flight.header.joints))
    old = stale_joints(ages, legs, bounds)
    bound_s = bounds.joint_stale_s if (old & legs).any() else bounds.other_joint_stale_s
    return _each(flight, old, lambda j: f"{ages[j] * 1e3:.0f} ms old", f"allowed {bound_s * 1e3:g} ms")


def _bus(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    errors = flight["health.bus_errors_in_a_row"][tick]
    failing = np.flatnonzero(errors >= bounds.bus_errors)
    names = [flight.buses[bus] if bus < len(flight.buses) else f"bus {bus + 1}" for bus in failing]
    said = ", ".join(f"{name}: {errors[bus]:.0f} failed in a row" for name, bus in zip(names, failing, strict=True))
    return Finding(f"{said}, allowed fewer than {bounds.bus_errors}" if said else "")


def _overrun(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    first, before = max(0, tick - OVERRUN_WINDOW + 1), flight["skipped"][tick]
    longest_ms = float(np.nanmax(flight["timings.tick_s"][first : tick + 1])) * 1e3
    return Finding(
        f"{worst_missed(flight, tick)} of the last 50 deadlines missed, {before:.0f} of them right before, allowed "
        f"fewer than {bounds.overrun_in_50}, and {bounds.overrun_in_a_row} in a row; longest tick {longest_ms:.1f} ms"
    )


def _joint_limit(flight: Flight, tick: int, ranges: Ranges | None) -> Finding:
    if ranges is None:
        return Finding("the joints' ranges are in the bundle, which was not given")
    pos, margin = flight["signals.joint_pos_rad"][tick], flight.config.safety.joint_limit_margin_rad
    low, high = ranges
    beyond = (pos < low - margin) | (pos > high + margin)
    return _each(
        flight,
        beyond,
        lambda j: f"at {pos[j]:.3f} rad, range {low[j]:.3f} to {high[j]:.3f}",
        f"allowed {margin:g} rad beyond it",
    )


def _tracking(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    error, pos = flight.error_rad[tick], flight["signals.joint_pos_rad"][tick]
    off = np.abs(error) > bounds.tracking_rad
    return _each(
        flight,
        off,
        lambda j: f"at {pos[j]:.3f} rad, {abs(error[j]):.3f} off its target",
        f"allowed {bounds.tracking_rad:g}",
    )


def _overheat(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    degc = flight["health.temperature_degc"][tick]
    hot = degc > bounds.overheat_degc
    return _each(flight, hot, lambda j: f"{degc[j]:.0f} degC", f"allowed {bounds.overheat_degc:g}")


def _undervolt(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    return Finding(f"{flight['health.voltage_v'][tick]:.2f} V, allowed {bounds.undervolt_v:g} or more")


def _health_stale(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    ages = flight["health.servo_age_s"][tick]
    old = ~(ages <= bounds.health_stale_s)
    return _each(flight, old, lambda j: f"{ages[j]:.1f} s old", f"allowed {bounds.health_stale_s:g} s")


def _foot_stale(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    age_ms = float(flight["health.foot_switch_age_s"][tick]) * 1e3
    return Finding(f"levels {age_ms:.0f} ms old, allowed {bounds.foot_stale_s * 1e3:g}")


def _torque(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    bits = int(flight["health.torque_unproven"][tick])
    doubtful = np.array([bits >> joint & 1 for joint in range(len(flight.header.joints))], bool)
    allowed = f"allowed for {bounds.torque_debounce_s * 1e3:g} ms"
    return _each(flight, doubtful, lambda joint: "did not say that its torque is as it was told", allowed)


def _operator(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    asked = flight.events(tick)
    if bool(flight.rows["orders.shutdown"][tick]):
        return Finding("robotd was told to end")
    if "ESTOP" in asked:
        return Finding("the emergency stop was pulled")
    return Finding("an orderly stop was asked for, or robotd was told to end (SIGTERM)" if "STOP" in asked else "")


def _link(flight: Flight, tick: int, bounds: SafetyConfig) -> Finding:
    silent_ms = float(flight["orders.link_silent_s"][tick]) * 1e3
    return Finding(f"nothing heard for {silent_ms:.0f} ms, allowed {bounds.link_silent_s * 1e3:g}")


def _each(flight: Flight, wrong: Bools, words: Callable[[int], str], allowed: str) -> Finding:
    """The joints for which `wrong` (J,) holds, each with its words."""
    joints = tuple(int(joint) for joint in np.flatnonzero(wrong))
    said = ", ".join(f"{flight.header.joints[joint]} {words(joint)}" for joint in joints)
    return Finding(f"{said}; {allowed}" if said else "", joints)


_LOOKS: dict[str, Callable[[Flight, int, SafetyConfig], Finding]] = {
    "NONFINITE": _not_finite,
    "TILT": _tilt,
    "IMU_STALE": _imu_stale,
    "JOINT_STALE": _joint_stale,
    "BUS": _bus,
    "OVERRUN": _overrun,
    "TRACKING": _tracking,
    "OVERHEAT": _overheat,
    "UNDERVOLT": _undervolt,
    "OPERATOR": _operator,
    "LINK": _link,
    "HEALTH_STALE": _health_stale,
    "FOOT_STALE": _foot_stale,
    "TORQUE": _torque,
}
