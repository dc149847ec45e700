"""How long training takes until the robot walks, and what the gate says of the policy that comes out.

`python benchmarks/bench_walk.py`. walking.yaml as it stands, then `trainer eval` of its last checkpoint.
Training's own figures tell when episodes first came through; the gate, in full MuJoCo and with pushes, has the last
word. Nothing else in the field trains a whole humanoid walk on a CPU in minutes, so there is no peer beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from results import ROOT, figure, progress, report, show, table, write_json

TRAINER = str(Path(sys.executable).parent / "trainer")
CONFIG = ROOT / "trainer" / "configs" / "walking.yaml"
WANTED_S, WANTED_RATE = 300.0, 10_000.0
LONG_EPISODE = 400
EVERY = 25
"""Iterations between two rows of the curve."""


def run(*words: str) -> str:
    """What `trainer` printed. The gate's exit code 1 is a result, too."""
    done = subprocess.run([TRAINER, *words], stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    if done.returncode not in (0, 1):
        raise SystemExit(f"trainer {' '.join(words)}: exit {done.returncode}")
    return done.stdout


def measure(quick: bool) -> dict[str, Any]:
    """The report of one training."""
    with tempfile.TemporaryDirectory(prefix="wr-") as name:
        folder = Path(name) / "run"
        progress("training walking.yaml")
        short = ["--iterations", "2", "--num-envs", "16", "--no-amp", "--allow-failed-twin"] if quick else []
        run("train", "--config", str(CONFIG), "--run", str(folder), *short)
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        metrics = [json.loads(line) for line in lines]
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
        progress("putting it through the gate")
        trials = ["--num-episodes", "2", "--num-steps", "20"] if quick else []
        judged = json.loads(run("eval", "--checkpoint", str(folder), "--json", *trials))
    found = report_of(metrics, judged)
    found["figures"].append(figure("training, most memory", peak_mb, "MB"))
    return found


def report_of(metrics: list[dict[str, Any]], judged: dict[str, Any]) -> dict[str, Any]:
    """Figures, curve and gate from the lines of metrics.jsonl and the JSON of `trainer eval`."""
    whole_s = metrics[-1]["wall_s"]
    long = next((line["wall_s"] for line in metrics if line["episode_length"] > LONG_EPISODE), None)
    gate = judged["gate"]
    missed = [name for name, line in gate.items() if not line["pass"]]
    rate = statistics.median(line["env_steps_per_sec"] for line in metrics)
    curve = [
        (line["iteration"], line["wall_s"], line["env_steps"], line["episode_length"], line["episode_reward"])
        for line in metrics
        if line["iteration"] % EVERY == 0 or line is metrics[-1]
    ]
    return report(
        [
            figure("training, to its end", whole_s, "s", most=WANTED_S),
            figure(f"until episodes last {LONG_EPISODE} of 500 steps", long, "s", most=WANTED_S, why="MISSED, never"),
            figure("env-steps/s while it trained, median", rate, "", least=WANTED_RATE),
            figure("lines of the gate that were missed", len(missed), "", most=0),
        ],
        [
            table(
                "The gate",
                ("", "value", "wanted", ""),
                [(name, x["value"], x["target"], "ok" if x["pass"] else "MISSED") for name, x in gate.items()],
            ),
            table("The curve", ("iteration", "s", "env-steps", "episode length", "episode reward"), curve),
        ],
    )


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two iterations, two trials: proves that it runs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measure(options.quick)
    print(show(found))
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
