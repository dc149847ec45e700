"""What campaigns have found so far, a line of JSON for each part: a campaign that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Ledger:
    """A file of JSON lines, appended to by any number of processes.

    Each line has `campaign` (fuzz, faults, soak, kills), `part` (its name inside the campaign, done once), `tried`,
    `survived`, and `problems`, a sentence each.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def lines(self) -> list[dict[str, Any]]:
        """The newest line of each part; what a killed process left half written is none."""
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        for line in text.splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and {"campaign", "part", "problems"} <= set(found):
                newest[(found["campaign"], found["part"])] = found
        return list(newest.values())

    def done(self, campaign: str) -> set[str]:
        """Names of a campaign's parts in which nothing was found; the others are due again once that is mended."""
        return {line["part"] for line in self.lines() if line["campaign"] == campaign and not line["problems"]}

    def add(self, campaign: str, part: str, found: dict[str, Any]) -> None:
        """One more part, written at once and whole."""
        data = json.dumps({"campaign": campaign, "part": part} | found) + "\n"
        with self.path.open("ab") as file:
            file.write(data.encode())
            file.flush()
            os.fsync(file.fileno())
