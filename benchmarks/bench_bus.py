"""How old joint feedback is when a tick looks at it: robotd's schedule beside lewansoul-lx16a in a plain loop.

`python benchmarks/bench_bus.py`. Emulated servos at 115200 baud with 1 ms adapter latency, in a process of their own;
every servo is told a new target every 20 ms and its position is read in between. Then the whole robot: the standing
policy through emulated wires, on three buses and on one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from results import figure, progress, report, show, table, write_json

from firmware_bridge.bus_budget import bus_budget
from firmware_bridge.emulator.bench import BenchProcess
from firmware_bridge.hiwonder import BAUD
from firmware_bridge.serial_line import SerialLine
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_schedule import ServoSchedule

HERE = Path(__file__).resolve().parent
PERIOD_S = 0.02
SERVOS = (5, 11)
WANTED_P95_MS = 60.0


def quantiles(ages_ms: list[float]) -> tuple[float, ...]:
    """Median, 95th percentile and maximum."""
    return (*(float(np.percentile(ages_ms, q)) for q in (50, 95)), max(ages_ms))


async def schedule_ages_ms(port: Path, servos: int, seconds: float) -> list[float]:
    """robotd's schedule on a bus, its ages in ms seen every 20 ms."""
    ids = range(1, servos + 1)
    bus = ServoBus("bench", SerialLine(port, BAUD))
    schedule, ages_ms = ServoSchedule(bus, ids), []
    schedule.start()
    schedule.aim(dict.fromkeys(ids, 500), 20)
    schedule.enable()
    for number in range(round(seconds / PERIOD_S)):
        await asyncio.sleep(PERIOD_S)
        found = [schedule.feedback(servo) for servo in ids]
        if number > 1 / PERIOD_S:  # all have answered by then
            ages_ms += [1e3 * (bus.now_s() - each.stamp_s) for each in found if each]
        schedule.aim(dict.fromkeys(ids, 500 + number % 2), 20)
    await schedule.limp()
    await schedule.stop()
    bus.close()
    return ages_ms


def on_one_bus(servos: int, seconds: float) -> list[tuple[Any, ...]]:
    """Rows of ours, of the peer, and of what arithmetic expects."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="wr-") as name:
        folder = Path(name)
        with BenchProcess({"bench": range(1, servos + 1)}, folder) as bench:
            progress(f"{servos} servos on a bus, robotd's schedule")
            ages_ms = asyncio.run(schedule_ages_ms(bench.ports["bench"], servos, seconds))
            rows.append(("robotd's schedule", servos, *quantiles(ages_ms)))
        with BenchProcess({"bench": range(1, servos + 1)}, folder) as bench:
            progress(f"{servos} servos on a bus, lewansoul-lx16a")
            words = [str(bench.ports["bench"]), str(servos), str(seconds)]
            command = [sys.executable, str(HERE / "peer_bus.py"), *words]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(("lewansoul-lx16a, a loop", servos, *quantiles(json.loads(done.stdout)["ages_ms"])))
    expected = bus_budget(servos)
    rows.append(("robotctl bus-budget expects", servos, None, expected.age_p95_s * 1e3, expected.age_max_s * 1e3))
    return rows


def whole_robot(buses: int, seconds: float) -> dict[str, Any]:
    """The demo through emulated wires on so many buses: its JSON."""
    progress(f"the whole robot on {buses} emulated buses")
    words = ["demo", "--hal", "emulated", "--headless", "--no-pictures", "--push-n", "0", "--json"]
    words += ["--seconds", str(seconds), "--buses", str(buses)]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "robotctl"), *words], capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise SystemExit(f"robotctl {' '.join(words)}: {done.stderr.strip().splitlines()[-1]}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, no whole robot: proves that it runs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seconds = 1.6 if options.quick else 30.0
    rows = [row for servos in SERVOS for row in on_one_bus(servos, seconds)]
    ours, peers = ({row[1]: row[3] for row in rows if row[0].startswith(name)} for name in ("robotd", "lewansoul"))
    figures = [
        figure(f"age p95, {servos} servos on a bus, lewansoul-lx16a / robotd", peers[servos] / ours[servos], "x")
        for servos in SERVOS
    ]
    tables = [table("Age of feedback on one bus, ms", ("", "servos", "p50", "p95", "max"), rows)]
    if not options.quick:
        robots = {buses: whole_robot(buses, seconds) for buses in (3, 1)}
        ages = [
            (f"{buses} bus{'es' * (buses > 1)}", *robot["feedback_age_ms"].values(), robot["overruns"], robot["fell"])
            for buses, robot in robots.items()
        ]
        tables.append(
            table("Age of the legs' feedback, whole robot, ms", ("", "p50", "p95", "max", "overruns", "fell"), ages)
        )
        age_ms = robots[3]["feedback_age_ms"]["p95"]
        figures += [
            figure("age p95 of the legs, three buses", age_ms, "ms", most=WANTED_P95_MS),
            figure("overruns, three buses", robots[3]["overruns"], "", most=0),
        ]
    found = report(figures, tables)
    print(show(found))
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
