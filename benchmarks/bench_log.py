"""How long a black box takes to become MCAP or CSV, against its length.

`python benchmarks/bench_log.py`. The box is that of robotd's own loop with the walking policy on the mock robot.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from results import figure, progress, report, show, table, write_json

from contract import assets_dir
from robotd.blackbox import BlackBox
from robotd.blackbox_reader import BlackBoxFile
from robotd.clock import SimulatedClock
from robotd.ctl.log_export import export_csv, export_mcap
from robotd.daemon import run, start_up
from robotd.mode import Event, Mode
from robotd.record import Operator, Orders, TickRecord
from robotd.tick_state import setup_for

WRITERS = {"mcap": export_mcap, "csv": export_csv}


def walker(ticks: int) -> Operator:
    """An operator that arms, activates, walks, and shuts down after so many ticks."""

    def orders(record: TickRecord | None) -> Orders:
        if record is None or record.mode is Mode.IDLE:
            return Orders((Event.ARM,))
        if record.number >= ticks:
            return Orders(shutdown=True)
        return Orders((Event.ACTIVATE,) if record.mode is Mode.STANDBY else (), (0.2, 0.0, 0.0))

    return orders


def record(path: Path, ticks: int) -> None:
    """A black box of so many ticks, in simulated time."""
    config, bundle, hardware = start_up(assets_dir() / "bundles" / "walking", "mock")
    clock = SimulatedClock()
    box = BlackBox(path, setup_for(bundle, config), clock.now_s, time.time())
    try:
        asyncio.run(run(hardware, bundle, config, walker(ticks), clock, box))
    finally:
        hardware.close()
        box.close()


def export(path: Path, kind: str, ticks: int, folder: Path) -> tuple[int, float, float]:
    """The newest so many ticks as a file: how many there were, seconds, MB."""
    output = folder / f"log.{kind}"
    begun = time.perf_counter()
    with BlackBoxFile(path) as file:
        written = WRITERS[kind](file, file.rows(file.scan(), ticks * file.header.ctrl_dt - 1e-6), output)
    return written, time.perf_counter() - begun, output.stat().st_size / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a thousand ticks: proves that it runs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    lengths = (300, 1000) if options.quick else (1000, 3000, 10_000, 30_000)
    rows: list[tuple[Any, ...]] = []
    with tempfile.TemporaryDirectory(prefix="wr-") as name:
        folder = Path(name)
        progress(f"recording {lengths[-1]} ticks")
        record(folder / "blackbox.bin", lengths[-1])
        for kind in WRITERS:
            for ticks in lengths:
                progress(f"{kind} of {ticks} ticks")
                written, seconds, size = export(folder / "blackbox.bin", kind, ticks, folder)
                rows.append((kind, written, written * 0.02, seconds, written / seconds, size))
    head = ("to", "ticks", "recorded s", "export s", "ticks/s", "MB")
    figures = [
        figure(f"ten minutes as {kind}" if not options.quick else f"{lengths[-1]} ticks as {kind}", seconds, "s")
        for kind, written, _, seconds, *_ in rows
        if written == max(row[1] for row in rows)
    ]
    found = report(figures, [table("Export of a log", head, rows)])
    print(show(found))
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
