"""Lockstep ticks on the twin or the mock with the black box on: memory growth, faults, and whether the ring replays.

python benchmarks/soak.py --ticks 1000000 --hal sim
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from contract import assets_dir
from robotd.blackbox import BlackBox
from robotd.blackbox_codec import example_record, record_of
from robotd.blackbox_reader import BlackBoxFile
from robotd.clock import SimulatedClock
from robotd.daemon import run, start_up
from robotd.hal.sim import SimHardware
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.replay import Result, replay
from robotd.safety import Fault
from robotd.tick_state import setup_for

WARM_UP = 3000
"""Ticks after which memory counts: homing, the first active ticks and all that is allocated once lie before."""


class Soak(NamedTuple):
    """What came out. rss_kib: grown from tick WARM_UP to the last active one; faults: before the end was ordered."""

    ticks: int
    active: int
    rss_kib: int
    faults: tuple[str, ...]
    error: str | None
    replayed: Result

    @property
    def passed(self) -> bool:
        """RSS grew by less than 1 MiB, no fault, the policy was at work, and the ring comes out the same."""
        well = self.rss_kib < 1024 and not self.faults and self.error is None and self.active > 0.9 * self.ticks - 500
        return well and self.replayed.difference is None and self.replayed.active > 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        difference = None if self.replayed.difference is None else str(self.replayed.difference)
        replayed = {"ticks": self.replayed.ticks, "active": self.replayed.active, "difference": difference}
        return self._asdict() | {"replayed": replayed, "passed": self.passed}


class Watch:
    """The operator and the hook: arms, activates, walks a little to and fro, and looks at memory and faults."""

    def __init__(self, ticks: int, hardware: Any, walks: bool) -> None:
        self._ticks, self._walks = ticks, walks
        self._twin = hardware if isinstance(hardware, SimHardware) else None
        self.first_kib = self.last_kib = 0
        self.faults = Fault.NONE
        self._next_s = time.monotonic() + 10

    def __call__(self, record: TickRecord | None) -> Orders:
        """What to do next."""
        if record is None or record.mode is Mode.IDLE:
            return Orders((Event.ARM,))
        if record.number >= self._ticks or record.mode is Mode.FAULT:
            return Orders(shutdown=True)
        if record.mode is Mode.STANDBY and (self._twin is None or not self._twin.supported):
            return Orders((Event.ACTIVATE,))
        velocity = 0.1 if self._walks and record.number // 500 % 2 else 0.0
        return Orders(velocity=(velocity, 0.0, 0.0))

    def watch(self, record: TickRecord) -> None:
        """Look at one tick."""
        if self._twin is not None:
            self._twin.attend(record)
        if record.number == WARM_UP:
            gc.collect()
            self.first_kib = rss_kib()
        elif record.number == self._ticks - 1:
            self.last_kib = rss_kib()
        if record.mode is not Mode.STOPPING:
            self.faults |= record.faults & ~Fault.OPERATOR
        if time.monotonic() > self._next_s:
            self._next_s = time.monotonic() + 10
            print(f"  {record.number} of {self._ticks} ticks, {rss_kib()} KiB", file=sys.stderr)


def rss_kib() -> int:
    """Memory of this process that is nobody else's file: the black box's own pages do not count."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def soak(ticks: int, hal: str, bundle_path: Path, folder: Path) -> Soak:
    """Run so many ticks as fast as they go, with the black box of robotd's defaults, then replay what is in it."""
    config, bundle, hardware = start_up(bundle_path, hal)
    setup, clock = setup_for(bundle, config), SimulatedClock()
    path = folder / "blackbox.bin"
    box = BlackBox(path, setup, clock.now_s, time.time())
    watch = Watch(ticks, hardware, "walking" in str(bundle_path))
    try:
        summary = asyncio.run(run(hardware, bundle, config, watch, clock, [box, watch.watch]))
    finally:
        hardware.close()
        box.close()
    networks = {name: policy.network for name, policy in bundle.policies.items()}
    with BlackBoxFile(path) as file:
        example = example_record(setup)
        rows = file.rows(file.scan())
        result = replay((record_of(row, file.header.columns, example) for row in rows), setup, networks)
    grown = watch.last_kib - watch.first_kib
    return Soak(summary.ticks, summary.active_ticks, grown, watch.faults.names, summary.error, result)


def main() -> int:
    """Print the figures; 0 where all is well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=20_000)
    parser.add_argument("--hal", choices=["sim", "mock"], default="sim")
    parser.add_argument("--bundle", type=Path, default=assets_dir() / "bundles" / "standing")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = soak(options.ticks, options.hal, options.bundle, Path(folder))
    if options.json:
        options.json.write_text(json.dumps(result.to_json(), indent=1))
    replayed = result.replayed
    print(f"  ticks     {result.ticks}, {result.active} active, --hal {options.hal}")
    print(f"  memory    {result.rss_kib:+d} KiB from tick {WARM_UP} on (expected below 1024)")
    print(f"  faults    {', '.join(result.faults) or 'none'}{f', {result.error}' if result.error else ''}")
    same = "identical" if replayed.difference is None else f"differs: {replayed.difference}"
    print(f"  replay    {replayed.ticks} ticks, {replayed.active} active: {same}")
    print(f"  {'passed' if result.passed else 'FAILED'}")
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
