"""The ledger keeps what is done, and the report says what it holds."""

from __future__ import annotations

from pathlib import Path

from campaign_report import page_of, summary_of, table_of
from ledger import Ledger

WANTED = {"fuzz": ["a/0", "a/1"], "faults": ["0"], "hours": ["0"], "kills": ["bundle/0", "daemon/0"]}
LINES = [
    {"campaign": "fuzz", "part": "a/0", "tried": 1000, "survived": 1000, "slowest_ms": 7.0, "problems": []},
    {
        "campaign": "faults",
        "part": "0",
        "tried": 1,
        "survived": 0,
        "unsafe": 2,
        "reached": 1,
        "kind": "off",
        "mode": "active",
        "stop_ms": 80.0,
        "unload_ms": 4.0,
        "problems": ["run 0: it moved"],
    },
    {
        "campaign": "hours",
        "part": "0",
        "tried": 36_000,
        "survived": 36_000,
        "unsafe": 0,
        "troubles": {"stop": 3},
        "counts": {"active": 30_000},
        "grown_kib": 12,
        "fastest": 0.5,
        "problems": [],
    },
    {"campaign": "kills", "part": "bundle/0", "tried": 1, "survived": 1, "lost": 0, "problems": []},
    {
        "campaign": "kills",
        "part": "daemon/0",
        "tried": 1,
        "survived": 1,
        "lost": 0,
        "unload_ms": 612.0,
        "in_time": 0,
        "problems": [],
    },
]


def test_a_ledger_goes_on_where_it_was(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "build" / "ledger.jsonl")
    assert ledger.done("fuzz") == set() and ledger.lines() == []
    ledger.add("fuzz", "a/0", {"tried": 5, "problems": []})
    ledger.add("fuzz", "a/1", {"tried": 5, "problems": ["it broke"]})
    with ledger.path.open("a") as file:
        file.write('{"campaign": "fuzz", "part": "a/2", "tri')  # killed in the middle
    assert Ledger(ledger.path).done("fuzz") == {"a/0"}
    ledger.path.write_text(ledger.path.read_text().rpartition("\n")[0] + "\n")
    ledger.add("fuzz", "a/1", {"tried": 6, "problems": []})
    assert ledger.done("fuzz") == {"a/0", "a/1"} and [line["tried"] for line in ledger.lines()] == [5, 6]


def test_the_summary_adds_up_and_names_what_was_found() -> None:
    summary = summary_of(LINES, WANTED)
    fuzz, faults, hours, kills = summary["campaigns"].values()
    assert (fuzz["tried"], fuzz["parts"], fuzz["parts_wanted"]) == (1000, 1, 2)
    assert (faults["unsafe_commands"], faults["survived"]) == (2, 0)
    assert hours["tried"] == 0.2
    assert kills["tried"] == 2 and "612 ms" in kills["worst"] and "1 later" in kills["worst"]
    assert summary["problems"] == ["run 0: it moved"]


def test_table_and_page_say_it() -> None:
    summary = summary_of(LINES, WANTED)
    table, page = table_of(summary), page_of(summary)
    for text in (table, page):
        assert "1,000 inputs" in text and "0.2 simulated hours" in text and "run 0: it moved" in text
    assert "1 parts are still to be done" in table
    assert "| off | 1 | 0 | 1 |" in page and "| stop | 3 |" in page


def test_nothing_done_is_said_too() -> None:
    summary = summary_of([], WANTED)
    assert "Nothing was found." in page_of(summary) and "6 parts are still to be done" in table_of(summary)
