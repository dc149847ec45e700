"""docs/bringup.md, run as it stands: every command of the page against the emulator that its first command starts."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from bench_rig import spawn

PAGE = Path(__file__).resolve().parents[3] / "docs" / "bringup.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXITS = re.compile(r"# exits (\d+)")


class Step(NamedTuple):
    """One line of the page. code: of its exit; background: it ends with `&`."""

    words: tuple[str, ...]
    code: int
    background: bool


def steps_of(page: str) -> list[Step]:
    """All lines in blocks of shell, in order."""
    steps = []
    for line in "".join(BLOCK.findall(page)).splitlines():
        words = shlex.split(line, comments=True)
        exits = EXITS.search(line)
        steps.append(Step(tuple(word for word in words if word != "&"), int(exits[1]) if exits else 0, "&" in words))
    return steps


def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, *rest = steps_of(PAGE.read_text(encoding="utf-8"))
    assert first.background and len(rest) > 10
    with spawn(*first.words[1:]) as emulator:
        assert emulator.stdout is not None
        while "emulated wires are up" not in (line := emulator.stdout.readline()):
            assert line, "the emulator did not start"
        try:
            for step in rest:
                assert step.words[0] == "robotctl"
                with spawn(*step.words[1:]) as verb:
                    out, err = verb.communicate(timeout=120)
                assert verb.returncode == step.code, f"{shlex.join(step.words)}\n{out}{err}"
                assert "Traceback" not in err
            assert emulator.wait(timeout=30) == 0
        except (AssertionError, subprocess.TimeoutExpired):
            emulator.kill()
            raise
    assert (tmp_path / "bench" / "witness.jsonl").exists()


def test_steps_are_read_as_a_shell_would() -> None:
    shell = "robotctl c   # exits 2: because\nrobotctl d # why\n"
    page = f"text\n```sh\nrobotctl a --b 1 &\n```\n```\nrobotctl no\n```\n```sh\n{shell}```\n"
    assert steps_of(page) == [
        Step(("robotctl", "a", "--b", "1"), 0, True),
        Step(("robotctl", "c"), 2, False),
        Step(("robotctl", "d"), 0, False),
    ]
