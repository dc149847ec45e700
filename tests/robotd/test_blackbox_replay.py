"""Recorded sessions of the shipped policies run through the code of today, and the first difference is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from black_box_rig import box_at, config_of, filled, read_back, record_run, session, shipped
from robot_builder import Script, only, setup_of, tilted, zeros

from contract import Bundle
from robotd.hal.mock import MockHardware
from robotd.hal.sim import open_twin
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.replay import first_difference, replay
from robotd.tick_state import setup_for

SESSION_TICKS = 500


class Walk(Script):
    """Arms, activates on its own feet, and orders something in every active tick."""

    def __init__(self, twin: Any, velocity_x: float, policies: tuple[str, ...] = ()) -> None:
        super().__init__(SESSION_TICKS, may_activate=lambda: not twin.supported)
        self._velocity_x, self._policies = velocity_x, policies

    def __call__(self, record: TickRecord | None) -> Orders:
        """The Script's, and a velocity, slow motion for a while, and another policy now and then."""
        orders = super().__call__(record)
        if record is None or record.mode is not Mode.ACTIVE:
            return orders
        turn = record.number // 150 % len(self._policies) if self._policies else 0
        return orders._replace(
            velocity=(self._velocity_x, 0.0, 0.0),
            slow_motion=0.7 if record.number % 200 < 20 else 1.0,
            policy=self._policies[turn] if self._policies else None,
            link_silent_s=0.1,
        )


def recorded(path: Path, bundle: Bundle, velocity_x: float, policies: tuple[str, ...] = ()) -> list[TickRecord]:
    """A session on the twin with somebody beside it and a push now and then, as the black box has it."""
    twin = open_twin(bundle)

    def attend(record: TickRecord) -> None:
        twin.attend(record)
        if record.mode is Mode.ACTIVE and record.number % 130 == 0:
            twin.push((3.0, 1.0, 0.0), 0.1)

    record_run(path, bundle, twin, Walk(twin, velocity_x, policies), attend)
    return read_back(path, setup_for(bundle, config_of(2.0)))


def networks_of(bundle: Bundle) -> dict[str, Any]:
    return {name: policy.network for name, policy in bundle.policies.items()}


@pytest.mark.parametrize("name, velocity_x", [("standing", 0.0), ("walking", 0.2)])
def test_a_session_on_the_twin_comes_out_the_same(tmp_path: Path, name: str, velocity_x: float) -> None:
    bundle = shipped(name)
    records = recorded(tmp_path / "blackbox.bin", bundle, velocity_x)
    result = replay(records, setup_for(bundle, config_of(2.0)), networks_of(bundle))
    assert result.difference is None and result.ticks == len(records) and result.starts == 1
    assert result.active >= SESSION_TICKS and result.active > 0.5 * result.ticks  # the policy was really at work
    actions = np.array([record.raw_action for record in records if record.mode is Mode.ACTIVE])
    assert np.ptp(actions, axis=0).max() > 0.05  # and what it said was not always the same
    assert records[-1].mode is Mode.FAULT and records[-1].faults.names == ("OPERATOR",)


def test_a_session_with_changes_of_policy_comes_out_the_same(tmp_path: Path) -> None:
    bundle = shipped("wildrobot", "standing")
    records = recorded(tmp_path / "blackbox.bin", bundle, 0.1, ("standing", "walking"))
    result = replay(records, setup_for(bundle, config_of(2.0)), networks_of(bundle))
    assert result.difference is None and result.active >= SESSION_TICKS
    assert {record.policy for record in records if record.mode is Mode.ACTIVE} == {"standing", "walking"}


def test_another_policy_differs_in_the_first_tick_that_it_answers(tmp_path: Path) -> None:
    records = filled(tmp_path / "blackbox.bin", 200)
    setup = setup_of(config=config_of())
    other = only(lambda observation: np.array([0] * 3 + [0.001] + [0] * 7, np.float32))
    result = replay(records, setup, other)
    first = next(record.number for record in records if record.mode is Mode.ACTIVE)
    assert result.difference is not None and result.ticks == first and result.active == 0
    assert result.difference[:2] == (first, "raw_action[3]")
    assert result.difference.recorded == 0 and result.difference.computed == pytest.approx(0.001)
    assert replay(records, setup, other, tolerance=0.01).difference is None


def test_other_bounds_in_the_config_are_noticed_through_the_mode(tmp_path: Path) -> None:
    setup = setup_of(config=config_of())
    records = session(setup, 160, lambda number: {"quat_wxyz": tilted(40)} if number == 140 else {})
    config = config_of().model_copy(update={"safety": config_of().safety.model_copy(update={"tilt_deg": 30.0})})
    result = replay(records, setup_of(config=config), zeros(setup.spec))
    assert result.difference is not None and result.difference.number == 140


def changed(record: TickRecord, field: str, value: Any) -> TickRecord:
    return record._replace(**{field: value})


@pytest.mark.parametrize(
    "field, change, named",
    [
        ("mode", lambda record: Mode.STANDBY, "mode"),
        ("present", lambda record: type(record.present)(2), "present"),
        ("event", lambda record: Event.STOP, "event"),
        ("observation", lambda record: record.observation + np.float32(1e-6), "observation[0]"),
        (
            "target_after_rad",
            lambda record: np.nextafter(record.target_after_rad, np.float32(9)),
            "target_after_rad[0]",
        ),
        ("target_before_rad", lambda record: None, "target_before_rad"),
        ("slow_motion", lambda record: 0.99, "slow_motion"),
        ("policy", lambda record: "other", "policy"),
        ("before", lambda record: record.before._replace(periods_in_mode=0), "before.periods_in_mode"),
    ],
)
def test_any_recorded_field_that_is_off_by_a_bit_is_named(tmp_path: Path, field: str, change: Any, named: str) -> None:
    setup = setup_of(config=config_of())
    records = session(setup, 160)
    assert records[150].mode is Mode.ACTIVE
    records[150] = changed(records[150], field, change(records[150]))
    result = replay(records, setup, zeros(setup.spec))
    assert result.ticks == 150 and result.difference is not None
    assert result.difference[:2] == (150, named)
    assert str(result.difference.recorded) != str(result.difference.computed)


def test_a_ring_that_begins_in_the_middle_and_has_gaps_is_replayed_from_the_states_in_it(tmp_path: Path) -> None:
    setup = setup_of(config=config_of())
    box, records = box_at(tmp_path / "blackbox.bin", setup), session(setup, 400)
    for record in records:
        box(record)
    back = read_back(tmp_path / "blackbox.bin", setup)
    assert back[0].number == 100
    del back[50:53]
    result = replay(back, setup, zeros(setup.spec))
    assert result == (297, sum(record.mode is Mode.ACTIVE for record in back), 2, None)


def test_nan_is_the_same_as_nan_and_types_are_compared() -> None:
    setup = setup_of(config=config_of())
    record = session(setup, 1, lambda number: {"gyro_rad_s": np.full(3, np.nan, np.float32)})[0]
    assert first_difference(record, record, 0.0) is None
    longer = record.signals._replace(gyro_rad_s=np.zeros(4, np.float32))
    assert first_difference(record, record._replace(signals=longer), 0.0) == (
        "signals.gyro_rad_s",
        "float32[3]",
        "float32[4]",
    )


def test_the_mock_robot_too(tmp_path: Path, zero_bundle: Bundle) -> None:
    bundle = dataclasses.replace(zero_bundle, name="zero")
    record_run(tmp_path / "b.bin", bundle, MockHardware(bundle.spec), Script(active_ticks=100))
    setup = setup_for(bundle, config_of(2.0))
    result = replay(read_back(tmp_path / "b.bin", setup), setup, networks_of(bundle))
    assert result.difference is None and result.active >= 100
