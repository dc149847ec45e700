"""docs/safety.md has the fault table of the code, and names what there is."""

from __future__ import annotations

import re

import pytest
from safety_page import BEGIN, PAGE, default_of, line, table, with_table

from robotd.arming import CHECKS
from robotd.config import SafetyConfig
from robotd.fault_table import FAULT_TABLE, Fault

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_has_the_table_of_the_code() -> None:
    assert with_table(TEXT) == TEXT, "run python tests/robotd/safety_page.py"
    assert table().count("\n") == 2 + len(FAULT_TABLE)


def test_another_row_would_be_noticed() -> None:
    changed = TEXT.replace("| latched |", "| temporary |", 1)
    assert changed != TEXT and with_table(changed) == TEXT
    with pytest.raises(ValueError, match="unpack"):
        with_table(TEXT.replace(BEGIN, ""))


@pytest.mark.parametrize("key", SafetyConfig.model_fields)
def test_every_bound_stands_on_the_page_with_default_and_hard_bounds(key: str) -> None:
    assert default_of(key) in TEXT


def test_a_row_tells_all_of_itself() -> None:
    tilt = next(row for row in FAULT_TABLE if row.fault is Fault.TILT)
    assert line(tilt) == (
        "| TILT | body up and world up differ by more than tilt_deg (upside down is 180) | `tilt_deg` 45 (10 to 80) | "
        "`tilt_debounce_s` 0.06 (0 to 0.2) | limp, hold meanwhile | latched |\n"
    )


def test_the_page_lists_the_arming_checks_in_order_with_their_stars() -> None:
    rows = re.findall(r"^\| ([a-z ]+?)( \*)? \| (?!on|off)", TEXT.split("## Arming checks")[1].split("##")[0], re.M)
    assert {name: bool(star) for name, star in rows if name != "check"} == {
        name: always for name, (_, always) in CHECKS.items()
    }
