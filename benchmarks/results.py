"""What a benchmark leaves behind: figures beside what was wanted, tables, and the machine and moment that they are of.

Every bench writes one report, which is plain data for JSON. Nothing here measures anything.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("numpy", "onnxruntime", "mujoco", "mujoco-mjx", "jax")
Report = dict[str, Any]


def figure(
    name: str,
    got: float | None,
    unit: str = "",
    *,
    most: float | None = None,
    least: float | None = None,
    why: str | None = None,
) -> dict[str, Any]:
    """One figure. most, least: what was wanted, at most one of them. why: there is none, if got is None."""
    rest = {key: value for key, value in (("most", most), ("least", least), ("why", why)) if value is not None}
    return {"name": name, "got": None if got is None else float(got), "unit": unit} | rest


def table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[Any]], curve: tuple[int, Sequence[int]] | None = None
) -> dict[str, Any]:
    """Rows of words and numbers under a title; what is not finite is left out.

    curve: the columns to draw, all above 0: one below, others as lines.
    """
    drawn = {} if curve is None else {"curve": {"x": curve[0], "y": list(curve[1])}}
    plain = [[None if isinstance(cell, float) and not math.isfinite(cell) else cell for cell in row] for row in rows]
    return {"title": title, "head": list(head), "rows": plain} | drawn


def report(figures: Iterable[Mapping[str, Any]], tables: Iterable[Mapping[str, Any]] = ()) -> Report:
    """What one bench found."""
    return {"figures": [dict(each) for each in figures], "tables": [dict(each) for each in tables]}


def verdict(one: Mapping[str, Any]) -> str:
    """`ok`, `MISSED`, why there is no figure, or nothing where nothing was wanted."""
    if one["got"] is None:
        return str(one.get("why", "not measured"))
    if "most" in one:
        return "ok" if one["got"] <= one["most"] else "MISSED"
    if "least" in one:
        return "ok" if one["got"] >= one["least"] else "MISSED"
    return ""


def wanted(one: Mapping[str, Any]) -> str:
    """What was wanted, in words; nothing where nothing was."""
    if "most" in one:
        return f"at most {number(one['most'])}"
    return f"at least {number(one['least'])}" if "least" in one else ""


def number(value: Any) -> str:
    """A number to three digits, thousands apart; words as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:#.3g}"
    return text.rstrip("0").rstrip(".") if "e" not in text else f"{value:.1e}"


def show(found: Report) -> str:
    """A report for people."""
    lines = []
    for each in found["tables"]:
        cells = [each["head"], *[[number(cell) for cell in row] for row in each["rows"]]]
        widths = [max(len(row[column]) for row in cells) for column in range(len(each["head"]))]
        lines += ["", each["title"]]
        for row in cells:
            rest = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append("  ".join([f"  {row[0]:<{widths[0]}}", *rest]))
    lines.append("")
    for one in found["figures"]:
        words = ", ".join(filter(None, (f"wanted {wanted(one)}" if wanted(one) else "", verdict(one))))
        lines.append(f"  {one['name']:<52}{number(one['got']):>10} {one['unit']:<6} {words}".rstrip())
    return "\n".join(lines)


def write_json(path: Path, data: Any) -> None:
    """The whole file or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(data, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)


def machine() -> dict[str, Any]:
    """What ran this."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "preempt_rt": Path("/sys/kernel/realtime").exists(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def commit() -> str:
    """Of the checkout, with a + where something in it differs; `unknown` outside of one."""
    said = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=9"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"


def now() -> str:
    """The time of day, UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M")


class BusyElsewhere:
    """Measures what the CPUs did for others while our children ran: a share of all CPUs, 0 to 1."""

    def __init__(self) -> None:
        self._begin = self._look()

    def share(self) -> float:
        """Since this was made; only children that have ended count as ours."""
        busy, whole, ours = (now - then for now, then in zip(self._look(), self._begin, strict=True))
        return round(max(0.0, busy - ours) / max(whole, 1e-9), 3)

    @staticmethod
    def _look() -> tuple[float, float, float]:
        """Seconds since boot: of all CPUs busy or stolen, of all, and of this process and its children."""
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        user, nice, system, idle, iowait, *rest = (int(word) / os.sysconf("SC_CLK_TCK") for word in words)
        busy, times = user + nice + system + sum(rest), os.times()
        return busy, busy + idle + iowait, sum(times[:4])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = next((line for line in lines if line.startswith("model name")), "")
    return named.partition(": ")[2] or platform.processor() or platform.machine()


def progress(words: str) -> None:
    """What is being measured, on stderr."""
    print(f"  {words} ...", file=sys.stderr, flush=True)
