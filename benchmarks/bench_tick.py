"""What the pure tick costs beside the bare network: observe, infer, filter, map, limit, and safety around them.

`make bench-tick`. Calls of the bare session, of the policy's path and of the whole tick take turns, so that whatever
else this machine does meets all three alike. Wanted: observe, infer, filter, map, limit at most 4 times the bare call.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from results import figure, report, show, table, write_json

from contract import Bundle, Command, Signals, advance, assets_dir, initial_state, load_bundle, observe
from robotd import realtime
from robotd.config import RobotdConfig
from robotd.limits import limit
from robotd.mode import Mode
from robotd.policy import open_session
from robotd.record import Orders
from robotd.tick import initial_tick_state, make_setup, tick

WANTED = 4.0
WANTED_NETWORK_MS = 5.0
VARIETY = 64  # different moments, so that no branch and no cache sees the same one all the time


def moments(bundle: Bundle) -> list[Signals]:
    """A robot that wobbles about its home pose."""
    rng, robot = np.random.default_rng(0), bundle.spec.robot
    joints = len(robot.home)
    made = []
    for _ in range(VARIETY):
        quat = np.array([1, *rng.normal(0, 0.02, 3)])
        made.append(
            Signals(
                quat_wxyz=(quat / np.linalg.norm(quat)).astype(np.float32),
                gyro_rad_s=rng.normal(0, 0.2, 3).astype(np.float32),
                joint_pos_rad=(robot.home + rng.normal(0, 0.01, joints)).astype(np.float32),
                joint_vel_rad_s=rng.normal(0, 0.2, joints).astype(np.float32),
                foot_switches=rng.integers(0, 2, 4).astype(np.float32),
                stamp_s=np.asarray(0.0),
                joint_age_s=np.full(joints, 0.02, np.float32),
                imu_age_s=np.asarray(0.005, np.float32),
            )
        )
    return made


def contenders(bundle: Bundle) -> dict[str, Callable[[int], Any]]:
    """What is timed, by name; each call gets the number of its round."""
    spec, signals = bundle.spec, moments(bundle)
    session = open_session((bundle.path / "policy.onnx").read_bytes())
    names, feed = [spec.model.output_name], {spec.model.input_name: np.zeros((1, spec.model.obs_dim), np.float32)}
    setup = make_setup(spec, bundle.robot_config, RobotdConfig())
    networks = {setup.policy: bundle.network}
    command, orders = Command(np.zeros(3, np.float32)), Orders()
    policy, state = initial_state(spec), initial_tick_state(setup)._replace(mode=Mode.ACTIVE)
    dt_s, home = spec.runtime.ctrl_dt, setup.home_rad

    def path(number: int) -> None:
        nonlocal policy
        observation = observe(spec, policy, signals[number % VARIETY], command)
        policy, target = advance(spec, policy, bundle.network(observation))
        limit(setup.limits, target, home, dt_s, 1.0)

    def whole(number: int) -> None:
        nonlocal state
        state, _, record = tick(setup, state, signals[number % VARIETY], orders, networks)
        if record.mode is not Mode.ACTIVE:  # a stop is cheaper, and no measurement
            state = initial_tick_state(setup)._replace(mode=Mode.ACTIVE)

    return {
        "bare network": lambda number: session.run(names, feed),
        "policy's path": path,
        "whole tick": whole,
    }


def measure(timed: dict[str, Callable[[int], Any]], rounds: int) -> dict[str, np.ndarray]:
    """Durations in us (rounds,) of each, in turns; the first tenth is warm-up and left out."""
    durations = {name: np.zeros(rounds) for name in timed}
    clock = time.perf_counter_ns
    gc.collect()
    gc.freeze()
    gc.disable()
    for number in range(-rounds // 10, rounds):
        for name, call in timed.items():
            begin = clock()
            call(number)
            durations[name][max(number, 0)] = (clock() - begin) / 1e3
    gc.enable()
    gc.unfreeze()
    return durations


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=assets_dir() / "bundles" / "walking")
    parser.add_argument("--quick", action="store_true", help="1000 rounds in place of 30000: proves that it runs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    bundle = load_bundle(options.bundle, open_session)
    granted = realtime.prepare(RobotdConfig().realtime)
    durations = measure(contenders(bundle), 1000 if options.quick else 30_000)
    for step in granted:
        print(f"  {step}")
    found = report_of(options.bundle.name, bundle.spec.model.obs_dim, durations)
    print(show(found))
    if options.json:
        write_json(options.json, found)


def report_of(name: str, obs_dim: int, durations: dict[str, np.ndarray]) -> dict[str, Any]:
    """Quantiles of each contender, and its ratio to the bare network."""
    bare = np.percentile(durations["bare network"], [50, 99])
    rows, figures = [], [figure("bare network, p99", bare[1] / 1e3, "ms", most=WANTED_NETWORK_MS)]
    for who, values in durations.items():
        p50, p99 = np.percentile(values, [50, 99])
        rows.append((who, p50, p99, values.max(), p50 / bare[0], p99 / bare[1]))
        if who != "bare network":
            figures.append(figure(f"{who} / bare network, p50", p50 / bare[0], "x", most=WANTED))
            figures.append(figure(f"{who} / bare network, p99", p99 / bare[1], "x", most=WANTED))
    head = ("", "p50", "p99", "max", "x p50", "x p99")
    return report(figures, [table(f"A tick of {name}, observation {obs_dim}, us", head, rows)])


if __name__ == "__main__":
    main()
