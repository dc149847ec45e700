"""The fault campaign in its short form, that it replays bit by bit, and that its judge sees what it must see.

WILDROBOT_FAULT_RUNS=100 runs so many; all thousand are `make campaigns CAMPAIGN="--only faults"`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import fault_campaign
import numpy as np
import pytest
from fault_campaign import CONFIG, DEVICES, KINDS, MODES, fault_run, plan_of, standing
from wire_judge import Duty, JointFacts, Tick, Verdict, judge
from wired_robot import WiredRobot

from contract import Bundle
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.witness import Arrival

RUNS = int(os.environ.get("WILDROBOT_FAULT_RUNS", "3"))
LEFT = ("left", 1)
FACTS = {LEFT: JointFacts("left_knee", 300, 700, 1200)}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return standing()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Here faults are the plan."""
    before = logging.getLogger("robotd").level
    logging.getLogger("robotd").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("robotd").setLevel(before)


def test_a_thousand_runs_are_every_device_kind_and_mode() -> None:
    found = {(plan.device, plan.kind, plan.mode) for plan in map(plan_of, range(1000))}
    assert len(found) == len(DEVICES) * len(KINDS) * len(MODES) <= 1000


@pytest.mark.parametrize("number", range(RUNS))
def test_a_fault_makes_no_command_unsafe(number: int, bundle: Bundle) -> None:
    found = fault_run(number, bundle).to_json()
    assert found["problems"] == [] and found["reached"]


def test_a_run_is_its_number(bundle: Bundle) -> None:
    plan = plan_of(4)
    first, second = (fault_run(4, bundle) for _ in range(2))
    assert first == second and first.plan == plan and first.verdict.unload_s > 0


def test_a_dead_imu_stops_the_robot_in_time(bundle: Bundle) -> None:
    """A fault that owes something: the judge must have seen it paid."""
    wanted = (
        n for n in range(3000) if (p := plan_of(n)).device == "imu" and p.kind is FaultKind.OFF and p.mode.powered
    )
    verdict = next(v for n in wanted if (v := fault_run(n, bundle).verdict).stop_s is not None)
    assert verdict.unsafe == () and 0.05 < verdict.stop_s < 0.101
    assert verdict.off_s is not None and verdict.off_s < 0.241


def test_a_robotd_that_forgets_to_limp_is_found(bundle: Bundle) -> None:
    def deaf(robot: WiredRobot) -> Callable[[], None]:
        return lambda: None

    found = fault_run(2, bundle, {"disable": deaf})
    assert any("was unloaded" in each for each in found.verdict.unsafe)


def test_a_robotd_that_commands_beyond_its_limits_is_found(bundle: Bundle) -> None:
    def wild(robot: WiredRobot) -> Callable[[np.ndarray], None]:
        write = robot.write
        return lambda target: write(target + np.float32(0.5))

    found = fault_run(2, bundle, {"write": wild})
    assert any("was told" in each for each in found.verdict.unsafe)


# The judge by itself


def arrival(stamp_s: float, command: str, *values: int, address: int = 1) -> Arrival:
    return Arrival(0, stamp_s, "left", address, command, values, (1,))


def ticks(*modes: str, armed_at: int = 1) -> list[Tick]:
    """One each 20 ms from 0 on; the joint stands at 500."""
    return [Tick(0.02 * n, mode, n == armed_at, {LEFT: 500.0}) for n, mode in enumerate(modes)]


def said(
    arrivals: Sequence[Arrival],
    seen: Sequence[Tick],
    ill: Mapping[tuple[str, int], set[str]] | None = None,
    duty: Duty | None = None,
    left: Sequence[tuple[str, int]] = (),
) -> Verdict:
    return judge(arrivals, seen, FACTS, ill or {}, duty, left)


WELL = ticks("idle", "idle", "homing", "active", "active", "fault", "fault")
MOVES = [arrival(0.041, "move_time_write", 500, 20), arrival(0.061, "move_time_write", 510, 20)]
LIMP = arrival(0.101, "load_or_unload_write", 0)


def test_what_is_right_is_not_accused() -> None:
    assert said([*MOVES, LIMP], WELL).unsafe == ()


@pytest.mark.parametrize(
    ("arrivals", "seen", "accusation"),
    [
        ([MOVES[0], arrival(0.061, "move_time_write", 720, 20), LIMP], WELL, "was told 720"),
        ([MOVES[0], arrival(0.061, "move_time_write", 600, 20), LIMP], WELL, "to go 100 units"),
        ([arrival(0.041, "move_time_write", 530, 20), LIMP], WELL, "stood at 500 and began with 530"),
        ([*MOVES, LIMP, arrival(0.13, "load_or_unload_write", 1)], WELL, "s, torque off"),
        ([*MOVES, LIMP, arrival(0.13, "move_time_write", 510, 20)], WELL, "s, torque off"),
        ([arrival(0.005, "load_or_unload_write", 1), *MOVES, LIMP], WELL, "s, torque off"),
        ([*MOVES, LIMP], ticks(*(tick.mode for tick in WELL), armed_at=99), "nobody had armed"),
        (MOVES, WELL, "was unloaded inf ms"),
        ([*MOVES, arrival(0.2, "load_or_unload_write", 0)], WELL, "was unloaded 100 ms"),
        ([*MOVES, LIMP, arrival(0.07, "move_time_write", 500, 20, address=9)], WELL, "where no joint is"),
    ],
)
def test_what_is_wrong_is_accused(arrivals: list[Arrival], seen: list[Tick], accusation: str) -> None:
    assert any(accusation in each for each in said(arrivals, seen).unsafe)


def test_a_fault_that_owes_a_stop_and_gets_none_is_accused() -> None:
    late = said([*MOVES, LIMP], WELL, duty=Duty(0.05, 0.03, 0.04))
    assert late.stop_s == pytest.approx(0.05) and len(late.unsafe) == 2
    assert said([*MOVES, LIMP], WELL, duty=Duty(0.05, 0.06, 0.06)).unsafe == ()


def test_a_servo_that_is_loaded_at_the_end_is_accused() -> None:
    assert said([*MOVES, LIMP], WELL, left=[LEFT]).unsafe == ("left_knee is loaded at the end",)


def test_a_lossy_servo_has_longer_and_a_dead_one_owes_nothing() -> None:
    slow = [*MOVES, arrival(0.5, "load_or_unload_write", 0)]
    assert said(slow, WELL, {LEFT: {"intermittent"}}).unsafe == ()
    assert said(MOVES, WELL, {LEFT: {"off"}}).unsafe == ()


def test_the_parts_are_the_runs() -> None:
    assert len(fault_campaign.parts(short=False)) == 1000 and len(fault_campaign.parts(short=True)) < 10
    assert CONFIG.motion.target_margin_rad > 0
