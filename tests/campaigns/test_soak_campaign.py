"""Hours on the twin, short, and that the witness sees what it must see.

WILDROBOT_SOAK_TICKS: of each run; 180000 is an hour.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soak_campaign
from troubled_twin import TROUBLES, TroubledTwin

from contract import assets_dir, load_bundle
from robotd.clock import SimulatedClock
from robotd.config import RobotdConfig
from robotd.hal.sim import open_twin
from robotd.policy import open_session

TICKS = int(os.environ.get("WILDROBOT_SOAK_TICKS", "0"))
MARGIN = RobotdConfig().motion.target_margin_rad


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Here faults are the plan."""
    before = logging.getLogger("robotd").level
    logging.getLogger("robotd").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("robotd").setLevel(before)


@pytest.fixture(scope="module")
def robot() -> TroubledTwin:
    bundle = load_bundle(assets_dir() / "bundles" / "standing", open_session)
    return TroubledTwin(open_twin(bundle), bundle.spec, SimulatedClock(), MARGIN)


@pytest.mark.timeout(36_000)
def test_a_long_day_makes_no_command_unsafe_and_replays(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    ticks = TICKS or 4000
    end = soak_campaign.soak(ticks, 3, lambda ticks, part: found.append(part), tmp_path)
    assert [part["problems"] for part in found] == [[]] * len(found)
    assert sum(part["tried"] for part in found) == ticks
    assert sum(part["counts"].get("active", 0) for part in found) > ticks / 2
    assert sum(part["counts"].get("cleared", 0) for part in found) > 0, "nothing has happened"
    assert end["error"] is None and end["difference"] is None and end["replayed"] > 0 and not end["powered_at_end"]
    assert found[-1]["grown_kib"] < 2048


@pytest.mark.timeout(36_000)
def test_a_calm_run_has_no_fault_does_not_grow_and_replays(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    ticks = TICKS or 20_000
    end = soak_campaign.soak(ticks, 0, lambda ticks, part: found.append(part), tmp_path, calm=True)
    assert end["error"] is None and end["faults"] == () and end["ticks"] > ticks
    assert [part["problems"] for part in found] == [[]] * len(found)
    assert sum(part["counts"].get("active", 0) for part in found) > ticks - 500
    assert found[-1]["grown_kib"] < soak_campaign.CALM_KIB
    assert end["difference"] is None and end["replayed"] == min(end["ticks"], 30_000) and not end["powered_at_end"]


@pytest.mark.parametrize(
    ("tell", "accusation"),
    [
        (lambda robot, home: robot.write(home), "nobody had armed"),
        (lambda robot, home: robot.enable(), "nobody had armed"),
        (lambda robot, home: (_arm(robot, home), robot.write(home * np.nan)), "not finite"),
        (lambda robot, home: (_arm(robot, home), robot.write(home + 9)), "outside the limits"),
        (lambda robot, home: (_arm(robot, home), robot.write(home + np.float32(0.15))), "of the speed limit"),
        (lambda robot, home: (_arm(robot, home), robot.disable(), robot.write(home)), "nobody had armed"),
        (lambda robot, home: (setattr(robot, "armed", True), robot.write(home + np.float32(0.2))), "first target"),
    ],
)
def test_the_witness_accuses(robot: TroubledTwin, tell: Any, accusation: str) -> None:
    robot.disable()
    robot.unsafe.clear()
    home = robot.read().joint_pos_rad
    tell(robot, home)
    assert any(accusation in each for each in robot.unsafe)
    robot.disable()


def _arm(robot: TroubledTwin, home: Any) -> None:
    robot.armed = True
    robot.write(home)
    robot.enable()
    assert not robot.unsafe


def test_each_trouble_changes_what_the_robot_says(robot: TroubledTwin) -> None:
    robot.trouble = None
    for trouble in TROUBLES:
        world = (robot.read(), robot.health())
        changed = trouble.changes(world)
        before, after = ([np.asarray(x) for part in each for x in part] for each in (world, changed))
        assert any(a.tobytes() != b.tobytes() for a, b in zip(before, after, strict=True)), trouble.name


def test_eight_hours_are_forty_parts() -> None:
    assert len(soak_campaign.parts(short=False)) * soak_campaign.PART_TICKS == 8 * 180_000
