"""How late a 50 Hz tick begins: robotd's loop, plain asyncio, loop-rate-limiters and cyclictest, idle and under load.

`make bench-loop` (BENCH="--seconds 600" for 30,000 ticks each). All run side by side, so that the same disturbances
hit each of them: robotd with the walking policy on the mock robot and its real-time requests on the last CPU, the
others, which need next to nothing, on the one before. Nothing is asserted: the last lines say what was wanted and what
came out, to be read on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from results import figure, report, show, table, write_json

from contract import assets_dir, load_bundle
from robotd import realtime
from robotd.clock import MonotonicClock
from robotd.config import RealtimeConfig, RobotdConfig
from robotd.daemon import run
from robotd.hal.mock import MockHardware
from robotd.mode import Event, Mode
from robotd.policy import open_session
from robotd.record import Orders, TickRecord

HERE = Path(__file__).resolve().parent
PEER_PYTHON = HERE.parent / ".venv-peers" / "bin" / "python"
PERIOD_S = 0.02
PRIORITY = 70
QUANTILES = (50, 99, 99.9)


class Pilot:
    """An operator that goes to ACTIVE, and ends after so many ticks there; and the hook that keeps their lateness."""

    def __init__(self, ticks: int) -> None:
        self.lateness_us = np.zeros(ticks)
        self.overruns = self.seen = 0

    def __call__(self, record: TickRecord | None) -> Orders:
        if self.seen >= len(self.lateness_us):
            return Orders(shutdown=True)
        wish = None if record is None else {Mode.IDLE: Event.ARM, Mode.STANDBY: Event.ACTIVATE}.get(record.mode)
        return Orders(() if wish is None else (wish,))

    def note(self, record: TickRecord) -> None:
        """Keep the lateness of a tick in which the policy ran."""
        if record.mode is Mode.ACTIVE and self.seen < len(self.lateness_us):
            self.lateness_us[self.seen] = record.timings.lateness_s * 1e6
            self.overruns += record.skipped
            self.seen += 1


def robotd_loop(seconds: float, cpu: int) -> dict[str, Any]:
    """robotd's own loop in this process."""
    bundle = load_bundle(assets_dir() / "bundles" / "walking", open_session)
    config = RobotdConfig(realtime=RealtimeConfig(cpus=[cpu]))
    granted = realtime.prepare(config.realtime)
    pilot = Pilot(round(seconds / PERIOD_S))
    hardware = MockHardware(bundle.spec)
    summary = asyncio.run(run(hardware, bundle, config, pilot, MonotonicClock(config.realtime.early_s), pilot.note))
    hardware.close()
    lateness_us = pilot.lateness_us[: pilot.seen]
    return {
        "lateness_us": lateness_us.tolist(),
        "drift_us": _drift_us(lateness_us),
        "overruns": pilot.overruns,
        "tick_us": summary.tick_us._asdict(),
        "granted": [str(step) for step in granted],
        "stopped": summary.faults.names if summary.stopped_by_fault else (),
    }


def _drift_us(lateness_us: np.ndarray) -> float:
    """How much later the last tenth of the ticks began than the first, by the median."""
    tenth = max(1, len(lateness_us) // 10)
    return float(np.median(lateness_us[-tenth:]) - np.median(lateness_us[:tenth]))


def cyclictest(seconds: float) -> dict[str, Any] | None:
    """One thread at the same period and priority; None where it is not installed or not allowed."""
    program = shutil.which("cyclictest")
    if program is None:
        return None
    period = ["-i", str(round(PERIOD_S * 1e6)), "-D", str(max(1, round(seconds)))]
    command = [program, "-q", "-m", "-t", "1", "-p", str(PRIORITY), *period, "-h", "1000000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [line.split() for line in done.stdout.splitlines() if re.fullmatch(r"\d+\s+\d+", line)]
    counts = {int(us): int(count) for us, count in rows if int(count)}
    if not counts:
        print(f"  cyclictest: {done.stderr.strip() or 'no histogram'}", file=sys.stderr)
        return None
    return {"lateness_us": np.repeat(list(counts), list(counts.values())).tolist()}


def peer(name: str, seconds: float) -> dict[str, Any] | None:
    """`peer_rate.py` in a process of its own; None where what it measures is not installed."""
    python = str(PEER_PYTHON) if name == "rate-limiters" else sys.executable
    if not Path(python).exists():
        return None
    command = [python, str(HERE / "peer_rate.py"), name, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  {name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def alone(seconds: float, cpu: int) -> dict[str, Any]:
    """robotd's loop in a process of its own, so that what it was granted stays there."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        where = ["--only-robotd", str(answer), "--cpu", str(cpu), "--seconds", str(seconds)]
        command = [sys.executable, str(Path(__file__)), *where]
        subprocess.run(command, check=True)
        said: dict[str, Any] = json.loads(answer.read_text())
        return said


@contextmanager
def both_cores_loaded() -> Iterator[None]:
    """A busy process for each CPU, of ordinary priority."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def measure(seconds: float) -> dict[str, dict[str, Any] | None]:
    """All four side by side, robotd's on a CPU of its own where there are two."""
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cpus[-2:-1] or cpus)  # the processes inherit it
    try:
        with ThreadPoolExecutor() as pool:
            loops = {
                "cyclictest": pool.submit(cyclictest, seconds),
                "robotd": pool.submit(alone, seconds, cpus[-1]),
                "asyncio.sleep": pool.submit(peer, "asyncio", seconds),
                "loop-rate-limiters": pool.submit(peer, "rate-limiters", seconds),
            }
            return {name: loop.result() for name, loop in loops.items()}
    finally:
        os.sched_setaffinity(0, cpus)


def summary_of(said: dict[str, Any] | None) -> dict[str, float] | None:
    """Quantiles in us; what else was said, without the single values."""
    if said is None or not said["lateness_us"]:
        return None
    values = np.asarray(said["lateness_us"])
    figures = {f"p{q:g}": float(np.percentile(values, q)) for q in QUANTILES} | {"max": float(values.max())}
    return figures | {"ticks": len(values)} | {key: said[key] for key in ("drift_us", "overruns") if key in said}


def table_of(title: str, rows: dict[str, dict[str, float] | None]) -> dict[str, Any]:
    """Quantiles of all that were measured."""
    keys = ("p50", "p99", "p99.9", "max", "drift_us", "overruns", "ticks")
    found = [(name, *(row.get(key) for key in keys)) for name, row in rows.items() if row]
    return table(f"Lateness of ticks, {title}, us", ("", *keys[:4], "drift", "overruns", "ticks"), found)


def figures_of(title: str, rows: dict[str, dict[str, float] | None]) -> list[dict[str, Any]]:
    """Each figure that was asked for, beside what came out."""
    ours, best, plain = rows["robotd"], rows["cyclictest"], rows["asyncio.sleep"]
    if ours is None:
        return [figure(f"robotd's lateness, {title}", None, why="MISSED, no tick was measured")]
    drifts = rows["loop-rate-limiters"]
    none = "not measured, the peer is not there"
    return [
        figure(f"periods missed, {title}", ours["overruns"], "", most=0),
        figure(f"drift, {title}", abs(ours["drift_us"]), "us", most=1000),
        figure(f"drift of loop-rate-limiters, {title}", drifts and drifts["drift_us"] / 1e3, "ms", why=none),
        figure(f"p99 / cyclictest's, {title}", best and ours["p99"] / max(best["p99"], 1), "x", most=2, why=none),
        figure(f"p50 / cyclictest's, {title}", best and ours["p50"] / max(best["p50"], 1), "x", most=4, why=none),
        figure(f"p50 / asyncio.sleep's, {title}", plain and ours["p50"] / plain["p50"], "x", most=1 / 3, why=none),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each loop; 600 for 30,000 ticks")
    parser.add_argument("--quick", action="store_true", help="3 seconds of each: proves that it runs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only-robotd", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cpu", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    seconds = 3.0 if options.quick else options.seconds
    if options.only_robotd:
        options.only_robotd.write_text(json.dumps(robotd_loop(seconds, options.cpu)))
        return
    said = {"idle": measure(seconds)}
    with both_cores_loaded():
        said["both cores loaded"] = measure(seconds)
    print("\n".join(f"  {step}" for step in (said["idle"]["robotd"] or {})["granted"]))
    sums = {title: {name: summary_of(one) for name, one in rows.items()} for title, rows in said.items()}
    found = report(
        [one for title, rows in sums.items() for one in figures_of(title, rows)],
        [table_of(title, rows) for title, rows in sums.items()],
    )
    print(show(found))
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
