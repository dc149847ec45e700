"""Every block of shell in README and docs, and every row of README's table, run as they stand by bash.

What is left out says so where people see it: blocks titled `slow` or `hardware`, rows that need something. Each page
has a folder of its own with the checkout's assets and configs, and a home without a robot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from given_files import give
from list_commands import listed
from shown_commands import EXITS, PAGES, ROOT, RUN_ELSEWHERE, Row, blocks_of, lines_of, rows, whole

LONG_S = 550
RUNNABLE = [
    page for page in PAGES if page.name not in RUN_ELSEWHERE and any(not block.mark for block in blocks_of(page))
]
TABLE = [row for row in rows() if not row.needs]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What commands look for in a checkout; what they may write to is a copy."""
    shutil.copytree(ROOT / "assets", tmp_path / "assets", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("contract", "trainer", "benchmarks", "tests", "Makefile"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def script_of(lines: Iterable[str]) -> str:
    """Bash that runs the lines one after the other and ends where one leaves with another code than it says."""
    script = ["set -o pipefail"]
    for line in lines:
        exits = EXITS.search(line)
        code = exits[1] if exits else "0"
        script += [line, f'code=$?; [ $code = {code} ] || {{ echo "exit $code, expected {code}" >&2; exit 99; }}']
    return "\n".join(script) + "\n"


def run(lines: Iterable[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The lines in one shell, with what was said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"HOME": str(folder / "home"), "WILDROBOT_HOME": str(folder / "home" / "robot")}
    env = {**os.environ, "PATH": path, **home}
    (folder / "home").mkdir(exist_ok=True)
    return subprocess.run(
        ["bash", "-c", script_of(lines)],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


def assert_well(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0 and "Traceback" not in done.stderr, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_runs(page: Path, checkout: Path) -> None:
    give(page.name, checkout)
    for block in (block for block in blocks_of(page) if not block.mark):
        assert_well(run(lines_of(block.text), checkout))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"line {row.line}")
def test_every_row_of_the_table_that_needs_nothing_runs(row: Row, checkout: Path) -> None:
    assert_well(run([f"({command})" for command in whole(row.snippets)], checkout))


def test_there_is_something_to_run() -> None:
    assert {"index.md", "troubleshooting.md", "assets.md", "logs.md"} <= {page.name for page in RUNNABLE}
    assert len(TABLE) >= 10


def test_what_is_not_run_is_listed() -> None:
    found = listed()
    assert {"slow", "hardware", "needs time"} <= set(found) and len(found["run"]) > 25
    assert any("trainer eval --checkpoint runs/walking" in command for command in found["slow"])


def test_a_command_that_fails_would_be_found(checkout: Path) -> None:
    for lines in (["true", "false", "true"], ["false | true"], ["true  # exits 1"], ["robotctl nothing"]):
        assert run(lines, checkout).returncode == 99
    assert run(["false  # exits 1: because", "cd assets && true", "test -e bundles"], checkout).returncode == 0
    assert run(["robotctl servo show  # exits 2"], checkout).returncode == 0
