"""Judges a run by what reached the servos, with rules of its own: nothing here asks robotd's safety code.

The rules, each with the sentence that it gives where it is broken:

* a target lies inside its joint's range less the margin, to the nearest unit of the servo;
* from one target of a joint to the next it is no farther than its speed limit lets it go, one control period more;
* the first target after torque was off is where the joint is (bumpless), as far as its servo tells the truth;
* torque comes on only after a person has armed, and never in IDLE and FAULT, but for bytes under way;
* within 40 ms of the first tick in IDLE or FAULT every servo that hears has been unloaded, one that loses half of all
  messages within a second; and at the end none is loaded;
* a fault that must stop the robot has done so in time, and the torque is off after the crouch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from contract import PolicySpec
from firmware_bridge.emulator.witness import Arrival
from robotd.wiring import Wiring

UNIT_DEG, MIDDLE = 0.24, 500
LOAD, MOVE, BROADCAST = "load_or_unload_write", "move_time_write", 254
UNDER_WAY_S = 0.008
"""A write that was handed to the adapter before a limp: 4 ms of queue, a packet, and its neighbour."""
OFF_S, LOSSY_OFF_S = 0.04, 1.0
PERIOD_S = 0.02
BUMP_UNITS, BUMP_PERIODS = 8, 3
"""The first target may lie 2 deg off where the joint was, and as far as it moved by itself in so many periods: a limp
leg swings on while its newest reading becomes the first target."""

Place = tuple[str, int]  # bus and servo id


class Tick(NamedTuple):
    """One tick as the loop's hook saw it: end of its write, its mode, whether it was ordered to arm, and where each
    joint really was (units by place)."""

    stamp_s: float
    mode: str
    armed: bool
    really: Mapping[Place, float]


class Duty(NamedTuple):
    """What a fault owes. stop_s: from the fault to the end of HOMING, STANDBY and ACTIVE, None: nothing is owed;
    off_s: from the fault to torque off."""

    since_s: float
    stop_s: float | None
    off_s: float | None


class Verdict(NamedTuple):
    """unsafe: a sentence each; stop_s, off_s: what it took (None: nothing was owed); unload_s: the slowest servo after
    any tick in IDLE or FAULT; speed_units_s: the fastest target."""

    unsafe: tuple[str, ...]
    stop_s: float | None
    off_s: float | None
    unload_s: float
    speed_units_s: float


class JointFacts(NamedTuple):
    """A joint in its servo's units: range less the margin, and the speed limit."""

    name: str
    low: float
    high: float
    units_per_s: float


def joint_facts(spec: PolicySpec, wiring: Wiring, margin_rad: float) -> dict[Place, JointFacts]:
    """From the spec, in degrees as the servo's data sheet has them."""
    facts = {}
    for name in spec.robot.actuator_names:
        joint, sits, wire = spec.robot.joints[name], wiring.calibration[name], wiring.joints[name]
        ends = [
            MIDDLE + sits.offset_units + math.degrees(end - sits.q_at_zero_rad) * sits.direction / UNIT_DEG
            for end in (joint.range_min_rad + margin_rad, joint.range_max_rad - margin_rad)
        ]
        speed = math.degrees(joint.max_velocity_rad_s) / UNIT_DEG
        facts[(wire.bus, wire.servo_id)] = JointFacts(name, min(ends) - 1, max(ends) + 1, speed)
    return facts


def judge(
    arrivals: Sequence[Arrival],
    ticks: Sequence[Tick],
    facts: Mapping[Place, JointFacts],
    ill: Mapping[Place, set[str]],
    duty: Duty | None,
    loaded_at_end: Sequence[Place],
) -> Verdict:
    """Look at a whole run.

    Args:
        ill: the kinds of fault that each servo ever had.
        loaded_at_end: servos whose torque is on after everything.
    """
    unsafe: list[str] = []
    speed = _targets(arrivals, ticks, facts, ill, unsafe)
    _energised(arrivals, ticks, unsafe)
    unload_s = _unloads(arrivals, ticks, facts, ill, unsafe)
    stop_s, off_s = _stops(ticks, duty, unsafe)
    unsafe += [f"{facts[place].name} is loaded at the end" for place in loaded_at_end]
    return Verdict(tuple(unsafe), stop_s, off_s, unload_s, speed)


def _targets(
    arrivals: Sequence[Arrival],
    ticks: Sequence[Tick],
    facts: Mapping[Place, JointFacts],
    ill: Mapping[Place, set[str]],
    unsafe: list[str],
) -> float:
    """Range, speed and bump of every move; the fastest one, units/s."""
    last: dict[Place, Arrival] = {}
    fastest = 0.0
    for each in arrivals:
        if each.command == LOAD and each.values == (0,):
            gone = facts if each.address == BROADCAST else [(each.bus, each.address)]
            for place in gone:
                if place[0] == each.bus:
                    last.pop(place, None)
        if each.command != MOVE:
            continue
        place, units = (each.bus, each.address), each.values[0]
        fact = facts.get(place)
        if fact is None:
            unsafe.append(f"a move went to {each.bus}/{each.address}, where no joint is")
            continue
        if not fact.low <= units <= fact.high:
            unsafe.append(f"{fact.name} was told {units}, expected {fact.low:.0f} to {fact.high:.0f}")
        before = last.get(place)
        if before is None:
            if not ill.get(place):
                where, moved = _really(ticks, each.stamp_s, place, units)
                here = min(max(where, fact.low), fact.high)
                if abs(units - here) > BUMP_UNITS + BUMP_PERIODS * moved:
                    unsafe.append(f"{fact.name} stood at {here:.0f} and began with {units}")
        else:
            step, passed_s = abs(units - before.values[0]), each.stamp_s - before.stamp_s
            fastest = max(fastest, (step - 2) / (passed_s + PERIOD_S))
            if step > fact.units_per_s * (passed_s + PERIOD_S) + 2:
                unsafe.append(f"{fact.name} was told to go {step} units in {passed_s * 1e3:.0f} ms")
        last[place] = each
    return fastest


def _really(ticks: Sequence[Tick], at_s: float, place: Place, default: float) -> tuple[float, float]:
    """Where a joint was in the last tick before a time, and how far it had moved since the one before; units."""
    before = [tick.really[place] for tick in ticks if tick.stamp_s <= at_s and place in tick.really][-2:]
    return (before[-1], abs(before[-1] - before[0])) if before else (default, 0.0)


def _energised(arrivals: Sequence[Arrival], ticks: Sequence[Tick], unsafe: list[str]) -> None:
    """Torque only between an order to arm and the next tick without torque."""
    spans: list[tuple[float, float]] = []
    begin_s: float | None = None
    armed, powered = False, False
    for tick in ticks:
        armed = armed or tick.armed
        on = tick.mode not in ("idle", "fault")
        if on and not powered:
            if not armed:
                unsafe.append(f"torque came on at {tick.stamp_s:.2f} s and nobody had armed")
            begin_s = tick.stamp_s - PERIOD_S
        if powered and not on and begin_s is not None:
            spans.append((begin_s, tick.stamp_s + UNDER_WAY_S))
            begin_s, armed = None, False
        powered = on
    if begin_s is not None:
        spans.append((begin_s, math.inf))
    for each in arrivals:
        if (each.command == MOVE or (each.command == LOAD and each.values == (1,))) and not any(
            begin <= each.stamp_s <= end for begin, end in spans
        ):
            unsafe.append(
                f"{each.command} {each.values} reached {each.bus}/{each.address} at {each.stamp_s:.3f} s, torque off"
            )


def _unloads(
    arrivals: Sequence[Arrival],
    ticks: Sequence[Tick],
    facts: Mapping[Place, JointFacts],
    ill: Mapping[Place, set[str]],
    unsafe: list[str],
) -> float:
    """How soon every servo was unloaded after the ticks that went from torque to none."""
    worst_s, powered = 0.0, False
    for tick in ticks:
        on = tick.mode not in ("idle", "fault")
        if powered and not on:
            for place, fact in facts.items():
                kinds = ill.get(place, set())
                if "off" in kinds:
                    continue
                bus, servo_id = place
                heard = (
                    a.stamp_s - tick.stamp_s
                    for a in arrivals
                    if a.bus == bus and a.command == LOAD and a.values == (0,) and servo_id in a.heard
                    if a.stamp_s >= tick.stamp_s - PERIOD_S
                )
                took_s = max(0.0, next(heard, math.inf))
                allowed_s = LOSSY_OFF_S if "intermittent" in kinds else OFF_S
                if took_s > allowed_s:
                    unsafe.append(f"{fact.name} was unloaded {took_s * 1e3:.0f} ms after {tick.mode}")
                elif "intermittent" not in kinds:
                    worst_s = max(worst_s, took_s)
        powered = on
    return worst_s


def _stops(ticks: Sequence[Tick], duty: Duty | None, unsafe: list[str]) -> tuple[float | None, float | None]:
    """When the robot was stopped, and its torque off, after the fault."""
    if duty is None or duty.stop_s is None or duty.off_s is None:
        return None, None
    after = [tick for tick in ticks if tick.stamp_s >= duty.since_s]
    stopped = (t.stamp_s - duty.since_s for t in after if t.mode in ("stopping", "fault", "idle"))
    off = (t.stamp_s - duty.since_s for t in after if t.mode in ("fault", "idle"))
    stop_s, off_s = next(stopped, math.inf), next(off, math.inf)
    if stop_s > duty.stop_s:
        unsafe.append(f"stopped {stop_s * 1e3:.0f} ms after the fault, expected {duty.stop_s * 1e3:.0f}")
    if off_s > duty.off_s:
        unsafe.append(f"torque off {off_s * 1e3:.0f} ms after the fault, expected {duty.off_s * 1e3:.0f}")
    return stop_s, off_s
