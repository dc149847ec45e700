"""docs/benchmarks.md out of benchmarks/results.json: first what was wanted, then each part with its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curve import draw
from results import ROOT, number, verdict, wanted

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "pictures"
BUSY = 0.05
"""Share of the CPUs that others may have had, before the page says that the figures are too bad."""
TITLES = {
    "loop": "How late a tick begins",
    "tick": "What a tick costs",
    "joints": "A tick against joints and network",
    "start": "Start and memory",
    "bus": "How old feedback is",
    "log": "Export of a log",
    "train": "Training's throughput",
    "scaling": "Training against robots, cores and networks",
    "walk": "Time to walk",
}
HEAD = """# Benchmarks

Made by `make bench` from `benchmarks/results.json`; change neither by hand. All is measured side by side, peers in an
environment of their own, on the machine named below each part. `make bench BENCH="--only tick"` measures one part
anew, `make bench BENCH=--list` names them all. Nothing else may run meanwhile: each part says how much of the CPUs
others had.

"""


def page_of(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole page. Parts that nobody has measured are named, too."""
    sections = "".join(section(part, title, results.get(part)) for part, title in TITLES.items())
    return HEAD + summary(results) + sections


def pictures_of(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The drawings of the page, SVG by file name in docs/pictures."""
    tables = [each for part in TITLES for each in results.get(part, {}).get("report", {}).get("tables", ())]
    return {picture_name(each): draw(each) for each in tables if "curve" in each}


def picture_name(each: Mapping[str, Any]) -> str:
    """The file of a table's drawing."""
    return f"bench-{anchor(each['title'].partition(',')[0])}.svg"


def summary(results: Mapping[str, Mapping[str, Any]]) -> str:
    """What was wanted, what came out, and whether that will do."""
    rows = []
    for part, title in TITLES.items():
        entry = results.get(part, {})
        if "report" not in entry:
            rows.append(f"| [{title}](#{anchor(title)}) | | | | {entry.get('failed', 'not measured yet')} |")
            continue
        for one in (one for one in entry["report"]["figures"] if wanted(one)):
            ends = verdict(one)
            shown = ends if ends == "ok" else f"**{ends}**"
            rows.append(f"| [{title}](#{anchor(title)}) | {one['name']} | {wanted(one)} | {got(one)} | {shown} |")
    return "## Wanted, and got\n| part | figure | wanted | got | |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"


def section(part: str, title: str, entry: Mapping[str, Any] | None) -> str:
    """One part: its tables, its figures, and what they are of."""
    head = f"## {title}\n"
    if entry is None:
        return f'{head}Not measured yet: `make bench BENCH="--only {part}"`.\n\n'
    if "failed" in entry:
        return f"{head}Failed: {entry['failed']}.\n\n"
    tables = "".join(markdown(each) for each in entry["report"]["tables"])
    other = [one for one in entry["report"]["figures"] if not wanted(one)]
    lines = "".join(f"- {one['name']}: {got(one)}\n" for one in other) + ("\n" if other else "")
    return f"{head}{tables}{lines}{moment(entry)}\n\n"


def markdown(each: Mapping[str, Any]) -> str:
    """One table."""
    head = "| " + " | ".join(each["head"]) + " |\n|" + "---|" * len(each["head"]) + "\n"
    rows = "".join("| " + " | ".join(number(cell) for cell in row) + " |\n" for row in each["rows"])
    picture = f"![{each['title']}](pictures/{picture_name(each)})\n\n" if "curve" in each else ""
    return f"{each['title']}:\n\n{head}{rows}\n{picture}"


def moment(entry: Mapping[str, Any]) -> str:
    """When, what and on what, in one sentence."""
    facts, share = entry["machine"], entry["busy_elsewhere"]
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", "numpy", "onnxruntime", "mujoco", "jax"))
    busy = f"others had {share:.0%} of the CPUs" + (", **so it is too slow**" if share > BUSY else "")
    return (
        f"*{entry['when']} UTC, commit {entry['commit']}, {entry['seconds']} s, {busy}. {facts['cpu']}, "
        f"{facts['cores']} cores, {facts['memory_gb']} GB, kernel {facts['kernel']}"
        f"{' PREEMPT_RT' if facts['preempt_rt'] else ''}; {versions}.*"
    )


def got(one: Mapping[str, Any]) -> str:
    """A figure with its unit."""
    return "" if one["got"] is None else f"{number(one['got'])} {one['unit']}".strip()


def anchor(title: str) -> str:
    """As the site and GitHub make them of headings."""
    return "".join(letter for letter in title.lower().replace(" ", "-") if letter.isalnum() or letter == "-")
