"""How soon robotd is ready, how much memory it holds, and how long help takes, beside bare Python and its libraries.

`python benchmarks/bench_start.py`. robotd runs the walking bundle on the mock robot, which loads neither mujoco nor
jax; the table proves it by the libraries that its process has mapped.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from results import figure, progress, report, show, table, write_json

from contract import assets_dir

LIBRARIES = "import numpy, onnxruntime, pydantic, click, msgpack, yaml, serial"
READY_S, HELP_S, MEMORY_MB = 1.5, 0.3, 150.0
PATIENCE_S = 60.0
BIN = Path(sys.executable).parent


class Start(NamedTuple):
    """One start of robotd. ready_s: until READY=1; rss_mb: all of it, own_mb: without files, both after a while."""

    ready_s: float
    rss_mb: float
    own_mb: float
    heavy: tuple[str, ...]


def start_robotd(bundle: Path, seconds: float) -> Start:
    """Start robotd as systemd does, wait for READY, let it run so long, look at it, end it."""
    with (
        tempfile.TemporaryDirectory(prefix="wr-") as home,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(f"{home}/notify")
        manager.settimeout(PATIENCE_S)
        env = {**os.environ, "WILDROBOT_HOME": home, "NOTIFY_SOCKET": f"{home}/notify"}
        command = [str(BIN / "robotd"), "--hal", "mock", "--bundle", str(bundle)]
        begun = time.perf_counter()
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
            try:
                while b"READY=1" not in manager.recv(4096):
                    pass
                ready_s = time.perf_counter() - begun
                time.sleep(seconds)
                return Start(ready_s, *memory_mb(process.pid), heavy_libraries(process.pid))
            finally:
                process.terminate()


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process in MB: all, and without the pages of files."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    sizes = {name: int(kib) * 1024 / 1e6 for name, kib in re.findall(r"^(VmRSS|RssAnon):\s+(\d+) kB", text, re.M)}
    return sizes["VmRSS"], sizes["RssAnon"]


def heavy_libraries(pid: int) -> tuple[str, ...]:
    """What a process has mapped that only the twin or the trainer needs."""
    return tuple(sorted(set(re.findall(r"mujoco|jaxlib", Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")))))


def seconds_of(command: Sequence[str], repeats: int) -> list[float]:
    """How long a command takes from its start to its end; the first run, which fills caches, is left out."""
    taken = []
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - begun)
    return taken[1:]


def bare_memory_mb() -> float:
    """Python with robotd's libraries and nothing else."""
    look = f"{LIBRARIES}; print(open('/proc/self/status').read())"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"VmRSS:\s+(\d+) kB", said)[0]) * 1024 / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one of each: proves that it runs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    repeats, settle_s = (1, 0.5) if options.quick else (10, 10.0)
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python, robotd's libraries imported": [sys.executable, "-c", LIBRARIES],
        "robotctl --help": [str(BIN / "robotctl"), "--help"],
        "trainer --help": [str(BIN / "trainer"), "--help"],
        "robotctl status --help": [str(BIN / "robotctl"), "status", "--help"],
    }
    progress(f"{repeats} starts of each command")
    taken = {name: seconds_of(command, repeats) for name, command in commands.items()}
    progress(f"{repeats} starts of robotd")
    starts = [start_robotd(assets_dir() / "bundles" / "walking", settle_s) for _ in range(repeats + 1)][1:]
    taken["robotd to READY"] = [start.ready_s for start in starts]
    rows = [(name, statistics.median(values), min(values), max(values)) for name, values in taken.items()]
    rss, own = max(start.rss_mb for start in starts), max(start.own_mb for start in starts)
    heavy = sorted({name for start in starts for name in start.heavy})
    memory = [
        ("robotd, walking bundle, mock robot", rss, own, ", ".join(heavy) or "neither mujoco nor jax"),
        ("python, robotd's libraries imported", bare_memory_mb(), None, ""),
    ]
    median = {name: middle for name, middle, *_ in rows}
    found = report(
        [
            figure("robotd, start to READY", median["robotd to READY"], "s", most=READY_S),
            figure("robotd, resident memory", rss, "MB", most=MEMORY_MB),
            figure("robotctl --help", median["robotctl --help"], "s", most=HELP_S),
            figure("trainer --help", median["trainer --help"], "s"),
            figure("libraries of the twin and the trainer in robotd", len(heavy), "", most=0),
        ],
        [
            table("Start, s", ("", "median", "fastest", "slowest"), rows),
            table("Memory, MB", ("", "resident", "without files", "mapped"), memory),
        ],
    )
    print(show(found))
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
