"""One control period, pure: safety, mode, policy, limits. No device, no clock, no asyncio; numpy or jax signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from contract import Command, PolicySpec, PolicyState, RobotConfig, Signals, advance, initial_state, observe
from contract import target_to_action as to_action
from contract.frames import Array
from robotd import safety
from robotd.config import RobotdConfig
from robotd.mode import Event, Mode, next_mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault, Limits, SafetyState, Verdict

ARRIVED_RAD = 0.01

Infer = Callable[[Array], Array]  # observation (O,) -> raw action (J,)


class Setup(NamedTuple):
    """What does not change while the loop runs. home_rad, crouch_rad (J,) inside the limits; leg_joints (J,) bool."""

    spec: PolicySpec
    config: RobotdConfig
    limits: Limits
    home_rad: Array
    crouch_rad: Array
    leg_joints: Array


class TickState(NamedTuple):
    """What one tick leaves to the next.

    periods_in_mode counts from 0; start_rad (J,) where the movement of HOMING or STOPPING began; target_rad (J,) the
    last target that went out, always finite and inside the limits.
    """

    number: int
    mode: Mode
    periods_in_mode: int
    start_rad: Array
    target_rad: Array
    policy: PolicyState
    safety: SafetyState


class _PolicyStep(NamedTuple):
    """What the policy did in one tick. target_rad is None, and state the old one, where something was not finite."""

    state: PolicyState
    observation: Array | None = None
    raw_action: Array | None = None
    target_rad: Array | None = None


def make_setup(spec: PolicySpec, robot_config: RobotConfig | None, config: RobotdConfig) -> Setup:
    """Bring together what a tick needs. Without a robot_config the crouch is home: the robot stops where it stands."""
    limits = safety.limits_of(spec, config.motion.target_margin_rad)
    crouch = spec.robot.home if robot_config is None else robot_config.crouch
    home, crouch = (safety.clip_to_range(limits, pose) for pose in (spec.robot.home, crouch))
    return Setup(spec, config, limits, home, crouch, safety.leg_joints(spec.robot.actuator_names))


def initial_tick_state(setup: Setup) -> TickState:
    """The state of every start: IDLE, no fault, nothing remembered."""
    home = setup.home_rad
    return TickState(0, Mode.IDLE, 0, home, home, initial_state(setup.spec), SafetyState())


def tick(
    setup: Setup, state: TickState, signals: Signals, orders: Orders, infer: Infer, skipped: int = 0
) -> tuple[TickState, Array | None, TickRecord]:
    """One control period.

    Args:
        signals: the newest samples, J joints in policy order.
        orders: what the operator wants now.
        infer: the network, (O,) -> (J,).
        skipped: whole periods that were missed since the last tick.

    Returns:
        The next state; the joint target (J,) rad for the bus, or None for torque off; the record.
    """
    event = max(orders.events, default=None)
    command = Command(np.asarray(orders.velocity, np.float32) * np.float32(_slow_motion(setup, orders)))
    memory, verdict = _check(setup, state, signals, command, event, skipped)
    mode = next_mode(state.mode, event, verdict.stop, _finished(setup, state), verdict.present == Fault.NONE)

    step = _PolicyStep(state.policy)
    if mode is Mode.ACTIVE:
        if state.mode is not Mode.ACTIVE:
            step = _PolicyStep(fresh_policy_state(setup.spec, state.target_rad))
        step = _run_policy(setup.spec, step.state, signals, command, infer)
        if step.target_rad is None:
            memory, verdict = safety.latch(memory, verdict, Fault.NONFINITE)
            mode = next_mode(state.mode, event, verdict.stop, False, False)

    entered = mode is not state.mode
    periods = 0 if entered else state.periods_in_mode + 1 + skipped
    start = _start(setup, state, signals, mode) if entered else state.start_rad
    before = _wanted(setup, mode, periods, start, step)
    after = None
    if before is not None:
        previous = start if mode is Mode.HOMING and entered else state.target_rad
        dt_s = setup.spec.runtime.ctrl_dt
        after = safety.limit(setup.limits, before, previous, dt_s, _slow_motion(setup, orders))
    record = TickRecord(
        number=state.number,
        mode=mode,
        signals=signals,
        command=command,
        event=event,
        observation=step.observation,
        raw_action=step.raw_action,
        filtered_action=None if step.target_rad is None else step.state.filtered_action,
        target_before_rad=before,
        target_after_rad=after,
        faults=verdict.faults,
        present=verdict.present,
        skipped=skipped,
        orders=orders,
        before=state,
    )
    target = state.target_rad if after is None else after
    return TickState(state.number + 1, mode, periods, start, target, step.state, memory), after, record


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
    setup: Setup, state: TickState, signals: Signals, command: Command, event: Event | None, skipped: int
) -> tuple[SafetyState, Verdict]:
    counted = safety.count_deadlines(state.safety, skipped)
    robot = setup.spec.robot
    reading = safety.Reading(
        signals=signals,
        velocity_command=command.velocity,
        target_rad=state.target_rad if state.mode.powered else None,
        event=event,
        missed=counted.missed,
        missed_in_50=counted.history.bit_count(),
        range_min_rad=robot.range_min,
        range_max_rad=robot.range_max,
        leg_joints=setup.leg_joints,
    )
    ctrl_dt = setup.spec.runtime.ctrl_dt
    return safety.check(setup.config.safety, counted, reading, state.mode, 1 + skipped, ctrl_dt)


def _run_policy(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command, infer: Infer) -> _PolicyStep:
    """Observe, infer, filter, map. What is not finite ends the step before it reaches the policy's memory."""
    observation = observe(spec, state, signals, command)
    if not safety.all_finite(observation):
        return _PolicyStep(state, observation)
    raw = infer(observation)
    if not safety.all_finite(raw):
        return _PolicyStep(state, observation, raw)
    new, target = advance(spec, state, raw)
    if not safety.all_finite(target) or not safety.all_finite(new.filtered_action):
        return _PolicyStep(state, observation, raw)
    return _PolicyStep(new, observation, raw, target)


def _start(setup: Setup, state: TickState, signals: Signals, mode: Mode) -> Array:
    """Where the movement of a mode begins: HOMING at the measured pose, all others at the last target."""
    return safety.clip_to_range(setup.limits, signals.joint_pos_rad) if mode is Mode.HOMING else state.target_rad


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
    """Whether the mode's own movement has taken its time and its target, slowed by the limits, has arrived."""
    movement = _movement(setup, state.mode)
    if movement is None:
        return False
    goal, duration_s = movement
    if state.periods_in_mode * setup.spec.runtime.ctrl_dt < duration_s - 1e-9:
        return False
    distance = abs(goal - state.target_rad)
    return bool(distance.__array_namespace__().max(distance) <= ARRIVED_RAD)


def _slow_motion(setup: Setup, orders: Orders) -> float:
    """The operator's factor and the config's, never above 1; a factor that is not in (0, 1] counts as the slowest."""
    factor = orders.slow_motion if 0 < orders.slow_motion <= 1 else 0.1
    return max(0.1, factor * setup.config.motion.slow_motion)
