"""Several policies in one tick: switched by name, with fresh memory, led in from the last target."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bundle_builder import WALKING_LAYOUT, real_spec
from robot_builder import signals_of, state_in, tilted

from contract import assets_dir, load_robot_config
from robotd.config import RobotdConfig
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault
from robotd.tick import Setup, TickState, initial_tick_state, make_setup, tick

STANDING, WALKING = real_spec(), real_spec(layout=WALKING_LAYOUT, delay=1)
HOME = STANDING.robot.home
BLEND_TICKS = 25  # 0.5 s


def two(**motion: float) -> Setup:
    config = RobotdConfig.model_validate({"motion": motion})
    robot_config = load_robot_config(assets_dir() / "robot_config.yaml")
    policies = {"standing": STANDING, "walking": WALKING}
    return make_setup(STANDING, robot_config, config, policies, "standing")


def always(value: float) -> Callable[[Any], np.ndarray]:
    return lambda observation: np.full(11, value, np.float32)


NETWORKS = {"standing": always(0.0), "walking": always(0.3)}
SETUP = two()


class Robot:
    """Ticks whose joints are where they were told to be."""

    def __init__(self, setup: Setup = SETUP, mode: Mode = Mode.ACTIVE, networks: Any = NETWORKS) -> None:
        self.setup, self.state, self.networks = setup, state_in(setup, mode), networks

    def step(self, policy: str | None = None, *events: Event, skipped: int = 0, **sensed: Any) -> TickRecord:
        signals = signals_of(STANDING, joint_pos_rad=self.state.target_rad)._replace(**sensed)
        orders = Orders(events, policy=policy)
        self.state, _, record = tick(self.setup, self.state, signals, orders, self.networks, skipped)
        return record


def test_the_first_policy_runs_until_another_is_asked_for_and_then_that_one() -> None:
    robot = Robot()
    assert [robot.step().policy for _ in range(3)] == ["standing"] * 3
    assert robot.step("walking").policy == "walking"
    assert [robot.step().policy for _ in range(3)] == ["walking"] * 3
    assert robot.step("standing").policy == "standing"


def test_an_unknown_name_changes_nothing() -> None:
    robot, other = Robot(), Robot()
    for name in (None, "walkin", "", "standing"):
        a, b = robot.step(name), other.step()
        assert a.policy == "standing" and np.array_equal(a.target_after_rad, b.target_after_rad)


def test_the_first_target_after_a_switch_is_the_last_one_before() -> None:
    robot = Robot(networks={"standing": always(0.2), "walking": always(-0.4)})
    for _ in range(10):
        last = robot.step()
    first = robot.step("walking")
    assert first.observation is not None and first.observation.size == WALKING.model.obs_dim
    assert np.allclose(first.target_after_rad, last.target_after_rad, atol=1e-6)


def test_the_difference_fades_within_the_blend_time_without_a_jump() -> None:
    robot = Robot()
    for _ in range(5):
        last = robot.step()
    records = [robot.step("walking"), *(robot.step() for _ in range(BLEND_TICKS + 10))]
    path = np.array([last.target_after_rad, *(r.target_after_rad for r in records)])
    goal = alone("walking", 60)
    change = np.max(abs(goal - last.target_after_rad))
    assert change > 0.1
    assert np.max(abs(np.diff(path, axis=0))) < 1.6 * change / BLEND_TICKS
    assert not np.allclose(path[BLEND_TICKS], goal, atol=1e-4)
    assert np.allclose(path[BLEND_TICKS + 1], goal, atol=1e-5) and np.allclose(path[-1], goal, atol=1e-5)
    middle = path[1 + BLEND_TICKS // 2]
    assert np.all(abs(middle - goal) > 0.4 * abs(goal - last.target_after_rad) - 1e-6)
    assert all(np.array_equal(r.target_before_rad, r.target_after_rad) for r in records)  # no limit was needed


def alone(name: str, ticks: int) -> np.ndarray:
    """The target of one policy that has run for so long."""
    robot = Robot()
    robot.state = robot.state._replace(mode=Mode.STANDBY)
    robot.step(name, Event.ACTIVATE)
    for _ in range(ticks):
        record = robot.step()
    return np.asarray(record.target_after_rad)


def test_an_activation_is_not_led_in_and_a_blend_of_no_time_is_none() -> None:
    activated = Robot(mode=Mode.STANDBY)
    record = activated.step("walking", Event.ACTIVATE)
    assert record.mode is Mode.ACTIVE and record.policy == "walking"
    assert activated.state.blending == -1
    switched = Robot(two(policy_blend_s=0.0))
    switched.step()
    a = [switched.step("walking"), switched.step()]
    b = [record, activated.step()]
    for x, y in zip(a, b, strict=True):
        assert np.array_equal(x.target_after_rad, y.target_after_rad)


def test_skipped_periods_shorten_the_blend() -> None:
    robot, late = Robot(), Robot()
    for each in (robot, late):
        each.step()
        each.step("walking")
    for _ in range(3):
        robot.step()
    late.step(skipped=2)
    assert robot.state.blending == late.state.blending == 3
    assert np.allclose(robot.state.target_rad, late.state.target_rad, atol=0.02)


def test_a_switch_in_the_middle_of_a_blend_begins_at_the_last_target() -> None:
    robot = Robot(networks={"standing": always(0.2), "walking": always(-0.6)})
    for _ in range(20):
        robot.step()
    robot.step("walking")
    for _ in range(8):
        last = robot.step()
    back = robot.step("standing")
    assert np.allclose(back.target_after_rad, last.target_after_rad, atol=1e-6)
    path = [back.target_after_rad, *(robot.step().target_after_rad for _ in range(40))]
    assert max(np.max(abs(b - a)) for a, b in pairwise(path)) < 0.06


def test_each_takes_over_with_a_fresh_memory_of_its_own_shape() -> None:
    robot = Robot(networks={"standing": always(0.9), "walking": always(0.0)})
    for _ in range(30):
        robot.step()
    robot.step("walking")
    assert robot.state.policy.delayed_actions.shape == (1, 11)
    assert float(robot.state.policy.phase_rad) == pytest.approx(2 * np.pi * 0.02 / 0.6, abs=1e-5)
    robot.step("standing")
    assert robot.state.policy.delayed_actions.shape == (0, 11)


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.ACTIVE])
def test_in_every_other_mode_the_name_is_kept_for_later_and_nobody_is_asked(mode: Mode) -> None:
    robot = Robot(mode=mode, networks={})
    assert robot.step("walking").policy == "walking"
    assert robot.step().policy == "walking" and robot.state.running == "walking"


def test_a_switch_during_a_hold_is_dropped() -> None:
    robot = Robot()
    robot.step()
    held = robot.step("walking", quat_wxyz=tilted(60))
    assert held.mode is Mode.ACTIVE and held.policy == "standing" and held.observation is None
    assert robot.step().policy == "standing"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_new_policy_that_is_not_finite_crouches_from_the_last_target(bad: float) -> None:
    robot = Robot(networks={"standing": always(0.2), "walking": always(bad)})
    for _ in range(5):
        last = robot.step()
    record = robot.step("walking")
    assert record.mode is Mode.STOPPING and record.faults == Fault.NONFINITE and record.policy == "walking"
    assert np.array_equal(record.target_after_rad, last.target_after_rad)
    assert all(np.all(np.isfinite(part)) for part in robot.state.policy)


def test_limits_come_after_the_blend() -> None:
    robot = Robot(two(policy_blend_s=0.0), networks={"standing": always(-9.0), "walking": always(9.0)})
    for _ in range(60):
        last = robot.step()
    for _ in range(100):
        record = robot.step("walking" if record_is_first(robot.state) else None)
        step = abs(record.target_after_rad - last.target_after_rad)
        assert np.all(step <= STANDING.robot.max_velocity * 0.02 + 1e-6)
        assert np.all(record.target_after_rad >= SETUP.limits.low_rad) and np.all(
            record.target_after_rad <= SETUP.limits.high_rad
        )
        last = record


def record_is_first(state: TickState) -> bool:
    return state.running == "standing"


def test_a_setup_of_one_policy_has_one() -> None:
    setup = make_setup(STANDING, None, RobotdConfig())
    assert list(setup.policies) == [setup.policy] and initial_tick_state(setup).running == setup.policy
