"""Env-steps per second of training and of its parts, beside other projects' environments, in one run.

`make bench-train` installs the other projects into an environment of their own and runs this. Nothing is asserted:
read the table on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from results import ROOT, Report, figure, progress, report, show, table, write_json

from contract import ConfigError, assets_dir, load_robot_config
from trainer.config import TrainConfig, load_train_config
from trainer.physics.backends import create_physics
from trainer.physics.body_state import Physics, PhysicsParams
from trainer.physics.mjx import ITERATIONS, LS_ITERATIONS
from trainer.physics.robot_model import RobotModel, load_robot_model
from trainer.train import train

PEERS = ("brax", "playground")
PARTS = ("native", "mjx", "training", *PEERS)
WANTED_RATIO, WANTED_RATE = 3.0, 10_000.0
CTRL_DT, SIM_DT = 0.02, 0.005
DECIMATION = round(CTRL_DT / SIM_DT)
PEER_TIMEOUT_S = 900


def varied_params(robot: RobotModel, count: int) -> PhysicsParams:
    """`count` robots and floors that differ, as in training."""
    draw = np.random.default_rng(0).uniform
    joints, half, level = len(robot.qpos), draw(-0.02, 0.02, count), np.zeros(count)
    return PhysicsParams(
        friction=draw(0.4, 1.2, count),
        mass_scale=draw(0.85, 1.15, (count, robot.model.nbody)),
        motor_strength=draw(0.9, 1.1, (count, joints)),
        joint_damping=draw(0.5, 1.5, (count, joints)),
        joint_friction=draw(0.5, 1.5, (count, joints)),
        floor_quat=np.stack([np.cos(half), level, np.sin(half), level], 1),
    )


def bench_physics(name: str, robot: RobotModel, num_envs: int, steps: int, repeats: int) -> dict[str, Any]:
    """Control steps of `num_envs` standing, pushed robots on one backend; the first run is warm-up."""
    physics: Physics = create_physics(name, robot, num_envs, DECIMATION)
    rng = np.random.default_rng(1)
    home = robot.config.home
    targets = (home + rng.normal(0, 0.1, (steps, num_envs, DECIMATION, len(home)))).astype(np.float32)
    pushes = rng.normal(0, 3, (steps, num_envs, 3)).astype(np.float32)
    qpos, qvel = np.tile(robot.home_qpos, (num_envs, 1)), np.zeros((num_envs, robot.model.nv))
    params, everyone, seconds = varied_params(robot, num_envs), np.arange(num_envs), []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        jax.block_until_ready(physics.reset(everyone, qpos, qvel, params))
        reset_s = time.perf_counter() - started
        started = time.perf_counter()
        for target, push in zip(targets, pushes, strict=True):
            body = physics.step(target, push)
        jax.block_until_ready(body)
        seconds.append(time.perf_counter() - started)
        if len(seconds) == 1:
            first_s = reset_s + seconds[0]
    opt = robot.model.opt
    solver = (opt.iterations, opt.ls_iterations) if name == "native" else (ITERATIONS, LS_ITERATIONS)
    return measured(f"{name}: physics alone", seconds, num_envs * steps, first_s, robot.model.nv, solver)


def measured(
    name: str, seconds: list[float], env_steps: int, first_s: float, dofs: int, solver: Sequence[int]
) -> dict[str, Any]:
    """A row of the table from the seconds of all runs, the warm-up run first; solver: iterations, of line search."""
    rates = sorted(env_steps / s for s in seconds[1:])
    compile_s = max(first_s - statistics.median(seconds[1:]), 0.0)
    return {
        "name": name,
        "env_steps_per_sec": statistics.median(rates),
        "slowest": rates[0],
        "fastest": rates[-1],
        "compile_s": compile_s,
        "dofs": dofs,
        "substeps": DECIMATION,
        "solver": f"{solver[0]}/{solver[1]}",
    }


def load_robot() -> RobotModel:
    """The shipped robot on a floor."""
    assets = assets_dir()
    return load_robot_model(assets / "scene.xml", load_robot_config(assets / "robot_config.yaml"), SIM_DT)


def bench_training(config: TrainConfig, num_envs: int, iterations: int, robot: RobotModel) -> dict[str, Any]:
    """Whole training iterations on native physics; medians without the first two, which compile."""
    env = config.env.model_copy(update={"num_envs": num_envs, "ctrl_dt": CTRL_DT, "sim_dt": SIM_DT})
    total = iterations + 2
    config = config.model_copy(update={"env": env, "iterations": total, "checkpoint_every": total})
    with tempfile.TemporaryDirectory() as folder:
        train(config, Path(folder))
        lines = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    metrics = [json.loads(line) for line in lines]
    seconds = [m["rollout_s"] + m["update_s"] for m in metrics]
    env_steps = num_envs * config.ppo.num_steps
    name, opt = f"native: training, {config.task}", robot.model.opt
    solver = (opt.iterations, opt.ls_iterations)
    row = measured(name, seconds[1:], env_steps, sum(seconds[:2]), robot.model.nv, solver)
    warm = metrics[2:]
    mean = {key: statistics.fmean(m[key] for m in warm) for key in ("physics_s", "rollout_s", "update_s")}
    whole = mean["rollout_s"] + mean["update_s"]
    row["shares"] = {
        "physics": mean["physics_s"] / whole,
        "env, network and resets": (mean["rollout_s"] - mean["physics_s"]) / whole,
        "learner": mean["update_s"] / whole,
    }
    return row


def bench_peer(peer: str, python: Path, num_envs: int, steps: int, repeats: int) -> dict[str, Any]:
    """Another project's environment step, measured by its own interpreter; or why it does not run."""
    if not python.exists():
        return {"name": peer, "why": f"{python} is missing; `make bench-train` installs it"}
    sizes = [str(n) for n in (num_envs, steps, repeats, DECIMATION)]
    command = [str(python), str(ROOT / "benchmarks" / "peer_env.py"), peer, *sizes]
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore", "JAX_TRACEBACK_FILTERING": "off"}
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PEER_TIMEOUT_S, env=quiet, cwd=ROOT
        )
    except subprocess.TimeoutExpired:
        return {"name": peer, "why": f"not done after {PEER_TIMEOUT_S} s"}
    if result.returncode:
        said = result.stderr.strip().splitlines()
        errors = [line for line in said if "Error" in line.partition(":")[0]] or said or ["nothing said"]
        return {"name": peer, "why": f"exit {result.returncode}: {errors[-1]}"}
    found = json.loads(result.stdout.splitlines()[-1])
    env_steps = num_envs * steps
    row = measured(found["name"], found["seconds"], env_steps, found["first_s"], found["dofs"], found["solver"])
    return row | {"versions": found["versions"]}


def report_of(rows: Sequence[dict[str, Any]], num_envs: int) -> Report:
    """Rates, the ratios of native physics to each of them, and the shares of an iteration."""
    done = {row["key"]: row for row in rows if "why" not in row}
    why = {row["key"]: f"not measured: {row['why']}" for row in rows if "why" in row}
    native = done.get("native")

    def ratio(key: str) -> float | None:
        ours, other = (native, done.get(key)) if native else (None, None)
        return ours["env_steps_per_sec"] / other["env_steps_per_sec"] if ours and other else None

    learned = done.get("training")
    figures = [
        figure("native / mjx on this CPU", ratio("mjx"), "x", least=WANTED_RATIO, why=why.get("mjx")),
        *(figure(f"native / {peer}'s humanoid on MJX", ratio(peer), "x", why=why.get(peer)) for peer in PEERS),
        figure(
            f"training with {num_envs} envs, env-steps/s", learned and learned["env_steps_per_sec"], least=WANTED_RATE
        ),
        figure("learner, share of an iteration", learned and 100 * learned["shares"]["learner"], "%"),
    ]
    head = ("", "env-steps/s", "slowest", "fastest", "native is x", "dofs", "substeps", "solver", "compile s")
    keys = ("env_steps_per_sec", "slowest", "fastest")
    rest = ("dofs", "substeps", "solver", "compile_s")
    title = f"Env-steps/s, {num_envs} envs, {CTRL_DT * 1e3:g} ms control, {SIM_DT * 1e3:g} ms physics"
    body = [
        (row["name"], *(row[key] for key in keys), ratio(key), *(row[key] for key in rest)) for key, row in done.items()
    ]
    tables = [table(title, head, body)]
    if learned:
        shares = [(name, f"{share:.0%}") for name, share in learned["shares"].items()]
        tables.append(table("Where an iteration's time goes", ("", "share"), shares))
    return report(figures, tables)


def main() -> None:
    """Run the parts one after the other and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few steps and repeats: to see that all parts run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report")
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="only these")
    parser.add_argument("--config", type=Path, default=ROOT / "trainer" / "configs" / "walking.yaml")
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".venv-peers" / "bin" / "python")
    options = parser.parse_args()
    if options.num_envs < 1:
        parser.error(f"--num-envs is {options.num_envs}, expected at least 1")
    count = options.num_envs
    steps, slow_steps, repeats, iterations = (10, 3, 2, 3) if options.quick else (100, 25, 7, 20)
    robot = load_robot()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "native": lambda: bench_physics("native", robot, count, steps, repeats),
        "mjx": lambda: bench_physics("mjx", robot, count, slow_steps, repeats),
        "training": lambda: bench_training(load_train_config(options.config), count, iterations, robot),
    }
    for peer in PEERS:
        parts[peer] = lambda peer=peer: bench_peer(peer, options.peers_python, count, slow_steps, repeats)
    if os.getloadavg()[0] > 0.5:
        progress("the machine is busy: these figures will be too low")
    rows = []
    for key in (key for key in PARTS if key in options.parts):
        progress(f"measuring {key}")
        rows.append({"key": key} | parts[key]())
    found = report_of(rows, count)
    print(show(found))
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        sys.exit(f"bench_train: {error}")
