"""The shipped deployment on the twin: standing, walking, standing again, in one ACTIVE, and nobody falls."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np

from contract import assets_dir
from robotd.clock import SimulatedClock
from robotd.daemon import run, start_up
from robotd.hal.sim import SimHardware
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault

STAND_TICKS, WALK_TICKS = 100, 200


def test_from_standing_to_walking_and_back() -> None:
    config, bundle, twin = start_up(assets_dir() / "bundles" / "wildrobot", "sim")
    assert isinstance(twin, SimHardware) and list(bundle.policies) == ["standing", "walking"]
    records: list[TickRecord] = []
    seen = 0

    def operator(record: TickRecord | None) -> Orders:
        nonlocal seen
        if record is None:
            return Orders((Event.ARM,))
        seen += record.mode is Mode.ACTIVE
        if record.mode is Mode.STANDBY and not twin.supported:
            return Orders((Event.ACTIVATE,))
        walks = STAND_TICKS <= seen < STAND_TICKS + WALK_TICKS
        over = seen >= 2 * STAND_TICKS + WALK_TICKS or record.mode is Mode.FAULT
        velocity = (0.3 * walks, 0.0, 0.0)
        return Orders(velocity=velocity, policy="walking" if walks else "standing", shutdown=over)

    summary = asyncio.run(run(twin, bundle, config, operator, SimulatedClock(), [twin.attend, records.append]))
    twin.close()
    assert summary.faults == Fault.OPERATOR and summary.active_ticks >= 2 * STAND_TICKS + WALK_TICKS
    active = [record for record in records if record.mode is Mode.ACTIVE]
    assert [record.policy for record in active[STAND_TICKS - 1 : STAND_TICKS + 2]] == ["standing", "walking", "walking"]
    assert active[-1].policy == "standing"
    for before, after in pairwise(active):
        if before.policy != after.policy:
            assert np.allclose(before.target_after_rad, after.target_after_rad, atol=1e-5)
