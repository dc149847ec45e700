"""Progress of the trainer's long verbs: a bar with the time left on a terminal, plain lines in a pipe."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from contract import assets_dir
from trainer import progress
from trainer.assessment import Terms, work
from trainer.config import TrainConfig
from trainer.evaluate import evaluation_env
from trainer.exam import envelope_steps, ladder_steps
from trainer.export import work as export_work
from trainer.progress import Progress

BUNDLE = assets_dir() / "bundles" / "standing"
FILM = ["visualize", "--bundle", BUNDLE, "--headless", "--num-steps", "200", "--push-n", "0", "--output"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def walk(line: Progress, now_s: list[float], pieces: int, each_s: float) -> None:
    for _ in range(pieces):
        now_s[0] += each_s
        line.add()


def test_a_terminal_sees_a_bar_with_the_time_left_and_no_trace_of_it_after(now_s: list[float]) -> None:
    stream = Terminal()
    with Progress("walking", 100, stream) as line:
        now_s[0] += 30.0  # compiling, which is no pace
        line.add()
        walk(line, now_s, 49, 0.5)
    shown = stream.getvalue().split("\r\x1b[K")
    assert shown[1].startswith("walking [") and "left" not in shown[1]
    assert shown[-2] == f"walking [{'#' * 12}{'.' * 12}]  50%, 0:25 left"
    assert shown[-1] == "" and "\n" not in stream.getvalue()


def test_a_pipe_sees_a_plain_line_now_and_then(now_s: list[float]) -> None:
    stream = io.StringIO()
    with Progress("walking", 1000, stream) as line:
        walk(line, now_s, 900, 0.1)
        line.say("a word")
    lines = stream.getvalue().splitlines()
    assert 7 <= len(lines) <= 10 and lines[0] == "walking: 10%, 1:30 left" and lines[-1] == "a word"
    assert "\x1b" not in stream.getvalue() and "\r" not in stream.getvalue()


def test_what_is_quick_says_nothing_in_a_pipe(now_s: list[float]) -> None:
    stream = io.StringIO()
    with Progress("walking", 10, stream) as line:
        walk(line, now_s, 10, 0.9)
    assert stream.getvalue() == ""


def test_more_than_the_total_stays_at_the_end(now_s: list[float]) -> None:
    stream = Terminal()
    with Progress("walking", 2, stream) as line:
        walk(line, now_s, 5, 1.0)
    assert "100%, 0:00 left" in stream.getvalue() and "-" not in stream.getvalue()


def test_a_counted_policy_counts_robots_and_says_the_same(now_s: list[float]) -> None:
    counted = Progress("walking", 100, io.StringIO())
    obs = np.ones((7, 3), np.float32)
    assert np.array_equal(counted.counted(lambda o: 2 * o)(obs), 2 * obs)
    assert counted._done == 7


def test_work_is_what_the_policy_is_asked_for(walking_config: TrainConfig) -> None:
    plain = work(walking_config, Terms((0.4, 0, 0), trials=3, steps=50))
    env = evaluation_env(walking_config, 3, 50)
    assert plain == 2 * env.config.num_envs * env.config.episode_steps
    more = work(walking_config, Terms((0.4, 0, 0), trials=3, steps=50, ladder=True, long_run=True, floors=True))
    assert more - plain == ladder_steps(0.02) + 64 * 6000 + 3 * 3 * 500 and ladder_steps(0.02) == 240 * 310
    assert envelope_steps(walking_config) == 4 * (17 + 49 + 49) * 400 and export_work() == 3 * 64 * 500


@pytest.mark.skipif(sys.platform != "linux", reason="EGL and OSMesa are Linux's")
def test_a_verb_keeps_stdout_clean_and_shows_a_bar_on_a_terminal_only(tmp_path: Path) -> None:
    said, on_terminal = {}, {}
    for kind in ("pipe", "terminal"):
        said[kind], on_terminal[kind] = run_film(tmp_path / "strip.png", kind == "terminal")
    assert said["pipe"] == said["terminal"] == f"{tmp_path / 'strip.png'}: 1 episodes, 0 with a fall\n"
    assert "walking [" in on_terminal["terminal"] and "left" in on_terminal["terminal"]
    assert on_terminal["terminal"].endswith("\r\x1b[K")
    assert "\r" not in on_terminal["pipe"] and "[" not in on_terminal["pipe"]


def run_film(output: Path, terminal: bool) -> tuple[str, str]:
    """stdout of a film, and what came on stderr, which is a pseudo terminal or a pipe."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    command = [sys.executable, "-m", "trainer", *map(str, FILM), str(output)]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # a pseudo terminal's way to say that the other end is closed
        pass
    os.close(ours)
    out, _ = done.communicate(timeout=300)
    text = seen.decode()
    if done.returncode and "MUJOCO_GL" in text:
        pytest.skip("neither EGL nor OSMesa draws here")
    assert done.returncode == 0, text
    return out, text
