"""What to do about each fault of the table, for people who see it on a screen. Names as in docs/safety.md."""

from __future__ import annotations

from collections.abc import Iterable

FIXES = {
    "NONFINITE": "a value was no number: `robotctl log show` names it; report it with the log",
    "TILT": "it fell or was tipped: set it upright; if it stands upright, check the IMU's mounting",
    "IMU_STALE": "check the IMU's cable and power, then `robotctl imu test`",
    "JOINT_STALE": "a servo is silent: check its cable, then `robotctl bus test`",
    "BUS": "check adapter, cable and power of that bus, then `robotctl bus scan`",
    "OVERRUN": "the machine was too slow: end other work, see `robotctl doctor` and `robotctl timing`",
    "JOINT_LIMIT": "a joint is outside its range: move it back by hand, else check its calibration",
    "TRACKING": "a joint could not follow: look for a collision, a stalled servo or a loose horn",
    "OVERHEAT": "a servo is too hot: let it cool, and find what it works against",
    "UNDERVOLT": "the battery is low or its wires too thin: charge it",
    "OPERATOR": "somebody asked for the stop: when it is safe, `robotctl clear`, then `robotctl arm`",
    "LINK": "who steered fell silent: start it again, or wait until the claim is forgotten",
    "HEALTH_STALE": "a servo tells no temperature or voltage: `robotctl servo show`, then look at its cable",
    "TORQUE": "a servo does not hold, or may still hold: keep off, cut the power, then `robotctl servo show`",
    "FOOT_STALE": "the pins of the foot switches cannot be read: see `dmesg`, and end other programs that use them",
}


def fault_lines(faults: Iterable[str]) -> list[str]:
    """Each fault's name and what to do about it."""
    return [f"{name}: {FIXES.get(name, 'see docs/safety.md')}" for name in faults]
