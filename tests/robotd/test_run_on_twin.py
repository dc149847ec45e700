"""The main job on physics: home, stand, be pushed, stop; and what happens when the policy is wrong."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from robot_builder import Script, modes_of

from contract import Bundle, tilt_rad
from robotd.clock import SimulatedClock
from robotd.config import RobotdConfig
from robotd.daemon import run
from robotd.hal.sim import SimHardware, open_twin
from robotd.loop import RunSummary
from robotd.mode import Mode
from robotd.record import TickRecord
from robotd.safety import Fault


def play(
    twin: SimHardware, bundle: Bundle, active_ticks: int, hook: Callable[[TickRecord], None] = lambda record: None
) -> tuple[RunSummary, list[TickRecord]]:
    """Run on the twin, with somebody beside it, and activate once it stands on its own feet."""
    records: list[TickRecord] = []
    script = Script(active_ticks, may_activate=lambda: not twin.supported)
    hooks = [twin.attend, records.append, hook]
    summary = asyncio.run(run(twin, bundle, RobotdConfig(), script, SimulatedClock(), hooks))
    return summary, records


def with_network(bundle: Bundle, network: Callable[[Any], np.ndarray]) -> Bundle:
    """The bundle with another policy."""
    return dataclasses.replace(bundle, network=network)  # type: ignore[arg-type]


def test_it_homes_stands_ten_seconds_takes_a_push_and_stops_in_a_crouch(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle)
    heights: list[float] = []

    def push(record: TickRecord) -> None:
        heights.append(float(twin.base_position_m[2]))
        if record.mode is Mode.ACTIVE and record.number % 150 == 0:
            twin.push((4.0, 0.0, 0.0), 0.1)

    summary, records = play(twin, zero_bundle, 500, push)
    expected = [Mode.HOMING, Mode.STANDBY, Mode.ACTIVE, Mode.STOPPING, Mode.FAULT]
    assert modes_of(records) == expected
    assert summary.active_ticks == 500 and summary.faults == Fault.OPERATOR and summary.overruns == 0
    active = [i for i, record in enumerate(records) if record.mode is Mode.ACTIVE]
    assert min(heights[i] for i in active) > 0.42
    assert max(float(tilt_rad(records[i].signals.quat_wxyz)) for i in active) < 0.15
    swayed = [np.max(abs(records[i].signals.gyro_rad_s)) for i in active]
    assert max(swayed) > 0.1  # the pushes were felt
    down = [i for i, record in enumerate(records) if record.mode is Mode.STOPPING][-1]
    assert heights[down] < 0.37 and float(tilt_rad(records[down].signals.quat_wxyz)) < 0.3
    assert not twin.enabled


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_wrong_policy_falls_is_caught_by_tilt_and_ends_limp(zero_bundle: Bundle, sign: float) -> None:
    twin = open_twin(zero_bundle)
    wrong = with_network(zero_bundle, lambda observation: np.full(11, sign, np.float32))
    summary, records = play(twin, wrong, 500)
    assert Fault.TILT in summary.faults and summary.stopped_by_fault and summary.active_ticks < 200
    first = next(i for i, record in enumerate(records) if Fault.TILT in record.faults)
    over = [float(tilt_rad(record.signals.quat_wxyz)) > np.radians(45) for record in records]
    assert over[first - 3 : first + 1] == [True] * 4 and not over[first - 4]  # 60 ms, and not a tick more
    assert records[first].mode is Mode.FAULT and records[first].target_after_rad is None
    assert not twin.enabled and np.all(twin.torque_nm == 0)


def test_a_policy_that_turns_to_nan_on_its_feet_ends_in_a_crouch(zero_bundle: Bundle) -> None:
    twin, calls = open_twin(zero_bundle), []

    def network(observation: np.ndarray) -> np.ndarray:
        calls.append(observation)
        return np.full(11, np.nan if len(calls) > 50 else 0.0, np.float32)

    summary, records = play(twin, with_network(zero_bundle, network), 500)
    assert summary.active_ticks == 50 and summary.faults == Fault.NONFINITE and len(calls) == 51
    assert modes_of(records)[-2:] == [Mode.STOPPING, Mode.FAULT]
    stopped = [record for record in records if record.mode is Mode.STOPPING]
    assert all(np.all(np.isfinite(record.target_after_rad)) for record in stopped) and len(stopped) >= 75
    assert float(tilt_rad(stopped[-1].signals.quat_wxyz)) < 0.3


def test_pulled_over_it_goes_limp(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle)

    def pull(record: TickRecord) -> None:
        if record.mode is Mode.ACTIVE:
            twin.push((0.0, 60.0, 0.0), 0.02)

    summary, _ = play(twin, zero_bundle, 500, pull)
    assert Fault.TILT in summary.faults and summary.mode is Mode.FAULT and not twin.enabled


def test_never_let_go_it_hangs_on_its_stand(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle)
    script = Script(active_ticks=50)
    summary = asyncio.run(run(twin, zero_bundle, RobotdConfig(), script, SimulatedClock()))
    assert twin.supported and summary.active_ticks == 50 and summary.faults == Fault.OPERATOR
