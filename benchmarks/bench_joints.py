"""What a tick costs against the number of joints and the size of the network.

`python benchmarks/bench_joints.py`. Robots of 8 to 40 joints and networks are made up by the tests' bundle builder;
they are timed as the walking bundle is by bench_tick.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench_tick import contenders, measure
from results import ROOT, figure, progress, report, show, table, write_json

from contract import Bundle, load_bundle
from contract.spec_reader import parse_spec
from robotd import realtime
from robotd.config import RobotdConfig
from robotd.policy import open_session

sys.path.append(str(ROOT / "tests"))
from bundle_builder import WALKING_LAYOUT, make_bundle, make_spec_data, random_network

JOINTS = (8, 11, 16, 23, 32, 40)
HIDDEN = ((64, 64), (128, 128), (256, 256), (512, 256, 128), (1024, 512, 256))
OWN_JOINTS, OWN_HIDDEN = 11, (128, 128)
PERIOD_US = 20_000.0


def made_up(folder: Path, joints: int, hidden: tuple[int, ...]) -> Bundle:
    """A walking policy of so many joints with random weights."""
    data = make_spec_data(joints, WALKING_LAYOUT)
    data["robot"]["home_ctrl_rad"] = [0.0] * joints
    for joint in data["robot"]["joints"].values():
        joint |= {"range_min_rad": -1.0, "range_max_rad": 1.0}
    path = make_bundle(folder, data, network=random_network(parse_spec(data)[0], hidden=hidden))
    return load_bundle(path, open_session)


def row_of(joints: int, hidden: tuple[int, ...], rounds: int) -> tuple[object, ...]:
    """Joints, network, observation, then us: the bare network p50, the whole tick p50 and p99, and their ratio."""
    words = "-".join(map(str, hidden))
    progress(f"{joints} joints, network {words}")
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        bundle = made_up(Path(folder) / "bundle", joints, hidden)
        taken = measure(contenders(bundle), rounds)
    bare, tick = float(np.percentile(taken["bare network"], 50)), np.percentile(taken["whole tick"], [50, 99])
    return words, joints, bundle.spec.model.obs_dim, bare, float(tick[0]), float(tick[1]), float(tick[0]) / bare


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 rounds of few robots: proves that it runs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rounds, thin = (200, 5) if options.quick else (10_000, 1)
    realtime.prepare(RobotdConfig().realtime)
    by_joints = [row_of(joints, OWN_HIDDEN, rounds) for joints in JOINTS[::thin]]
    by_size = [row_of(OWN_JOINTS, hidden, rounds) for hidden in HIDDEN[::thin]]
    head = ("network", "joints", "observation", "network p50", "tick p50", "tick p99", "tick / network")
    most = max(JOINTS[::thin])
    found = report(
        [
            figure(f"tick p99 with {most} joints, of the period", by_joints[-1][5] / PERIOD_US * 100, "%", most=50),
            figure("tick p50, each joint beyond the first ones", slope(by_joints), "us"),
        ],
        [
            table("A tick against joints, us", head, by_joints, (1, (3, 4, 5))),
            table("A tick against the network's size, us", head, by_size),
        ],
    )
    print(show(found))
    if options.json:
        write_json(options.json, found)


def slope(rows: list[tuple[object, ...]]) -> float | None:
    """us for each joint, by least squares; None with one row."""
    joints, ticks = np.array([row[1] for row in rows], float), np.array([row[4] for row in rows], float)
    return float(np.polyfit(joints, ticks, 1)[0]) if len(rows) > 1 else None


if __name__ == "__main__":
    main()
