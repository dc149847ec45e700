"""`robotctl status --watch`: what it counts, what it draws, and a daemon that goes and comes back."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import pty
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_rig import PROGRAM
from daemon_rig import daemon, wait_for
from rich.console import Console
from test_client_verbs import a_status

from contract import assets_dir
from robotd.ctl import cli, watch
from robotd.ctl.fault_fixes import FIXES, fault_lines
from robotd.ctl.watch import Lines, Recent, Sample, pace
from robotd.ctl.watch_screen import lost, screen
from robotd.fault_table import Fault
from robotd.messages import Check, Durations, Timing
from robotd.timing import Histogram

DEPLOYMENT = assets_dir() / "bundles" / "wildrobot"
CHECK = Check("upright", False, "tilted by 30 deg", "set the robot upright", True)


def timing_of(*lateness_ms: float, overruns: int = 0) -> Timing:
    """Ticks that began so late, ticked for 1 ms and had 15 ms left."""
    kinds = (Histogram(), Histogram(), Histogram())
    for late_ms in lateness_ms:
        for kind, ms in zip(kinds, (late_ms, 1.0, 15.0), strict=True):
            kind.add(ms / 1e3)
    lateness, tick, slack = (Durations(kind.counts, kind.max_us) for kind in kinds)
    return Timing(lateness, tick, slack, overruns, 0.02)


def sample(at_s: float, *lateness_ms: float, overruns: int = 0, **changes: Any) -> Sample:
    status = a_status(**{"tick": len(lateness_ms)} | changes)
    return Sample(at_s, status, timing_of(*lateness_ms, overruns=overruns))


def text_of(drawn: object, width: int = 100) -> str:
    """As a terminal shows it."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(drawn)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_fault_of_the_table_has_a_fix() -> None:
    assert set(FIXES) == {str(fault.name) for fault in Fault if fault}
    assert fault_lines(["TILT", "ODD"])[1] == "ODD: see docs/safety.md"


def test_only_what_was_recent_counts() -> None:
    old = [9.0] * 100  # long ago it was very late
    found = pace(sample(0.0, *old, overruns=7), sample(4.0, *old, *[0.5] * 200, overruns=9))
    assert found.rate_hz == pytest.approx(50) and found.skipped == 2 and found.seconds == 4
    median, most, end = found.ms["lateness"]
    assert median == most == pytest.approx(0.5, rel=0.03) and end == pytest.approx(0.5, rel=0.03)
    assert found.ms["slack"][2] == pytest.approx(15, rel=0.03)


def test_without_a_tick_in_between_nothing_is_claimed() -> None:
    found = pace(sample(3.0, 1.0), sample(3.0, 1.0))
    assert math.isnan(found.rate_hz) and all(math.isnan(value) for value in found.ms["tick"])


def test_samples_older_than_ten_seconds_and_of_an_earlier_daemon_are_forgotten() -> None:
    recent = Recent()
    for second in range(20):
        found = recent.add(sample(float(second), *[1.0] * second))
    assert found.seconds == 10
    assert recent.add(sample(20.0, *[1.0] * 25)).seconds == 10
    anew = recent.add(sample(21.0, 1.0))
    assert anew.seconds == 0 and math.isnan(anew.rate_hz)


def test_the_screen_shows_what_is_promised() -> None:
    status = a_status(mode="fault", faults=("TILT", "UNDERVOLT"), silent_s=None)
    text = text_of(screen(status, pace(sample(0.0), sample(2.0, *[0.5] * 100))))
    for words in (
        "FAULT",
        "tick 3, 50.0 Hz, policy standing",
        "forward 0.10 m/s, left 0.00 m/s, turn 0.00 rad/s, by nobody",
        "IMU 10 ms, oldest joint 20 ms",
        "51 C in knee, 11.1 V",
        "0 2 errors in a row",
        "TILT: it fell or was tipped: set it upright",
        "UNDERVOLT: the battery is low",
        "last 2 s",
        "lateness",
        "hip     0.0 deg",
        "nan deg",
    ):
        assert words in text, text
    assert "against arming" not in text


def test_the_screen_says_what_speaks_against_arming_where_it_matters() -> None:
    now = pace(sample(0.0), sample(1.0, 0.1))
    assert "upright: tilted by 30 deg; set the robot upright" in text_of(screen(a_status(checks=(CHECK,)), now))
    assert "upright" not in text_of(screen(a_status(mode="active", checks=(CHECK,)), now))


def test_a_robot_of_eleven_joints_fits_a_terminal() -> None:
    names = tuple(f"left_ankle_pitch_{place}" for place in range(11))
    status = a_status(joints=names, joint_pos_rad=(-1.57,) * 11, temperature_degc=(45.0,) * 11)
    lines = text_of(screen(status, pace(sample(0.0), sample(1.0, 0.1))), width=80).splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert sum(line.count("-90.0 deg") for line in lines) == 11


def test_a_lost_connection_stands_above_what_was_seen_last() -> None:
    last = screen(a_status(), pace(sample(0.0), sample(1.0, 0.1)))
    text = text_of(lost("robotd has hung up", last))
    assert text.startswith("NO CONNECTION, trying again: robotd has hung up\nwhat was seen last:")
    assert "tick 3" in text and "NO CONNECTION" in text_of(lost("robotd has hung up", None))


def test_lines_name_a_fault_once_and_the_lost_connection() -> None:
    as_lines = Lines()
    tilted = replace(a_status(), faults=("TILT",))
    first, fix = as_lines(Sample(0.0, tilted, timing_of(1.0)))
    assert "faults TILT" in first and fix.startswith("  TILT: it fell")
    assert len(as_lines(Sample(0.5, tilted, timing_of(1.0)))) == 1
    assert as_lines("gone") == ["no connection: gone"]


def test_it_goes_on_when_the_daemon_is_started_anew(capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        home = Path(folder)
        with daemon(home, DEPLOYMENT, "--hal", "mock") as first:
            seen = watch.samples(first.socket, sleep=lambda seconds: None)
            assert isinstance(next(seen), Sample)
            first.kill()
            assert "robotd has hung up" in str(next(seen))
            assert "no robotd answers there" in str(next(seen))
        with daemon(home, DEPLOYMENT, "--hal", "mock"):
            found = next(each for each in seen if isinstance(each, Sample))
            assert found.status.mode == "idle"
            seen.close()
    assert cli.run(["status", "--watch", "--socket", str(home / "none.sock")]) == 3
    assert "no robotd answers there" in capsys.readouterr().err


def test_as_a_person_and_as_a_pipe_see_it() -> None:
    with tempfile.TemporaryDirectory(prefix="wr-") as folder, daemon(Path(folder), DEPLOYMENT, "--hal", "mock") as run:
        words = [sys.executable, "-c", PROGRAM, "status", "--watch", "--socket", str(run.socket)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as piped:
            assert piped.stdout is not None
            lines = list(itertools.islice(piped.stdout, 3))
            piped.terminate()
        assert all(line.startswith("idle tick ") and "nan" not in line for line in lines)
        assert "0 periods skipped" not in lines[0] and "periods skipped" in lines[-1]
        with subprocess.Popen([*words, "--json"], stdout=subprocess.PIPE, text=True) as piped:
            assert piped.stdout is not None
            assert json.loads(piped.stdout.readline())["mode"] == "idle"
            piped.terminate()
        assert "IDLE" in on_a_terminal(words) and "oldest joint" in on_a_terminal(words)


def on_a_terminal(words: list[str]) -> str:
    """What is drawn until Ctrl-C, which ends it with 130 and the screen as before."""
    person, program = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    drawn: list[bytes] = []

    def look() -> None:
        while True:
            try:
                drawn.append(os.read(person, 65536))
            except OSError:
                return

    with subprocess.Popen(words, stdin=program, stdout=program, stderr=program, env=environment) as shown:
        os.close(program)
        looker = threading.Thread(target=look, daemon=True)
        looker.start()
        wait_for(lambda: b"".join(drawn).count(b"oldest joint") >= 2)
        shown.send_signal(2)
        assert shown.wait(90) == 130
    looker.join(90)
    os.close(person)
    text = b"".join(drawn).decode()
    assert text.count("\x1b[?1049h") == text.count("\x1b[?1049l") == 1 and "Traceback" not in text
    return text


def test_without_rich_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.delitem(sys.modules, "robotd.ctl.watch_screen", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert cli.run(["status", "--watch"]) == 2
    err = capsys.readouterr().err
    assert "pip install 'wildrobot[watch]'" in err and err.count("\n") == 1
