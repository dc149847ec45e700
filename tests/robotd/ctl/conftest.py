"""What the tests of the verbs share: no test meets the lock of this machine or of another test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench_rig import Robotctl

sys.path.append(str(Path(__file__).resolve().parents[2] / "docs"))  # what the pages show


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of robotd's things for one test."""
    home = tmp_path / "home"
    monkeypatch.setenv("WILDROBOT_HOME", str(home))
    return home


@pytest.fixture
def robotctl(capsys: pytest.CaptureFixture[str]) -> Robotctl:
    """Runs a verb: exit code, stdout, stderr."""
    return Robotctl(capsys)
