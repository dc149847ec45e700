"""Black boxes for tests: made with a clock that tests move, filled by the real tick, damaged on purpose."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from robot_builder import setup_of, signals_of, zeros

from contract import Bundle, assets_dir, load_deployment
from robotd.blackbox import BlackBox
from robotd.blackbox_codec import example_record, record_of
from robotd.blackbox_layout import row_type
from robotd.blackbox_reader import BlackBoxFile
from robotd.clock import SimulatedClock
from robotd.config import BlackBoxConfig, RobotdConfig
from robotd.daemon import run
from robotd.hal import Hardware
from robotd.loop import RunSummary
from robotd.mode import Event, Mode
from robotd.policy import open_session
from robotd.record import Hook, Operator, Orders, TickRecord
from robotd.tick import tick
from robotd.tick_state import Setup, initial_tick_state, setup_for

WALL_S = 1_700_000_000.0


def config_of(minutes: float = 0.1, keep: int = 2) -> RobotdConfig:
    """Defaults but for the black box; 0.1 minutes are 300 ticks."""
    return RobotdConfig(black_box=BlackBoxConfig(minutes=minutes, keep=keep))


def box_at(path: Path, setup: Setup | None = None, config: RobotdConfig | None = None) -> BlackBox:
    """An empty one; its clock shows 20 ms more at each record."""
    clock = SimulatedClock()

    def now_s() -> float:
        clock.advance(0.02)
        return clock.now_s()

    return BlackBox(path, setup or setup_of(config=config or config_of()), now_s, WALL_S)


def session(setup: Setup, ticks: int, changes: Callable[[int], dict[str, Any]] = lambda number: {}) -> list[TickRecord]:
    """Records of a robot that is armed and activated at once and whose network says nothing but zeros.

    Args:
        changes: of the signals, by the tick's number.
    """
    state, records = initial_tick_state(setup), []
    for number in range(ticks):
        event = Event.ARM if state.mode is Mode.IDLE else Event.ACTIVATE
        orders = Orders((event,), (0.01 * number, 0.0, 0.0))
        signals = signals_of(setup.spec, **changes(number))
        state, _, record = tick(setup, state, signals, orders, zeros(setup.spec), int(number == 70))
        records.append(record)
    return records


def filled(path: Path, ticks: int, config: RobotdConfig | None = None) -> list[TickRecord]:
    """A black box with so many ticks, and its records."""
    setup = setup_of(config=config or config_of())
    box, records = box_at(path, setup), session(setup, ticks)
    for record in records:
        box(record)
    box.close()
    return records


def record_run(
    path: Path, bundle: Bundle, hardware: Hardware, operator: Operator, hook: Hook | None = None, minutes: float = 2.0
) -> RunSummary:
    """A run of the real loop on a simulated clock, with a black box."""
    config, clock = config_of(minutes), SimulatedClock()
    box = BlackBox(path, setup_for(bundle, config), clock.now_s, WALL_S)
    hooks: list[Hook] = [box] if hook is None else [box, hook]
    return asyncio.run(run(hardware, bundle, config, operator, clock, hooks))


def shipped(name: str, policy: str | None = None) -> Bundle:
    """One of assets/bundles, with the policy to start with."""
    bundles, default = load_deployment(assets_dir() / "bundles" / name, open_session)
    return bundles[policy or default]


def read_back(path: Path, setup: Setup) -> list[TickRecord]:
    """All intact records of a file."""
    with BlackBoxFile(path) as file:
        example = example_record(setup)
        return [record_of(row, file.header.columns, example) for row in file.rows(file.scan())]


def rewrite(path: Path, place: int, change: Callable[[Any], None]) -> None:
    """Change the record in a place of the ring, with a CRC that fits."""
    for header, data in _opened(path):
        at = header.first_at + place * header.record_bytes
        row = np.frombuffer(bytes(data[at : at + header.record_bytes]), row_type(header.columns)).copy()
        change(row[0])
        row["crc"] = zlib.crc32(row.tobytes()[:-4])
        data[at : at + header.record_bytes] = row.tobytes()


def flip(path: Path, place: int, offset: int) -> None:
    """Flip one bit of the record in a place of the ring."""
    for header, data in _opened(path):
        data[header.first_at + place * header.record_bytes + offset] ^= 1


def _opened(path: Path) -> Iterator[tuple[Any, bytearray]]:
    with BlackBoxFile(path) as file:
        header = file.header
    data = bytearray(path.read_bytes())
    yield header, data
    path.write_bytes(data)
