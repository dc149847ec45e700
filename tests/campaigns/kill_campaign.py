"""Kills with SIGKILL at random moments: writers of files, the trainer, and robotd under systemd with torque on.

A part is one kill, `bundle/7`. Files must be whole and lose nothing that was finished; a trainer that is resumed must
end with the straight run's weights, bit by bit; after robotd's death every servo must be unloaded.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "e2e"), str(TESTS / "robotd" / "ctl")]  # systemd_rig, calibration_rig

from kill_victims import STANDING, VICTIMS, kill  # noqa: E402

LONG = {"black box": 60, "calibration": 40, "bundle": 40, "checkpoint": 20, "trainer": 10, "daemon": 30}
SHORT = {"black box": 2, "calibration": 2, "bundle": 2, "checkpoint": 1}
PROMISED_S = 0.5
"""From robotd's death to the last servo's unload."""
ITERATIONS, PATIENCE_S = 6, 3600
TRAIN = [sys.executable, "-c", "from trainer.cli import main; main()", "train"]
Add = Callable[[str, dict[str, Any]], None]


def parts(short: bool) -> list[str]:
    """Names of all kills."""
    return [f"{name}/{number}" for name, count in (SHORT if short else LONG).items() for number in range(count)]


def run(wanted: Sequence[str], add: Add) -> None:
    """Do these kills; those of one kind share what they need."""
    by_kind: dict[str, list[int]] = {}
    for part in wanted:
        kind, _, number = part.partition("/")
        by_kind.setdefault(kind, []).append(int(number))
    for kind, numbers in by_kind.items():
        if kind == "trainer":
            _kill_trainers(numbers, add)
        elif kind == "daemon":
            _kill_daemons(numbers, add)
        else:
            for number in numbers:
                with tempfile.TemporaryDirectory(prefix="wr-") as folder:
                    found = kill(VICTIMS[kind], Path(folder), number)
                add(f"{kind}/{number}", _found(kind, number, found))


def _found(kind: str, number: int, problems: Sequence[str], **more: Any) -> dict[str, Any]:
    told = [f"{kind} {number}: {each}" for each in problems]
    return {"tried": 1, "survived": int(not told), "lost": len(told), "problems": told} | more


# The trainer


def _kill_trainers(numbers: Sequence[int], add: Add) -> None:
    with tempfile.TemporaryDirectory(prefix="wr-") as name:
        folder = Path(name)
        environment = _compiled_once(folder / "cache")
        straight = folder / "straight"
        config = _small_config(folder / "config.yaml")
        _train(["--config", str(config), "--run", str(straight)], environment)
        wanted = _weights(straight)
        for number in numbers:
            problems = _kill_trainer(folder / f"run-{number}", config, environment, number, wanted)
            add(f"trainer/{number}", _found("trainer", number, problems))


def _kill_trainer(run_at: Path, config: Path, environment: dict[str, str], number: int, wanted: str) -> list[str]:
    """Kill one after its first checkpoint, resume it, and compare its weights with those of a straight run."""
    from trainer.checkpoint import checkpoints

    quiet = subprocess.DEVNULL
    words = ["--config", str(config), "--run", str(run_at)]
    victim = subprocess.Popen([*TRAIN, *words], stdout=quiet, stderr=quiet, env=environment)
    until_s = time.monotonic() + PATIENCE_S
    while not checkpoints(run_at / "checkpoints") and victim.poll() is None and time.monotonic() < until_s:
        time.sleep(0.02)
    time.sleep(random.Random(number).uniform(0, 0.5))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    if not checkpoints(run_at / "checkpoints"):
        return ["no checkpoint before the kill"]
    try:
        _train(["--resume", str(run_at)], environment)
    except RuntimeError as problem:
        return [str(problem)]
    return [] if _weights(run_at) == wanted else ["the resumed run has other weights than the straight one"]


def _train(words: Sequence[str], environment: dict[str, str]) -> None:
    """To the end. Raises RuntimeError."""
    done = subprocess.run([*TRAIN, *words], capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
    if done.returncode:
        raise RuntimeError(f"trainer left with {done.returncode}: {done.stderr[-300:]}")


def _weights(run_at: Path) -> str:
    from trainer.checkpoint import latest_checkpoint, load_meta

    return str(load_meta(latest_checkpoint(run_at))["weights_hash"])


def _small_config(path: Path) -> Path:
    """Standing with few robots and short rollouts: what is killed is the same program."""
    import yaml

    from trainer.config import load_train_config

    standing = Path(__file__).resolve().parents[2] / "trainer" / "configs" / "standing.yaml"
    data = load_train_config(standing).model_dump(mode="json")
    data |= {"iterations": ITERATIONS, "checkpoint_every": 1}
    data["env"] |= {"num_envs": 32}
    data["ppo"] |= {"num_steps": 8}
    path.write_text(yaml.safe_dump(data))
    return path


def _compiled_once(cache: Path) -> dict[str, str]:
    everything = {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    return {**os.environ, **everything, "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1", "JAX_PLATFORMS": "cpu"}


# robotd


def _kill_daemons(numbers: Sequence[int], add: Add) -> None:
    from systemd_rig import why_not

    if reason := why_not():
        print(f"robotd is not killed: {reason}", file=sys.stderr)
        return
    try:
        with _armed_robot() as (robot, arm):
            for number in numbers:
                arm()
                time.sleep(random.Random(number).uniform(0, 3))  # in homing, or in standby
                pid = robot.pid()
                after_s = robot.unloaded_s(robot.kill())
                robot.come_back(pid)
                problems = [f"{len(robot.loaded())} servos are loaded"] if robot.loaded() else []
                robot.systemctl("reset-failed", "robotd")
                found = _found("daemon", number, problems, unload_ms=round(after_s * 1e3, 1))
                add(f"daemon/{number}", found | {"in_time": int(after_s <= PROMISED_S)})
    except AssertionError as problem:  # the rig's patience is over: no finding, and the part stays to be done
        print(f"robotd is killed no more: {' '.join(str(problem).split())[:300]}", file=sys.stderr)


@contextmanager
def _armed_robot() -> Iterator[tuple[Any, Callable[[], None]]]:
    """robotd under a manager of its own, and what arms it."""
    from systemd_rig import SERVOS, rig

    from robotd.ctl.client import Client
    from robotd.messages import Arm, Done

    with rig(STANDING) as robot:
        robot.start()

        def arm() -> None:
            with Client(robot.folder / "run" / "robotd" / "robotd.sock", timeout_s=30) as asking:
                robot.until(lambda: asking.ask(Arm(), Done).ok, "not armed")
            robot.until(lambda: robot.loaded() == set(SERVOS), "torque did not come on")

        try:
            yield robot, arm
        finally:
            robot.systemctl("stop", "robotd", check=False)
