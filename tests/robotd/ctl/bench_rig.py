"""What the tests of the bench verbs share: emulated buses in a folder, and robotctl run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firmware_bridge.emulator.bench import ServoBench
from robotd.ctl import cli

PATIENT = ("--reply-ms", "60")
"""For tests that are not about time: other work on this machine must not fail them."""
PROGRAM = "from robotd.ctl.cli import main; main()"


class Said(NamedTuple):
    """What a verb left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        value = json.loads(self.out)
        assert isinstance(value, dict) and self.out.count("\n") == 1
        return value

    @property
    def sentence(self) -> str:
        """The refusal: one line on stderr, after lines of progress, and nothing on stdout."""
        lines = self.err.splitlines()
        assert self.out == "" and lines[-1].startswith("robotctl: ") and "Traceback" not in self.err, self
        return lines[-1].removeprefix("robotctl: ")


class Robotctl:
    """Runs verbs in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> Said:
        """One verb with its options."""
        self._capsys.readouterr()
        code = cli.run([str(word) for word in words])
        return Said(code, *self._capsys.readouterr())


def spawn(*words: object, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """One verb in a process of its own; use it as a context manager."""
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)


def bench_of(directory: Path, *servo_ids: int, **options: float | bool) -> ServoBench:
    """A bench with one bus `leg`, its links in a folder."""
    buses: dict[str, Sequence[int]] = {"leg": servo_ids}
    return ServoBench(buses, directory, **options)  # type: ignore[arg-type]
