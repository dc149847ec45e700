"""Progress: one line that renews itself on a terminal, plain lines elsewhere, never a flood."""

from __future__ import annotations

import io

import pytest

from robotd.ctl import progress
from robotd.ctl.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_terminal_line_renews_itself_and_goes(now_s: list[float]) -> None:
    stream = Terminal()
    line = Progress(stream)
    line.show("one")
    line.show("too soon")
    now_s[0] += 0.2
    line.show("two")
    line.say("done")
    assert stream.getvalue() == "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kdone\n"


def test_elsewhere_plain_lines_every_two_seconds(now_s: list[float]) -> None:
    stream = io.StringIO()
    line = Progress(stream)
    for i in range(100):
        line.show(f"tick {i}")
        now_s[0] += 0.1
    line.end()
    lines = stream.getvalue().splitlines()
    assert 4 <= len(lines) <= 6 and lines[0] == "tick 0"
    assert "\x1b" not in stream.getvalue()
