"""What a test of the twin found: one line for each case, a table, and the worst status."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

PASS, WARN, FAIL = "pass", "warn", "fail"
_ORDER = (PASS, WARN, FAIL)


@dataclass(frozen=True)
class Finding:
    """One case: `value` in `unit` passes below `good`, fails above `bad`, and is a warning in between.

    case: what was tried; joint: the one that is nearest to failing, None where it is no joint's doing; advice: what to
    change and by how much, empty where it passed.
    """

    case: str
    joint: str | None
    value: float
    good: float
    bad: float
    unit: str
    advice: str = ""

    @property
    def status(self) -> str:
        """pass, warn or fail; what is not a number fails."""
        if self.value <= self.good:
            return PASS
        return WARN if self.value <= self.bad else FAIL

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        value = self.value if math.isfinite(self.value) else None
        return {**vars(self), "value": value, "status": self.status}

    @property
    def excess(self) -> float:
        """0 where it just passes, 1 where it just does not fail."""
        return (self.value - self.good) / max(self.bad - self.good, 1e-9)


@dataclass(frozen=True)
class Verdict:
    """All findings of one test. notes: what else people should know, a sentence each."""

    test: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """The worst of its findings."""
        return max((f.status for f in self.findings), key=_ORDER.index, default=PASS)

    @property
    def worst(self) -> Finding:
        """The finding of the worst status that is farthest beyond its limit."""
        return max(self.findings, key=lambda f: (_ORDER.index(f.status), f.excess))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        findings = [f.as_dict() for f in self.findings]
        return {"test": self.test, "status": self.status, "findings": findings, "notes": list(self.notes)}

    def table(self) -> str:
        """For people: a line for each case, and below it what to change."""
        if not self.findings:
            return "\n".join([*self.notes, f"{self.test}: {self.status}"])
        rows = [("case", "joint", "found", "passes up to", "fails above", "")]
        rows += [
            (f.case, f.joint or "-", f"{f.value:.3g} {f.unit}", f"{f.good:.3g}", f"{f.bad:.3g}", f.status)
            for f in self.findings
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = []
        for row, finding in zip(rows, (None, *self.findings), strict=True):
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
            if finding is not None and finding.status != PASS and finding.advice:
                lines.append(f"    {finding.advice}")
        return "\n".join([*lines, *self.notes, f"{self.test}: {self.status}"])
