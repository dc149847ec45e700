"""Where the rooms are, and what files they hold: for the tests of the house's rules."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("contract", "firmware_bridge", "pages", "robotd", "trainer")
FOLDERS = (*ROOMS, "assets", "benchmarks", "tests", "docs", "systemd")


def sources(*folders: str) -> list[Path]:
    """All Python files below the folders that exist, sorted."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def modules(room: str) -> list[str]:
    """Dotted names of all modules of a room; what runs when it is imported (`__main__`) is left out."""
    names = []
    for file in sources(room):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def name_of(file: Path) -> str:
    """The file's place in the house, for messages and test names."""
    return str(file.relative_to(ROOT))
