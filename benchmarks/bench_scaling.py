"""Training's env-steps/s against the number of robots, of cores, and the size of the networks.

`python benchmarks/bench_scaling.py`. Each point is a process of its own, so that jax and MuJoCo start with the cores
that they may use: whole iterations of walking.yaml on native physics, and physics alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from results import figure, progress, report, show, table, write_json

NUM_ENVS = (16, 64, 256, 1024, 4096)
HIDDEN = ((64, 64), (128, 128), (256, 256), (512, 256, 128), (1024, 512, 256))
OWN_ENVS, OWN_HIDDEN = 256, (128, 128)
Point = tuple[int, int, tuple[int, ...]]


def measure_here(num_envs: int, hidden: tuple[int, ...], quick: bool) -> dict[str, float]:
    """Rates of training and of physics alone in this process, on the CPUs that it may use."""
    from bench_train import ROOT, bench_physics, bench_training, load_robot

    from trainer.config import load_train_config

    robot, config = load_robot(), load_train_config(ROOT / "trainer" / "configs" / "walking.yaml")
    changes = {"policy_hidden_dims": hidden, "value_hidden_dims": hidden}
    config = config.model_copy(update={"network": config.network.model_copy(update=changes)})
    steps, repeats, iterations = (3, 1, 1) if quick else (max(10, 25_600 // num_envs), 5, 10)
    physics = bench_physics("native", robot, num_envs, steps, repeats)
    training = bench_training(config, num_envs, iterations, robot)
    return {
        "physics": physics["env_steps_per_sec"],
        "training": training["env_steps_per_sec"],
        "learner": training["shares"]["learner"],
    }


def measure(point: Point, quick: bool) -> dict[str, float]:
    """The same in a process of its own with so many cores."""
    cores, num_envs, hidden = point
    words = "-".join(map(str, hidden))
    progress(f"{num_envs} robots, {cores} cores, networks {words}")
    cpus = set(sorted(os.sched_getaffinity(0))[:cores])
    command = [sys.executable, str(Path(__file__)), "--point", str(num_envs), words, *(["--quick"] if quick else [])]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus)
    )
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def rows_of(points: Iterable[Point], found: dict[Point, dict[str, float]]) -> list[tuple[Any, ...]]:
    """Rows of a table, in order."""
    return [
        (envs, cores, "-".join(map(str, hidden)), each["physics"], each["training"], f"{each['learner']:.0%}")
        for cores, envs, hidden in points
        for each in [found[cores, envs, hidden]]
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short point: proves that it runs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--point", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        hidden = tuple(int(width) for width in options.point[1].split("-"))
        print(json.dumps(measure_here(int(options.point[0]), hidden, options.quick)))
        return
    every = len(os.sched_getaffinity(0))
    counts = sorted({1, *(2**n for n in range(every.bit_length())), every} & set(range(1, every + 1)))
    own = (every, OWN_ENVS, OWN_HIDDEN)
    curves: dict[str, list[Point]] = {
        "robots": [(every, envs, OWN_HIDDEN) for envs in NUM_ENVS],
        "cores": [(cores, OWN_ENVS, OWN_HIDDEN) for cores in counts],
        "the networks' size": [(every, OWN_ENVS, hidden) for hidden in HIDDEN],
    }
    if options.quick:
        own = (every, 16, (64, 64))
        curves = {"robots": [own]}
    found: dict[Point, dict[str, float]] = {}
    for point in dict.fromkeys(point for points in curves.values() for point in points):
        found[point] = measure(point, options.quick)
    head = ("robots", "cores", "networks", "physics alone", "training", "learner")
    figures = [figure(f"training with {own[1]} robots on {every} cores, env-steps/s", found[own]["training"])]
    if not options.quick and every > 1:
        gain = found[own]["training"] / found[1, OWN_ENVS, OWN_HIDDEN]["training"]
        figures.append(figure(f"{every} cores / one core, training", gain, "x"))
    below = {"robots": (0, (3, 4)), "cores": (1, (3, 4))}
    tables = [
        table(f"Env-steps/s against {name}", head, rows_of(points, found), below.get(name))
        for name, points in curves.items()
    ]
    result = report(figures, tables)
    print(show(result))
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
