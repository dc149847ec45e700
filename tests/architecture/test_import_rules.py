"""The rules of import-linter in pyproject.toml: without exceptions, kept, and each one able to break."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from house import ROOMS, ROOT

RULES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
# one line that breaks each rule, and the file that it is added to
BREAKERS = {
    "contract imports no room of ours and no runtime": ("contract/spec.py", "import onnxruntime"),
    "firmware_bridge imports nothing of ours": ("firmware_bridge/hiwonder.py", "import contract"),
    "pages imports nothing of ours": ("pages/page.py", "import contract"),
    "only reports are pages": ("robotd/loop.py", "import pages"),
    "robotd never trains": ("robotd/policy.py", "def late():\n    import jax"),
    "trainer never drives a robot": ("trainer/env.py", "import robotd.mode"),
    "only the bench and the backends with wires know devices": ("robotd/hal/sim.py", "import firmware_bridge.hiwonder"),
    "the heart never imports ctl": ("robotd/loop.py", "import robotd.ctl.cli"),
    "the pure files import no hardware, no clock and no event loop": ("robotd/safety.py", "import asyncio"),
}


def lint(folder: Path) -> str:
    """What lint-imports says about the rooms and rules in a folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms and the rules, to be spoilt."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_no_rule_has_an_exception() -> None:
    assert RULES["root_packages"] == list(ROOMS)
    for rule in RULES["contracts"]:
        allowed = {"name", "type", "source_modules", "forbidden_modules", "protected_modules", "allowed_importers"}
        assert set(rule) <= allowed, f"{rule['name']}: {sorted(set(rule) - allowed)}"


def test_every_rule_is_kept(copy: Path) -> None:
    assert f"Contracts: {len(RULES['contracts'])} kept, 0 broken" in lint(copy)


def test_every_rule_can_break(copy: Path) -> None:
    assert {rule["name"] for rule in RULES["contracts"]} == set(BREAKERS)
    for file, line in BREAKERS.values():
        with (copy / file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n{line}\n")
    said = lint(copy)
    assert f"Contracts: 0 kept, {len(BREAKERS)} broken" in said, said
