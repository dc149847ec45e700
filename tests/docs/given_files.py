"""What the commands of a page take for granted: files that a reader would have."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from shown_commands import ROOT

from contract import assets_dir
from robotd.blackbox import BlackBox
from robotd.clock import SimulatedClock
from robotd.daemon import run, start_up
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.tick_state import setup_for

TICKS = 300


def give(page: str, folder: Path) -> None:
    """Put the files that a page speaks of where its commands, run in `folder`, find them."""
    giver = {"assets.md": _another_robot, "logs.md": _black_boxes}.get(page)
    if giver is not None:
        giver(folder)


def _another_robot(folder: Path) -> None:
    """assets.md brings another robot's export and YAML."""
    robot = shutil.copytree(ROOT / "tests" / "assets" / "strider", folder / "myrobot")
    (robot / "strider.yaml").rename(robot / "myrobot.yaml")


def _black_boxes(folder: Path) -> None:
    """logs.md looks at a robot that has run: its newest black box, and an older one in this folder."""
    state = folder / "home" / "robot" / "var" / "lib" / "robotd"
    for path in (state / "blackbox.bin", folder / "blackbox.1.bin"):
        path.parent.mkdir(parents=True, exist_ok=True)
        config, bundle, hardware = start_up(assets_dir() / "bundles" / "wildrobot", "mock")
        clock = SimulatedClock()
        box = BlackBox(path, setup_for(bundle, config), clock.now_s, 1_700_000_000.0)
        try:
            asyncio.run(run(hardware, bundle, config, _walks_a_little, clock, box))
        finally:
            hardware.close()
            box.close()


def _walks_a_little(record: TickRecord | None) -> Orders:
    if record is None or record.mode is Mode.IDLE:
        return Orders((Event.ARM,))
    return Orders((Event.ACTIVATE,), shutdown=record.number >= TICKS)
