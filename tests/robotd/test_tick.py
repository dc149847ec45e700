"""The pure tick: bumpless homing and activation, staged stops, what is not finite, slow motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bundle_builder import WALKING_LAYOUT, real_spec
from robot_builder import only, setup_of, signals_of, state_in, tilted, zeros

from contract import CommandRange, action_to_target, initial_state
from robotd.config import RobotdConfig
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault
from robotd.tick import Setup, TickState, fresh_policy_state, tick

SETUP = setup_of()
SPEC = SETUP.spec
HOME = SPEC.robot.home
GO = Orders()


def follow(
    setup: Setup, state: TickState, ticks: int, first: Orders = GO, infer: Callable[[Any], Any] | None = None
) -> tuple[TickState, list[TickRecord]]:
    """Tick with joints that are exactly where they were told to be."""
    records: list[TickRecord] = []
    pose, networks = setup.spec.robot.home, only(infer) if infer else zeros(setup.spec)
    for i in range(ticks):
        signals = signals_of(setup.spec, joint_pos_rad=pose)
        state, target, record = tick(setup, state, signals, first if i == 0 else GO, networks)
        pose = pose if target is None else target
        records.append(record)
    return state, records


def test_start_is_idle_and_limp() -> None:
    _, records = follow(SETUP, state_in(SETUP, Mode.IDLE), 5)
    assert all(r.mode is Mode.IDLE and r.target_after_rad is None and r.observation is None for r in records)


def test_homing_begins_at_the_measured_pose_and_moves_smoothly_to_home() -> None:
    found = np.clip(HOME + np.linspace(-0.6, 0.6, 11, dtype=np.float32), SPEC.robot.range_min, SPEC.robot.range_max)
    state, pose, targets = state_in(SETUP, Mode.IDLE), found, []
    for i in range(200):
        orders = Orders((Event.ARM,)) if i == 0 else GO
        state, target, record = tick(SETUP, state, signals_of(SPEC, joint_pos_rad=pose), orders, zeros(SPEC))
        if record.mode is Mode.STANDBY:
            break
        assert target is not None
        pose = target
        targets.append(target)
    reachable = np.clip(found, SETUP.limits.low_rad, SETUP.limits.high_rad)
    assert np.array_equal(targets[0], reachable) and np.max(abs(targets[0] - found)) <= 0.0201
    path = np.array(targets)
    farthest = np.max(abs(HOME - reachable))
    assert np.max(abs(np.diff(path, axis=0))) <= 1.5 * farthest * 0.02 / 2.0 + 1e-5  # a blend's peak is 1.5 x its mean
    assert record.mode is Mode.STANDBY and len(targets) >= 100  # 2 s
    assert np.allclose(path[-1], SETUP.home_rad, atol=0.01)


def test_homing_takes_as_long_as_slow_motion_needs() -> None:
    slow = setup_of(config=RobotdConfig.model_validate({"motion": {"slow_motion": 0.1}}))
    found = HOME.copy()
    found[2] = 1.78
    state = state_in(slow, Mode.IDLE)
    pose, count = found, 0
    while state.mode is not Mode.STANDBY and count < 500:
        orders = Orders((Event.ARM,)) if count == 0 else GO
        state, target, record = tick(slow, state, signals_of(SPEC, joint_pos_rad=pose), orders, zeros(SPEC))
        step = np.max(abs(target - pose)) if count else 0.0
        assert step <= 0.1 * 5.0 * 0.02 + 1e-6
        pose, count = target, count + 1
    assert state.mode is Mode.STANDBY and count > 102  # .98 rad at .5 rad/s
    assert np.max(abs(record.target_after_rad - HOME)) <= 0.011


@pytest.mark.parametrize("mapping", ["pos_target_rad_v1", "pos_target_home_v1", "pos_target_home_025_v1"])
@pytest.mark.parametrize("delay", [0, 2])
def test_activation_is_bumpless(mapping: str, delay: int) -> None:
    """A policy that keeps asking for what it is told it asked for last moves nothing."""
    setup = setup_of(real_spec(mapping_id=mapping, delay=delay, alpha=0.5))
    spec = setup.spec
    previous = spec.observation.slice_of("prev_action")

    def keep(observation: np.ndarray) -> np.ndarray:
        return observation[previous].copy()

    _, records = follow(setup, state_in(setup, Mode.STANDBY), 20, Orders((Event.ACTIVATE,)), keep)
    assert all(r.mode is Mode.ACTIVE for r in records)
    for record in records:
        assert np.allclose(record.target_after_rad, setup.home_rad, atol=1e-5)


def test_a_fresh_policy_remembers_what_the_last_target_means() -> None:
    spec = real_spec(mapping_id="pos_target_rad_v1", delay=2)
    state = fresh_policy_state(spec, spec.robot.home)
    assert np.allclose(action_to_target(spec, state.applied_action), spec.robot.home, atol=1e-6)
    assert np.array_equal(state.delayed_actions, np.tile(state.filtered_action, (2, 1)))
    at_home = fresh_policy_state(SPEC, HOME)
    assert all(np.array_equal(a, b) for a, b in zip(at_home, initial_state(SPEC), strict=True))


@pytest.mark.parametrize(
    ("wanted", "slow", "given"),
    [
        ((0.5, -0.1, 0.4), 1.0, (0.5, -0.1, 0.4)),
        ((0.51, -0.11, 0.41), 1.0, (0.5, -0.1, 0.4)),
        ((-2.0, 2.0, -3.0), 1.0, (0.0, 0.1, -0.4)),
        ((2.0, 0.0, 0.2), 0.5, (0.25, 0.0, 0.1)),
    ],
)
def test_a_policy_gets_no_command_that_it_was_not_trained_for(
    wanted: tuple[float, ...], slow: float, given: tuple[float, ...]
) -> None:
    spec = real_spec(layout=WALKING_LAYOUT)
    spec = replace(spec, runtime=replace(spec.runtime, command=CommandRange((0.0, 0.5), (-0.1, 0.1), (-0.4, 0.4))))
    setup = setup_of(spec)
    orders = Orders(velocity=wanted, slow_motion=slow)  # type: ignore[arg-type]
    _, _, record = tick(setup, state_in(setup, Mode.ACTIVE), signals_of(spec), orders, zeros(spec))
    assert np.allclose(record.command.velocity, given) and record.mode is Mode.ACTIVE
    assert np.allclose(record.observation[spec.observation.slice_of("velocity_cmd")], given[0])
    for odd in (np.nan, np.inf, -np.inf):
        orders = Orders(velocity=(odd, 0.0, 0.0))
        _, _, record = tick(setup, state_in(setup, Mode.ACTIVE), signals_of(spec), orders, zeros(spec))
        assert record.faults == Fault.NONFINITE and record.mode is Mode.STOPPING


def test_every_activation_starts_with_a_fresh_memory() -> None:
    setup = setup_of(real_spec(layout=WALKING_LAYOUT))
    state = state_in(setup, Mode.STANDBY)
    used = state.policy._replace(filtered_action=np.full(11, 0.9, np.float32), phase_rad=np.float32(2.0))
    state, _, record = tick(
        setup, state._replace(policy=used), signals_of(setup.spec), Orders((Event.ACTIVATE,)), zeros(setup.spec)
    )
    assert record.mode is Mode.ACTIVE and np.array_equal(record.filtered_action, np.zeros(11))
    assert float(state.policy.phase_rad) == pytest.approx(2 * np.pi * 0.02 / 0.6, abs=1e-5)


def test_the_policy_is_asked_only_in_active() -> None:
    asked: list[Mode] = []
    for mode in Mode:
        tick(
            SETUP,
            state_in(SETUP, mode),
            signals_of(SPEC),
            GO,
            only(lambda o, m=mode: (asked.append(m), np.zeros(11))[1]),
        )
    assert asked == [Mode.ACTIVE]


def test_crouch_runs_from_the_last_target_in_its_time_and_ends_limp_and_latched() -> None:
    state, records = follow(SETUP, state_in(SETUP, Mode.ACTIVE), 90, Orders((Event.STOP,)))
    stopping = [r for r in records if r.mode is Mode.STOPPING]
    assert np.array_equal(stopping[0].target_after_rad, HOME)
    assert np.allclose(stopping[-1].target_after_rad, SETUP.crouch_rad, atol=1e-5)
    assert len(stopping) == 76  # 1.5 s, both ends counted
    assert records[-1].mode is Mode.FAULT and records[-1].target_after_rad is None
    assert records[-1].faults == Fault.OPERATOR
    steps = [np.max(abs(b.target_after_rad - a.target_after_rad)) for a, b in pairwise(stopping)]
    assert max(steps) <= 1.5 * np.max(abs(SETUP.crouch_rad - HOME)) * 0.02 / 1.5 + 1e-5
    for event, mode in ((Event.ARM, Mode.FAULT), (Event.ACTIVATE, Mode.FAULT), (Event.CLEAR, Mode.IDLE)):
        state, target, record = tick(SETUP, state, signals_of(SPEC), Orders((event,)), zeros(SPEC))
        assert record.mode is mode and target is None


@pytest.mark.parametrize("slow_motion", [1.0, 0.5, 0.2, 0.1, float("nan")])
@pytest.mark.parametrize("at", ["range_min", "range_max"])
def test_a_crouch_ends_limp_in_time_however_slow_the_robot_may_move(slow_motion: float, at: str) -> None:
    state = state_in(SETUP, Mode.ACTIVE)._replace(target_rad=getattr(SPEC.robot, at))
    orders, limits = Orders((Event.STOP,), slow_motion=slow_motion), SPEC.robot.max_velocity * 0.02
    records: list[TickRecord] = []
    for _ in range(130):
        state, done = follow(SETUP, state, 1, orders)
        records += done
    stopping = [r for r in records if r.mode is Mode.STOPPING]
    assert 76 <= len(stopping) <= 116 and records[-1].mode is Mode.FAULT
    steps = [abs(b.target_after_rad - a.target_after_rad) for a, b in pairwise(stopping)]
    factor = slow_motion if slow_motion > 0 else 0.1
    assert np.all(np.max(steps, axis=0) <= limits * factor + 1e-5), "a stop is no reason to move faster"


def test_a_crouch_keeps_its_time_when_periods_are_skipped() -> None:
    state, records = follow(SETUP, state_in(SETUP, Mode.ACTIVE), 31, Orders((Event.STOP,)))
    late, _ = follow(SETUP, state_in(SETUP, Mode.ACTIVE), 29, Orders((Event.STOP,)))
    late, target, _ = tick(SETUP, late, signals_of(SPEC), GO, zeros(SPEC), skipped=1)
    assert late.periods_in_mode == state.periods_in_mode and np.array_equal(target, records[-1].target_after_rad)


def test_clear_and_arm_in_one_tick_only_clear() -> None:
    state = state_in(SETUP, Mode.FAULT)
    state, target, record = tick(SETUP, state, signals_of(SPEC), Orders((Event.CLEAR, Event.ARM)), zeros(SPEC))
    assert record.mode is Mode.IDLE and target is None
    _, _, record = tick(SETUP, state, signals_of(SPEC), GO, zeros(SPEC))
    assert record.mode is Mode.IDLE


def test_estop_is_limp_in_the_same_tick_in_every_mode() -> None:
    for mode in Mode:
        _, target, record = tick(SETUP, state_in(SETUP, mode), signals_of(SPEC), Orders((Event.ESTOP,)), zeros(SPEC))
        assert target is None and record.mode is Mode.FAULT and record.faults == Fault.OPERATOR


def test_a_worse_fault_during_a_crouch_makes_it_limp() -> None:
    state, _ = follow(SETUP, state_in(SETUP, Mode.ACTIVE), 10, Orders((Event.STOP,)))
    assert state.mode is Mode.STOPPING
    for _ in range(4):
        state, target, record = tick(SETUP, state, signals_of(SPEC, quat_wxyz=tilted(60)), GO, zeros(SPEC))
    assert record.mode is Mode.FAULT and target is None and record.faults == Fault.OPERATOR | Fault.TILT


def test_skipped_periods_shorten_the_debounce_in_ticks() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    modes = []
    for skipped in (0, 2):
        fallen = signals_of(SPEC, quat_wxyz=tilted(60))
        state, _, record = tick(SETUP, state, fallen, GO, zeros(SPEC), skipped)
        modes.append(record.mode)
    assert modes == [Mode.ACTIVE, Mode.FAULT]  # 60 ms after it was first seen


def test_limits_are_the_last_stage_and_the_record_has_both_sides() -> None:
    _, records = follow(SETUP, state_in(SETUP, Mode.ACTIVE), 30, GO, lambda observation: np.full(11, 5.0, np.float32))
    first = records[0]
    assert np.max(abs(first.target_before_rad - HOME)) > 0.5
    assert np.max(abs(first.target_after_rad - HOME)) <= 0.1 + 1e-6
    assert np.allclose(records[-1].target_after_rad, SETUP.limits.high_rad, atol=1e-5)


@pytest.mark.parametrize(
    "factor, expected", [(1.0, 1.0), (0.5, 0.5), (0.1, 0.1), (0.0, 0.1), (7.0, 0.1), (np.nan, 0.1)]
)
def test_slow_motion_scales_joint_speed_and_command(factor: float, expected: float) -> None:
    orders = Orders(velocity=(0.4, 0.2, -0.1), slow_motion=factor)
    state = state_in(SETUP, Mode.ACTIVE)
    _, _, record = tick(SETUP, state, signals_of(SPEC), orders, only(lambda o: np.full(11, 1.0, np.float32)))
    assert np.allclose(record.command.velocity, np.array([0.4, 0.2, -0.1]) * expected)
    assert np.max(record.target_after_rad - HOME) == pytest.approx(5.0 * 0.02 * expected, abs=1e-6)


def test_without_a_robot_config_a_stop_holds_home_before_it_goes_limp() -> None:
    from robotd.tick import make_setup

    setup = make_setup(SPEC, None, RobotdConfig())
    assert np.array_equal(setup.crouch_rad, setup.home_rad)
