"""What campaigns have found so far, a line of JSON for each part: a campaign that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
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

    def lines(self) -> Iterator[dict[str, Any]]:
        """All parts that are done; what a killed process left half written is no part."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and {"campaign", "part"} <= set(found):
                yield found

    def done(self, campaign: str) -> set[str]:
        """Names of a campaign's parts."""
        return {line["part"] for line in self.lines() if line["campaign"] == campaign}

    def add(self, campaign: str, part: str, found: dict[str, Any]) -> None:
        """One more part, written at once and whole."""
        data = json.dumps({"campaign": campaign, "part": part} | found) + "\n"
        with self.path.open("ab") as file:
            file.write(data.encode())
            file.flush()
            os.fsync(file.fileno())
