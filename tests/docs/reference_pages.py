"""`python tests/docs/reference_pages.py` writes the pages of docs/ that are made from code; `--check` only compares."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import command_reference
import config_reference
import contract_reference
import safety_reference

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "command-reference.md": command_reference.page,
    "config-reference.md": config_reference.page,
    "contract-reference.md": contract_reference.page,
    "safety-reference.md": safety_reference.page,
}


def stale(name: str) -> bool:
    """Whether a page is not what the code says."""
    file = DOCS / name
    return not file.exists() or file.read_text(encoding="utf-8") != PAGES[name]()


def main() -> int:
    """Write what is stale; 1 if something is and `--check` was given."""
    found = [name for name in PAGES if stale(name)]
    if "--check" not in sys.argv[1:]:
        for name in found:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
    for name in found:
        print(f"{name}: {'stale, run make docs' if '--check' in sys.argv[1:] else 'written'}")
    return int(bool(found) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
