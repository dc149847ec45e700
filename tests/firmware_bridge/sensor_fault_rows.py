"""What the drivers of IMU and foot switches report of each fault kind, and how soon: rows for docs/fault-table.md.

Measured in simulated time, the worst of several moments of injection; the same on every machine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from imu_rig import ImuRig, SimulatedClock

from firmware_bridge.bno085_wire import Bno085Config
from firmware_bridge.emulator.bno085_chip import Motion
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.foot_contact import FootContacts
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.foot_switch import POLL_S, FootSwitches
from firmware_bridge.imu_track import ImuHealth

STALE_S = 0.06
"""The age at which robotd calls an IMU stale."""
CHATTER = 10
"""Returns of a switch within `_RUN_S` that no honest contact makes."""
_RUN_S = 1.5
_INJECTIONS = 10


class FaultRow(NamedTuple):
    """ms: worst time from fault to report; None where the driver cannot tell."""

    device: str
    fault: str
    report: str
    ms: float | None


def sway(now_s: float) -> Motion:
    """A body that walks: pitch of 0.1 rad at 1.5 Hz, attitude and rate of one motion."""
    turn = 2 * math.pi * 1.5
    half = 0.05 * math.sin(turn * now_s)
    return (math.cos(half), 0.0, math.sin(half), 0.0), (0.0, 0.1 * turn * math.cos(turn * now_s), 0.0)


def imu_rows(rate_hz: float = 200.0) -> list[FaultRow]:
    """One row for each kind, in the order of FaultKind."""
    return [_imu_row(kind, rate_hz) for kind in FaultKind]


def _imu_row(kind: FaultKind, rate_hz: float) -> FaultRow:
    worst_s, oldest_s, found = 0.0, 0.0, ImuHealth.OK
    for n in range(_INJECTIONS):
        rig = ImuRig(Bno085Config(rate_hz=rate_hz), seed=n)
        rig.chip.sensor.motion = lambda rig=rig: sway(rig.clock())  # type: ignore[misc]
        rig.start().run(0.5 + 0.0037 * n)
        rig.chip.inject(kind)
        took_s = rig.run(_RUN_S, lambda rig=rig: rig.driver.health() is not ImuHealth.OK)  # type: ignore[misc]
        if rig.driver.health() is not ImuHealth.OK:
            found, worst_s = rig.driver.health(), max(worst_s, took_s)
        for _ in range(300):
            rig.run(0.001)
            oldest_s = max(oldest_s, rig.age_s)
    age = f"age over {1e3 * STALE_S:.0f} ms" if oldest_s > STALE_S else f"age at most {1e3 * oldest_s:.0f} ms"
    told = found is not ImuHealth.OK
    return FaultRow(f"imu at {rate_hz:.0f} Hz", kind, f"{found}; {age}", round(1e3 * worst_s) if told else None)


def switch_rows() -> list[FaultRow]:
    """One row for each kind, in the order of FaultKind."""
    return [_switch_row(kind) for kind in FaultKind]


def _switch_row(kind: FaultKind) -> FaultRow:
    worst_s, noisy, wrong = 0.0, False, 0.0
    for n in range(_INJECTIONS):
        clock, gpio = SimulatedClock(), EmulatedGpio()

        def steps(clock: SimulatedClock = clock) -> tuple[bool, ...]:
            left = clock() % 1.0 < 0.5
            return (left, left, not left, not left)

        contacts, switches = FootContacts(gpio, steps, clock=clock, seed=n), FootSwitches(gpio, clock=clock)
        _poll(clock, switches, 1.0 + 0.037 * n)
        before, begin_s, noisy_s, polls, wrongs = sum(switches.newest().chatter), clock(), None, 0, 0
        contacts.inject(kind)
        while clock() - begin_s < _RUN_S:
            _poll(clock, switches, POLL_S)
            polls += 1
            wrongs += switches.newest().pressed != steps()
            if noisy_s is None and sum(switches.newest().chatter) - before >= CHATTER:
                noisy_s = clock() - begin_s
        wrong = max(wrong, wrongs / polls)
        if noisy_s is not None:
            noisy, worst_s = True, max(worst_s, noisy_s)
    report = f"{'chatter' if noisy else 'ok'}; levels wrong {100 * wrong:.0f} % of the time"
    return FaultRow("foot switches", kind, report, round(1e3 * worst_s) if noisy else None)


def _poll(clock: SimulatedClock, switches: FootSwitches, duration_s: float) -> None:
    until_s = clock() + duration_s - 1e-9
    while clock() < until_s:
        clock.sleep(POLL_S)
        switches.poll()
