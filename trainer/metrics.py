"""What a run says about itself: episode means, metrics.jsonl, TensorBoard, W&B, and lines for people."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from contract import ConfigError

from .amp import monitor
from .ppo import Transition

METRICS_FILE, EVENTS_FOLDER = "metrics.jsonl", "tensorboard"
MEMORY = 256
BAR_WIDTH = 24


class EpisodeMeter:
    """Mean reward and length of the last MEMORY episodes that ended, over all robots."""

    def __init__(self, num_envs: int) -> None:
        self._reward, self._length = np.zeros(num_envs), np.zeros(num_envs)
        self._ended = np.zeros((0, 2))

    def add(self, rollout: Transition) -> dict[str, float]:
        """Take in a rollout [T, B]; means of what ended, nan before the first episode has."""
        for reward, terminated, truncated in zip(rollout.reward, rollout.terminated, rollout.truncated, strict=True):
            self._reward += reward
            self._length += 1
            over = np.flatnonzero(terminated | truncated)
            self._ended = np.concatenate([self._ended, np.stack([self._reward, self._length], 1)[over]])
            self._reward[over] = self._length[over] = 0
        self._ended = self._ended[-MEMORY:]
        means = self._ended.mean(0) if len(self._ended) else (np.nan, np.nan)
        return {"episode_reward": float(means[0]), "episode_length": float(means[1])}

    def snapshot(self) -> dict[str, np.ndarray]:
        """Copies of all it remembers; rows of `ended` (MEMORY, 2) beyond the episodes that it knows are nan."""
        ended = np.full((MEMORY, 2), np.nan)
        ended[: len(self._ended)] = self._ended
        return {"reward": self._reward.copy(), "length": self._length.copy(), "ended": ended}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Remember what a snapshot holds."""
        self._reward, self._length = np.array(arrays["reward"]), np.array(arrays["length"])
        ended = np.array(arrays["ended"])
        self._ended = ended[np.isfinite(ended[:, 1])]


def loss_metrics(losses: Mapping[str, Any]) -> dict[str, float]:
    """The learner's figures under the roadmap's names: entropy_loss, minus the entropy of the actions, is minimised."""
    named = {name: float(value) for name, value in losses.items()}
    if "entropy" in named:
        named["entropy_loss"] = -named.pop("entropy")
    return named


class MetricsLog:
    """metrics.jsonl (one line for each iteration), TensorBoard event files, and W&B's offline files if asked for."""

    def __init__(self, run: Path, done: int = 0, wandb_config: Mapping[str, Any] | None = None) -> None:
        """Go on after iteration `done`: what was written of later ones is cut.

        Args:
            wandb_config: also write an offline W&B run with this config into the folder.

        Raises:
            ConfigError: W&B is asked for and not installed.
            OSError: the folder cannot be written to.
        """
        self._wandb = None if wandb_config is None else _offline_wandb(run, wandb_config)
        cut_after(run / METRICS_FILE, done)
        self._lines = (run / METRICS_FILE).open("a", encoding="utf-8")
        self._events = _EventFile(run / EVENTS_FOLDER, done)

    def write(self, metrics: Mapping[str, float]) -> None:
        """One iteration. Raises OSError."""
        self._lines.write(json.dumps(metrics) + "\n")
        self._lines.flush()
        self._events.write(metrics)
        if self._wandb is not None:
            self._wandb.log(dict(metrics), step=int(metrics["iteration"]))

    def close(self) -> None:
        """End all files."""
        self._lines.close()
        self._events.close()
        if self._wandb is not None:
            self._wandb.finish()


def cut_after(path: Path, iteration: int) -> None:
    """Drop the lines of later iterations, and a last line that was not finished. Raises OSError."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            break
        if row["iteration"] <= iteration:
            kept.append(line + "\n")
    beside = path.with_name(f".{path.name}.part")
    beside.write_text("".join(kept), encoding="utf-8")
    beside.replace(path)


class _EventFile:
    """Scalars for TensorBoard, written at once: the library's own writer has a thread that dies with a full disk."""

    def __init__(self, folder: Path, done: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.proto.summary_pb2 import Summary

        folder.mkdir(parents=True, exist_ok=True)
        begun = any(folder.iterdir())
        self._event, self._summary = Event, Summary
        self._writer = EventsWriter(str(folder / "events"), f".{os.getpid()}")
        if begun:  # TensorBoard then forgets what the stopped run wrote from this step on
            start = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(wall_time=time.time(), step=done + 1, session_log=start))

    def write(self, metrics: Mapping[str, float]) -> None:
        values = [self._summary.Value(tag=name, simple_value=value) for name, value in metrics.items()]
        summary = self._summary(value=values)
        self._writer.write_event(self._event(wall_time=time.time(), step=int(metrics["iteration"]), summary=summary))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _offline_wandb(run: Path, config: Mapping[str, Any]) -> Any:
    try:
        import wandb
    except ImportError:
        raise ConfigError(
            "--wandb: the package wandb is missing, expected it beside the trainer; install it or leave --wandb out"
        ) from None
    return wandb.init(mode="offline", dir=str(run), project="wildrobot", name=run.name, config=dict(config))


class Progress:
    """Shows a run's iterations: a bar with rate and time left on a terminal, now and then a line elsewhere.

    Warnings about AMP's health go to `errors`, once when they begin.
    """

    def __init__(self, iterations: int, stream: TextIO | None = None, errors: TextIO | None = None) -> None:
        self._iterations = iterations
        self._stream, self._errors = stream or sys.stdout, errors or sys.stderr
        self._bar = self._stream.isatty()
        self._first: tuple[int, float] | None = None
        self._open = False  # the bar's line is not ended
        self._warn = amp_watch()

    def __call__(self, metrics: Mapping[str, Any]) -> None:
        iteration, now = int(metrics["iteration"]), time.monotonic()
        self._first = self._first or (iteration, now)
        if self._bar:
            self._stream.write("\r" + self._bar_line(metrics, iteration, now) + "\x1b[K")
            self._open = True
            if iteration == self._iterations:
                self.end()
        elif iteration % 10 == 0 or iteration == self._first[0]:
            self._stream.write(_line(metrics) + "\n")
        self._stream.flush()
        warning = self._warn(metrics)
        if warning:
            self._errors.write(("\n" if self._bar else "") + f"trainer: {warning}\n")

    def end(self) -> None:
        """End the bar's line, so that what follows stands in its own."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _bar_line(self, metrics: Mapping[str, Any], iteration: int, now: float) -> str:
        assert self._first is not None
        begun, since = self._first
        each = (now - since) / (iteration - begun) if iteration > begun else float("nan")
        left = each * (self._iterations - iteration)
        clock = f"{int(left) // 60}:{int(left) % 60:02d} left" if np.isfinite(left) else "- left"
        full = BAR_WIDTH * iteration // self._iterations
        rate = f"{metrics['env_steps_per_sec']:.0f} steps/s"
        bar = "#" * full + "." * (BAR_WIDTH - full)
        return f"[{bar}] {iteration}/{self._iterations}  {rate}  {clock}  length {metrics['episode_length']:.0f}"


def amp_watch() -> Callable[[Mapping[str, Any]], str | None]:
    """A function of each iteration's metrics that says trainer.amp.monitor's warning when one begins, else None."""
    recent: deque[Mapping[str, Any]] = deque(maxlen=monitor.WINDOW)
    state = {"alarmed": False}

    def look(metrics: Mapping[str, Any]) -> str | None:
        if "disc_accuracy" not in metrics:
            return None
        recent.append(metrics)
        sentence = monitor.warning(tuple(recent))
        begins = sentence is not None and not state["alarmed"]
        state["alarmed"] = sentence is not None
        return sentence if begins else None

    return look


def _line(metrics: Mapping[str, Any]) -> str:
    return (
        "iteration {iteration:5d}  steps {env_steps:9d}  reward {episode_reward:7.2f}  length {episode_length:6.1f}  "
        "kl {approx_kl:.4f}  lr {learning_rate:.1e}  {env_steps_per_sec:6.0f} steps/s  {wall_s:6.1f} s"
    ).format(**metrics)
