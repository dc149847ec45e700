"""All side-by-side figures by one command: runs the benches one by one, keeps what they found, writes the page.

`make bench` (BENCH="--only tick --only start"). Each part runs alone, too, and replaces its own entry in
benchmarks/results.json, with the machine, the commit and how busy the machine was; docs/benchmarks.md is made from
that file. `--quick` proves in less than a minute that the parts run, and keeps nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from benchmark_page import PAGE, PICTURES, page_of, pictures_of
from results import ROOT, BusyElsewhere, commit, machine, now, write_json

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"


class Part(NamedTuple):
    """One bench. minutes: how long it takes, about; long, quick: its options; slow: also quickly it compiles for long,
    so that `--quick` leaves it out unless it is named."""

    script: str
    says: str
    minutes: float
    long: Sequence[str] = ()
    quick: Sequence[str] = ("--quick",)
    slow: bool = False


PARTS = {
    "loop": Part(
        "bench_loop.py",
        "how late a tick begins: robotd, cyclictest, asyncio, loop-rate-limiters; idle and loaded",
        20.5,
        ("--seconds", "600"),
        ("--quick", "--seconds", "1"),
    ),
    "tick": Part("bench_tick.py", "what a tick costs beside the bare network", 1),
    "joints": Part("bench_joints.py", "what a tick costs against joints and network", 1),
    "start": Part("bench_start.py", "start of robotd and of help, and memory", 2.5),
    "bus": Part("bench_bus.py", "age of feedback: robotd's schedule, lewansoul-lx16a, the whole robot", 3.5),
    "log": Part("bench_log.py", "export of a log against its length", 2),
    "train": Part(
        "bench_train.py",
        "env-steps/s: native, MJX, training, brax, MuJoCo Playground",
        6,
        quick=("--quick", "--num-envs", "8", "--parts", "native"),
    ),
    "scaling": Part("bench_scaling.py", "env-steps/s against robots, cores and networks", 10, slow=True),
    "walk": Part("bench_walk.py", "time to walk: walking.yaml to its end, and the gate", 8, slow=True),
}


def run_part(name: str, quick: bool) -> dict[str, Any]:
    """Run one bench and return its entry: its report or why there is none, and the moment that it is of."""
    part = PARTS[name]
    elsewhere, begun = BusyElsewhere(), time.monotonic()
    entry: dict[str, Any] = {"when": now(), "commit": commit(), "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        answer = Path(folder) / "report.json"
        words = part.quick if quick else part.long
        done = subprocess.run([sys.executable, str(HERE / part.script), *words, "--json", str(answer)], check=False)
        if done.returncode or not answer.exists():
            return entry | {"failed": f"{part.script} ended with exit code {done.returncode}"}
        entry["report"] = json.loads(answer.read_text(encoding="utf-8"))
    return entry | {"seconds": round(time.monotonic() - begun), "busy_elsewhere": elsewhere.share()}


def merged(path: Path, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """All results with one entry replaced, in the order of PARTS. A failure does not replace figures."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "report" in entry or "report" not in known.get(name, {}):
        known[name] = entry
    return {part: known[part] for part in PARTS if part in known}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="Only this part; may be given again.")
@click.option("--quick", is_flag=True, help="Prove that the parts run, in less than a minute; keep nothing.")
@click.option("--list", "listing", is_flag=True, help="Say what there is, and how long it takes.")
@click.option("--page", is_flag=True, help="Measure nothing: write docs/benchmarks.md from what is known.")
@click.option("--json", "results", type=click.Path(path_type=Path), help="Keep results here, and write no page.")
def main(only: Sequence[str], quick: bool, listing: bool, page: bool, results: Path | None) -> None:
    """Measure, keep and show. Nothing else may run on the machine meanwhile.

    Exit codes: 0 all parts ran, 1 one of them failed, 2 refused, 130 interrupted. A figure that misses is no failure.
    """
    chosen = [name for name in PARTS if name in only] or [
        name for name, part in PARTS.items() if not (quick and part.slow)
    ]
    if listing:
        for name, part in PARTS.items():
            click.echo(f"  {name:<10}{part.minutes:>5g} min  {part.says}")
        return
    if page:
        write_page(RESULTS)
        return
    try:
        failed = [name for name in chosen if not measured(name, chosen, quick, results)]
    except KeyboardInterrupt:
        sys.exit(130)
    if failed:
        click.echo(f"bench: {', '.join(failed)} failed; see above", err=True)
        sys.exit(1)


def measured(name: str, chosen: Sequence[str], quick: bool, results: Path | None) -> bool:
    """Run one part of those that were chosen and keep what it found; whether it ran."""
    place = chosen.index(name)
    left = sum(PARTS[each].minutes for each in chosen[place:])
    time_left = "" if quick else f", about {left:g} min left"
    click.echo(f"\n[{place + 1}/{len(chosen)}] {name}: {PARTS[name].says}{time_left}", err=True)
    entry = run_part(name, quick)
    if not quick or results:
        path = results or RESULTS
        write_json(path, merged(path, name, entry))
    if not quick and results is None:
        write_page(RESULTS)
    return "failed" not in entry


def write_page(results: Path) -> None:
    """docs/benchmarks.md and its pictures as of a results file."""
    known = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    PAGE.write_text(page_of(known), encoding="utf-8")
    for name, picture in pictures_of(known).items():
        (PICTURES / name).write_text(picture, encoding="utf-8")
    click.echo(f"wrote {PAGE.relative_to(ROOT)}", err=True)


if __name__ == "__main__":
    main()
