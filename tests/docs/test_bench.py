"""make bench: verdicts, the merged results, the page made of them, and that every part runs. No time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import bench
import bench_walk
import benchmark_page
import pytest
from results import figure, number, report, show, table, verdict, wanted

SVG = "{http://www.w3.org/2000/svg}"
QUICK = [name for name, part in bench.PARTS.items() if not part.slow]


def entry(**changes: Any) -> dict[str, Any]:
    found = report(
        [figure("age", 70.0, "ms", most=60), figure("ratio", 3.2, "x", least=3), figure("size", 1234.5, "MB")],
        [table("A table", ("", "p50"), [("ours", 0.0123), ("theirs", None)])],
    )
    facts = dict.fromkeys(("cpu", "kernel", "python", "numpy", "onnxruntime", "mujoco", "jax"), "some")
    facts |= {"cores": 2, "memory_gb": 8.0, "preempt_rt": False}
    moment = {"when": "2026-01-01 00:00", "commit": "abc", "machine": facts, "seconds": 7, "busy_elsewhere": 0.4}
    return {**moment, "report": found, **changes}


def test_a_verdict_is_ok_missed_or_why_there_is_none() -> None:
    assert verdict(figure("a", 2.0, most=2)) == "ok" and verdict(figure("a", 2.1, most=2)) == "MISSED"
    assert verdict(figure("a", 3.0, least=3)) == "ok" and verdict(figure("a", 2.9, least=3)) == "MISSED"
    assert verdict(figure("a", 1.0)) == "" and verdict(figure("a", None, most=1)) == "not measured"
    assert verdict(figure("a", None, most=1, why="MISSED, never")) == "MISSED, never"
    assert wanted(figure("a", 1.0, most=0.5)) == "at most 0.5" and wanted(figure("a", 1.0)) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.6, "12,346"), (0.01234, "0.0123"), (3.0, "3"), (None, "-"), ("x", "x"), (4.2e-7, "4.2e-07")],
)
def test_numbers_have_three_digits(value: Any, text: str) -> None:
    assert number(value) == text


def test_a_report_is_shown_with_what_was_wanted() -> None:
    lines = show(entry()["report"]).splitlines()
    assert any("ours" in line and "0.0123" in line for line in lines)
    assert any("70 ms" in line and "at most 60" in line and line.endswith("MISSED") for line in lines)


def test_what_is_not_finite_is_left_out_of_the_results() -> None:
    rows = table("A", ("", "x"), [("a", float("nan")), ("b", float("inf")), ("c", 1.0)])["rows"]
    assert rows == [["a", None], ["b", None], ["c", 1.0]]


def test_one_part_replaces_its_own_entry_only(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"walk": {"when": "then"}, "tick": {"when": "then"}, "gone": {}}))
    merged = bench.merged(path, "tick", {"when": "now"})
    assert merged == {"tick": {"when": "now"}, "walk": {"when": "then"}} and list(merged) == ["tick", "walk"]
    path.write_text(json.dumps({"tick": entry()}))
    assert bench.merged(path, "tick", {"failed": "why"}) == {"tick": entry()}
    assert bench.merged(path, "walk", {"failed": "why"})["walk"] == {"failed": "why"}


def test_the_page_says_wanted_got_and_missed() -> None:
    text = benchmark_page.page_of({"bus": entry(), "tick": {"failed": "bench_tick.py ended with exit code 1"}})
    assert "| [How old feedback is](#how-old-feedback-is) | age | at most 60 | 70 ms | **MISSED** |" in text
    assert "| ratio | at least 3 | 3.2 x | ok |" in text
    assert "- size: 1,234 MB" in text or "- size: 1,235 MB" in text
    assert "| ours | 0.0123 |" in text and "| theirs | - |" in text
    assert "others had 40% of the CPUs, **so it is too slow**" in text
    assert "Failed: bench_tick.py" in text and "not measured yet" in text
    assert set(benchmark_page.TITLES) == set(bench.PARTS)


def test_the_page_in_the_docs_is_of_the_results() -> None:
    known = json.loads(bench.RESULTS.read_text(encoding="utf-8")) if bench.RESULTS.exists() else {}
    assert benchmark_page.PAGE.read_text(encoding="utf-8") == benchmark_page.page_of(known), "bench.py --page"
    for name, picture in benchmark_page.pictures_of(known).items():
        assert (benchmark_page.PICTURES / name).read_text(encoding="utf-8") == picture, "bench.py --page"


def test_a_table_is_drawn_with_a_line_for_each_column(tmp_path: Path) -> None:
    rows = [("a", 16, 100.0, 50.0), ("b", 256, 4000.0, 1000.0), ("c", 4096, 9000.0, 2000.0)]
    drawn = table("Rates, 1 < 2", ("", "robots", "physics", "training"), rows, (1, (2, 3)))
    ((name, picture),) = benchmark_page.pictures_of({"scaling": entry(report=report([], [drawn]))}).items()
    root = ElementTree.fromstring(picture)
    assert (
        name == "bench-rates.svg"
        and len(root.findall(f"{SVG}polyline")) == 2
        and len(root.findall(f"{SVG}circle")) == 6
    )
    ends = [line.attrib["points"].split()[-1].split(",") for line in root.findall(f"{SVG}polyline")]
    assert ends[0][0] == ends[1][0] and float(ends[0][1]) < float(ends[1][1])  # the faster one is higher
    assert f"pictures/{name}" in benchmark_page.page_of({"scaling": entry(report=report([], [drawn]))})


def test_time_to_walk_is_read_from_metrics_and_gate() -> None:
    metrics = [
        {"iteration": i, "wall_s": 2.0 * i, "env_steps": 6144 * i, "episode_length": 9.0 * i, "episode_reward": 1.0}
        | {"env_steps_per_sec": 9000.0}
        for i in range(1, 51)
    ]
    gate = {"push_survival": {"value": 0.9, "target": ">= 0.95", "pass": False}}
    said = {one["name"]: one for one in bench_walk.report_of(metrics, {"gate": gate})["figures"]}
    assert said["until episodes last 400 of 500 steps"]["got"] == 90.0
    assert said["training, to its end"]["got"] == 100.0 and said["lines of the gate that were missed"]["got"] == 1
    never = bench_walk.report_of(metrics[:20], {"gate": {}})["figures"][1]
    assert never["got"] is None and verdict(never) == "MISSED, never"


@pytest.mark.parametrize("name", QUICK)
def test_every_part_runs(name: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, str(bench.HERE / "bench.py"), "--quick", "--only", name, "--json", str(results)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(results.read_text(encoding="utf-8")).values()
    assert entry["report"]["figures"] and entry["report"]["tables"] and entry["machine"]["cores"] >= 1
    assert all(table["rows"] for table in entry["report"]["tables"])
    benchmark_page.page_of({name: entry})


def test_a_part_that_fails_is_told_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench.PARTS, "tick", bench.PARTS["tick"]._replace(script="bench_nothing.py"))
    found = bench.run_part("tick", quick=True)
    assert found["failed"].startswith("bench_nothing.py ended with exit code") and "report" not in found
