"""One control period, pure: safety, mode, policy, limits. No device, no clock, no asyncio; numpy or jax signals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from contract import Command, PolicySpec, PolicyState, Signals, advance, initial_state, observe
from contract import target_to_action as to_action
from contract.frames import Array, clip
from robotd import safety
from robotd.asked import slow_motion, velocity_command
from robotd.fault_table import Fault, Reading
from robotd.health import Health
from robotd.limits import all_finite, clip_to_range, limit
from robotd.mode import Event, Mode, Stop, next_mode
from robotd.record import Orders, TickRecord
from robotd.safety import SafetyState, Verdict
from robotd.tick_state import Setup, TickState, initial_tick_state, make_setup

ARRIVED_RAD = 0.01
CROUCH_MORE_S = 0.8  # what the limits may add to crouch_s; after that torque goes off wherever the crouch is

Infer = Callable[[Array], Array]  # observation (O,) -> raw action (J,)


class _PolicyStep(NamedTuple):
    """What the policy did in one tick. target_rad is None, and state the old one, where something was not finite or
    nothing was asked; start_rad, blending as in TickState."""

    state: PolicyState
    start_rad: Array
    blending: int = -1
    observation: Array | None = None
    raw_action: Array | None = None
    target_rad: Array | None = None


class _Movement(NamedTuple):
    """Where a tick is in its mode's movement, and the target (J,) rad before and after the limits, None for limp."""

    periods: int
    start_rad: Array
    before_rad: Array | None
    after_rad: Array | None


def tick(
    setup: Setup,
    state: TickState,
    signals: Signals,
    orders: Orders,
    networks: Mapping[str, Infer],
    skipped: int = 0,
    health: Health | None = None,
) -> tuple[TickState, Array | None, TickRecord]:
    """One control period.

    Args:
        signals: the newest samples, J joints in policy order.
        orders: what the operator wants now; a policy that the setup does not have is no order.
        networks: (O,) -> (J,) of each policy, by name.
        skipped: whole periods that were missed since the last tick.
        health: of servos and buses; None where nobody reports on them.

    Returns:
        The next state; the joint target (J,) rad for the bus, or None for torque off; the record.
    """
    health = setup.well if health is None else health
    slow, asked = slow_motion(setup, orders), _named(setup, state, orders)
    event = max(orders.events, default=None)
    command = velocity_command(setup, orders, setup.policies[asked], slow)
    memory, verdict = _check(setup, state, signals, health, command, event, skipped, orders.link_silent_s)
    mode = next_mode(state.mode, event, verdict.stop, _finished(setup, state), verdict.present == Fault.NONE)
    held = verdict.stop is Stop.HOLD and mode in (Mode.HOMING, Mode.ACTIVE)

    running = state.running if held else asked
    step = _PolicyStep(state.policy, state.start_rad, state.blending)
    if mode is Mode.ACTIVE and not held:
        step = _act(setup, state, running, signals, command, networks[running], skipped)
        if step.target_rad is None:
            memory, verdict = safety.latch(memory, verdict, Fault.NONFINITE)
            mode = next_mode(state.mode, event, verdict.stop, False, False)

    movement = _move(setup, state, memory, signals, mode, step, held, skipped, slow)
    record = TickRecord(
        number=state.number,
        mode=mode,
        signals=signals,
        command=command,
        event=event,
        observation=step.observation,
        raw_action=step.raw_action,
        filtered_action=None if step.target_rad is None else step.state.filtered_action,
        target_before_rad=movement.before_rad,
        target_after_rad=movement.after_rad,
        faults=verdict.faults,
        present=verdict.present,
        skipped=skipped,
        policy=running,
        health=health,
        slow_motion=slow,
        orders=orders,
        before=state,
    )
    return _next_state(state, mode, movement, step, memory, running), movement.after_rad, record


def _next_state(
    state: TickState, mode: Mode, movement: _Movement, step: _PolicyStep, memory: SafetyState, running: str
) -> TickState:
    """What this tick leaves to the next."""
    periods, start, _, target = movement
    target = state.target_rad if target is None else target
    return TickState(state.number + 1, mode, periods, start, target, step.state, memory, running, step.blending)


def fresh_policy_state(spec: PolicySpec, target_rad: Array) -> PolicyState:
    """The policy's memory on entering ACTIVE: as if it had been asking for `target_rad` (J,) all the time.

    So the first target is near the last one. At home with a home mapping this is the contract's initial state, zeros.
    """
    action = to_action(spec, target_rad)
    xp = action.__array_namespace__()
    blank = initial_state(spec)
    return PolicyState(action, xp.zeros_like(blank.delayed_actions) + action, action, blank.phase_rad)


def blend(start_rad: Array, goal_rad: Array, fraction: float) -> Array:
    """From start (J,) to goal (J,) rad without a jerk at either end; fraction of the time in [0, 1]."""
    s = min(max(fraction, 0.0), 1.0)
    return start_rad + np.float32(s * s * (3 - 2 * s)) * (goal_rad - start_rad)


def _check(
    setup: Setup,
    state: TickState,
    signals: Signals,
    health: Health,
    command: Command,
    event: Event | None,
    skipped: int,
    link_silent_s: float | None,
) -> tuple[SafetyState, Verdict]:
    counted = safety.count_deadlines(state.safety, skipped)
    robot = setup.spec.robot
    reading = Reading(
        signals=signals,
        velocity_command=command.velocity,
        target_rad=state.target_rad if state.mode.powered else None,
        event=event,
        missed=counted.missed,
        missed_in_50=counted.history.bit_count(),
        range_min_rad=robot.range_min,
        range_max_rad=robot.range_max,
        leg_joints=setup.leg_joints,
        health=health,
        link_silent_s=link_silent_s,
    )
    ctrl_dt = setup.spec.runtime.ctrl_dt
    return safety.check(setup.config.safety, counted, reading, state.mode, 1 + skipped, ctrl_dt)


def _act(
    setup: Setup, state: TickState, running: str, signals: Signals, command: Command, infer: Infer, skipped: int
) -> _PolicyStep:
    """Ask the policy that runs. One that takes over begins with a fresh memory; one that does so in ACTIVE is led in:
    its targets count more and more against the last one before the switch, wholly after policy_blend_s."""
    spec, blend_s = setup.policies[running], setup.config.motion.policy_blend_s
    memory, start, blending = state.policy, state.start_rad, state.blending
    if state.mode is not Mode.ACTIVE:
        memory, blending = fresh_policy_state(spec, state.target_rad), -1
    elif running != state.running:
        memory, start, blending = fresh_policy_state(spec, state.target_rad), state.target_rad, 0
    elif blending >= 0:
        blending += 1 + skipped
    step = _run_policy(spec, _PolicyStep(memory, start, blending), signals, command, infer)
    if step.target_rad is None or blending < 0:
        return step
    passed_s = blending * setup.spec.runtime.ctrl_dt
    if passed_s >= blend_s:
        return step._replace(blending=-1)
    return step._replace(target_rad=blend(start, step.target_rad, passed_s / blend_s))


def _named(setup: Setup, state: TickState, orders: Orders) -> str:
    """The policy that the orders name, if the setup has it; otherwise the one that runs already."""
    return state.running if orders.policy is None or orders.policy not in setup.policies else orders.policy


def _move(
    setup: Setup,
    state: TickState,
    memory: SafetyState,
    signals: Signals,
    mode: Mode,
    step: _PolicyStep,
    held: bool,
    skipped: int,
    slow: float,
) -> _Movement:
    """The target of this tick, of whoever leads in this mode. A hold keeps the last one and stops the mode's clock."""
    if held:
        after = _limited(setup, memory, signals, state.target_rad, state.target_rad, slow)
        return _Movement(state.periods_in_mode, state.start_rad, state.target_rad, after)
    entered = mode is not state.mode
    periods = 0 if entered else state.periods_in_mode + 1 + skipped
    start = _start(setup, state, signals, mode) if entered else step.start_rad
    before = _wanted(setup, mode, periods, start, step)
    previous = start if mode is Mode.HOMING and entered else state.target_rad
    after = None if before is None else _limited(setup, memory, signals, before, previous, slow)
    return _Movement(periods, start, before, after)


def _limited(
    setup: Setup, memory: SafetyState, signals: Signals, target_rad: Array, previous_rad: Array, slow: float
) -> Array:
    """What goes out of what is wanted (J,) rad; the joints of dead buses keep their last target."""
    if setup.lead_rad < math.inf:
        measured, lead = signals.joint_pos_rad, np.float32(setup.lead_rad)
        target_rad = clip(target_rad, measured - lead, measured + lead)
    after = limit(setup.limits, target_rad, previous_rad, setup.spec.runtime.ctrl_dt, slow)
    return np.where(_dead_joints(setup, memory), previous_rad, after) if memory.dead_buses else after


def _run_policy(spec: PolicySpec, step: _PolicyStep, signals: Signals, command: Command, infer: Infer) -> _PolicyStep:
    """Observe, infer, filter, map. What is not finite ends the step before it reaches the policy's memory."""
    step = step._replace(observation=observe(spec, step.state, signals, command))
    if not all_finite(step.observation):
        return step
    step = step._replace(raw_action=infer(step.observation))
    if not all_finite(step.raw_action):
        return step
    state, target = advance(spec, step.state, step.raw_action)
    if not all_finite(target, state.filtered_action):
        return step
    return step._replace(state=state, target_rad=target)


def _start(setup: Setup, state: TickState, signals: Signals, mode: Mode) -> Array:
    """Where the movement of a mode begins: HOMING at the measured pose, all others at the last target."""
    return clip_to_range(setup.limits, signals.joint_pos_rad) if mode is Mode.HOMING else state.target_rad


def _wanted(setup: Setup, mode: Mode, periods: int, start_rad: Array, step: _PolicyStep) -> Array | None:
    """The target (J,) rad before limits, None for limp."""
    if mode is Mode.ACTIVE:
        return step.target_rad
    if mode is Mode.STANDBY:
        return setup.home_rad
    movement = _movement(setup, mode)
    if movement is None:
        return None
    goal, duration_s = movement
    return blend(start_rad, goal, periods * setup.spec.runtime.ctrl_dt / duration_s)


def _movement(setup: Setup, mode: Mode) -> tuple[Array, float] | None:
    """Goal (J,) rad and duration s of the modes that move by themselves."""
    motion = setup.config.motion
    return {
        Mode.HOMING: (setup.home_rad, motion.homing_s),
        Mode.STOPPING: (setup.crouch_rad, motion.crouch_s),
    }.get(mode)


def _finished(setup: Setup, state: TickState) -> bool:
    """Whether the mode's own movement has taken its time and its target, slowed by the limits, has arrived. A crouch
    ends at the latest after crouch_s + CROUCH_MORE_S: neither slow motion nor a blocked joint keeps torque on."""
    movement = _movement(setup, state.mode)
    if movement is None:
        return False
    goal, duration_s = movement
    late_s = state.periods_in_mode * setup.spec.runtime.ctrl_dt - duration_s
    if late_s < -1e-9:
        return False
    if state.mode is Mode.STOPPING and late_s >= CROUCH_MORE_S - 1e-9:
        return True
    distance = np.where(_dead_joints(setup, state.safety), np.float32(0), abs(goal - state.target_rad))
    return bool(distance.__array_namespace__().max(distance) <= ARRIVED_RAD)


def _dead_joints(setup: Setup, memory: SafetyState) -> Array:
    """(J,) bool: joints on buses that BUS was raised for."""
    return (memory.dead_buses >> np.maximum(setup.bus_of_joint, 0)) & 1 & (setup.bus_of_joint >= 0) == 1


__all__ = ["Infer", "Setup", "TickState", "fresh_policy_state", "initial_tick_state", "make_setup", "tick"]
