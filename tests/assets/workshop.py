"""Copies of the robots' sources to work on, and edits of them that must hit."""

from __future__ import annotations

import shutil
from pathlib import Path

from contract.paths import assets_dir

STRIDER = Path(__file__).resolve().parent / "strider"


def copy_wildrobot(folder: Path) -> Path:
    """WildRobot's export and YAML in a folder of their own; the YAML's path."""
    shutil.copytree(assets_dir() / "onshape", folder / "onshape")
    return folder / "onshape" / "wildrobot.yaml"


def copy_strider(folder: Path) -> Path:
    """The second robot's; the YAML's path."""
    shutil.copytree(STRIDER, folder / "strider")
    return folder / "strider" / "strider.yaml"


def edit(file: Path, old: str, new: str) -> None:
    """Replace the first `old`, which must be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file.name} any more: correct this test"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
