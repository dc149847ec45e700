"""A session recorded on the twin, replayed with numpy and with jax signals: the same modes, faults and limits."""

from __future__ import annotations

import asyncio
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from bundle_builder import WALKING_LAYOUT, make_real_bundle, random_network, real_spec
from robot_builder import Script, only

from contract import Bundle, Signals, load_bundle
from robotd.clock import SimulatedClock
from robotd.config import RobotdConfig
from robotd.daemon import run
from robotd.hal.sim import open_twin
from robotd.mode import Event, Mode
from robotd.policy import open_session
from robotd.record import Orders, TickRecord
from robotd.safety import Fault
from robotd.tick import initial_tick_state, make_setup, tick

CONFIG = RobotdConfig()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A policy that moves a little and knows its last action and the gait clock."""
    options: dict[str, Any] = {"layout": WALKING_LAYOUT, "mapping_id": "pos_target_home_025_v1", "delay": 1}
    network = random_network(real_spec(**options), seed=3, gain=1.0)
    path = make_real_bundle(tmp_path_factory.mktemp("replay") / "b", network, **options)
    return load_bundle(path, open_session)


@pytest.fixture(scope="module")
def session(bundle: Bundle) -> list[tuple[TickRecord, Orders]]:
    """Homing, standing, walking on the spot, a hard push, the fall; each record with the orders of its tick."""
    twin, script = open_twin(bundle), Script(10**9, 400, may_activate=lambda: not twin.supported)
    records: list[TickRecord] = []
    orders: list[Orders] = []

    def operator(record: TickRecord | None) -> Orders:
        orders.append(script(record)._replace(velocity=(0.3, -0.1, 0.2), slow_motion=0.7))
        return orders[-1]

    def hook(record: TickRecord) -> None:
        records.append(record)
        twin.attend(record)
        if sum(r.mode is Mode.ACTIVE for r in records) == 30:
            twin.push((25.0, 10.0, 0.0), 0.2)

    asyncio.run(run(twin, bundle, CONFIG, operator, SimulatedClock(), hook))
    pressed = [o._replace(events=(*o.events, Event.STOP)) if o.shutdown else o for o in orders]
    return list(zip(records, pressed, strict=True))


def replay(bundle: Bundle, session: list[tuple[TickRecord, Orders]], xp: Any) -> list[TickRecord]:
    """The same signals and orders through the same tick, all arrays in the namespace xp."""
    setup = make_setup(bundle.spec, bundle.robot_config, CONFIG)
    networks = only(lambda observation: xp.asarray(bundle.network(np.asarray(observation))))
    state, records = initial_tick_state(setup), []
    for record, orders in session:
        signals = Signals(*(xp.asarray(field, dtype=xp.float32) for field in record.signals))
        state, _, again = tick(setup, state, signals, orders, networks, record.skipped)
        records.append(again)
    return records


def test_the_session_is_worth_replaying(session: list[tuple[TickRecord, Orders]]) -> None:
    modes = [record.mode for record, _ in session]
    assert modes.count(Mode.HOMING) > 90 and modes.count(Mode.ACTIVE) > 30
    assert session[-1][0].mode is Mode.FAULT and Fault.TILT in session[-1][0].faults
    limited = [np.any(r.target_before_rad != r.target_after_rad) for r, _ in session if r.target_after_rad is not None]
    assert 5 < sum(limited) < len(limited)


def test_numpy_replays_the_session_bit_for_bit(bundle: Bundle, session: list[tuple[TickRecord, Orders]]) -> None:
    for (record, _), again in zip(session, replay(bundle, session, np), strict=True):
        for name in ("observation", "raw_action", "filtered_action", "target_before_rad", "target_after_rad"):
            assert np.array_equal(getattr(record, name), getattr(again, name)), (record.number, name)
        assert record.mode is again.mode and record.faults == again.faults and record.event == again.event


def test_jax_decides_the_same_and_agrees_in_float32(bundle: Bundle, session: list[tuple[TickRecord, Orders]]) -> None:
    ours, theirs = replay(bundle, session, np), replay(bundle, session, jnp)
    observed = 0
    for a, b in zip(ours, theirs, strict=True):
        assert (a.mode, a.faults, a.present, a.event) == (b.mode, b.faults, b.present, b.event), a.number
        for name in ("observation", "target_before_rad", "target_after_rad"):
            x, y = getattr(a, name), getattr(b, name)
            assert (x is None) == (y is None)
            if x is not None:
                assert np.all(abs(x - np.asarray(y)) <= 1e-5 * (1 + abs(x))), (a.number, name)
        if a.target_after_rad is not None:
            ours_limited = a.target_before_rad != a.target_after_rad
            assert np.array_equal(ours_limited, np.asarray(b.target_before_rad != b.target_after_rad)), a.number
        if a.mode is Mode.ACTIVE and a.present is not Fault.TILT:  # tilting it holds
            assert isinstance(b.observation, jnp.ndarray) and isinstance(b.target_after_rad, jnp.ndarray)
            observed += 1
    assert observed > 30
