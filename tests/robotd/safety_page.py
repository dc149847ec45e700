"""`python tests/robotd/safety_page.py` writes the fault table into docs/safety.md, as it stands in the code."""

from __future__ import annotations

import re
from pathlib import Path

from annotated_types import Ge, Le

from robotd.config import SafetyConfig
from robotd.fault_table import FAULT_TABLE, Row
from robotd.mode import Stop

PAGE = Path(__file__).parents[2] / "docs" / "safety.md"
BEGIN, END = "<!-- made by tests/robotd/safety_page.py -->", "<!-- end -->"
HEAD = "| fault | condition | bounds | debounce | stop | kind |\n|---|---|---|---|---|---|\n"


def table() -> str:
    """The rows of the fault table."""
    return HEAD + "".join(line(row) for row in FAULT_TABLE)


def line(row: Row) -> str:
    """One row."""
    keys = [key for key in SafetyConfig.model_fields if re.search(rf"\b{key}\b", row.text)]
    bounds = ", ".join(default_of(key) for key in keys) or "-"
    debounce = "same tick" if row.debounce is None else default_of(row.debounce)
    stop = row.stop.name.lower() + (", hold meanwhile" if row.meanwhile is Stop.HOLD else "")
    kind = ("latched" if row.latched else "temporary") + (", also without torque" if row.always else "")
    return f"| {row.fault.name} | {row.text} | {bounds} | {debounce} | {stop} | {kind} |\n"


def default_of(key: str) -> str:
    """A key of robotd.yaml's section `safety`, its default and the bounds that no file can widen."""
    field = SafetyConfig.model_fields[key]
    low = next(limit.ge for limit in field.metadata if isinstance(limit, Ge))
    high = next(limit.le for limit in field.metadata if isinstance(limit, Le))
    return f"`{key}` {field.default:g} ({low:g} to {high:g})"


def with_table(page: str) -> str:
    """The page with the table of the code in the place of the one it has."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE.name}")
