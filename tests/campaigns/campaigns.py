"""All campaigns by one command: fuzz, faults, hours, kills. What is done is kept, so a stopped campaign goes on.

make campaigns                          the long form, hours of one core
make campaigns CAMPAIGN="--short"       the form that CI runs, a minute or two
make campaigns CAMPAIGN="--only fuzz --minutes 30"
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import fault_campaign
import fuzz_campaign
import kill_campaign
import soak_campaign
from campaign_report import page_of, summary_of, table_of
from ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
BUILD, PAGE = ROOT / "build", ROOT / "docs" / "campaigns.md"
Add = Callable[[str, dict[str, Any]], None]
Run = Callable[[Sequence[str], Add], None]


class Campaign(NamedTuple):
    """parts: names of all parts of a form; run: does some of them, and hands over each finding."""

    parts: Callable[[bool], list[str]]
    run: Run
    run_short: Run


CAMPAIGNS = {
    "fuzz": Campaign(fuzz_campaign.parts, fuzz_campaign.run, fuzz_campaign.run_short),
    "faults": Campaign(fault_campaign.parts, fault_campaign.run_parts, fault_campaign.run_parts),
    "hours": Campaign(soak_campaign.parts, soak_campaign.run_parts, soak_campaign.run_parts),
    "kills": Campaign(kill_campaign.parts, kill_campaign.run, kill_campaign.run),
}


class TimeIsUpError(Exception):
    """The minutes are over; what is done is in the ledger."""


@click.command()
@click.option("--short", is_flag=True, help="The form that CI runs, with a ledger of its own that begins anew.")
@click.option("--only", multiple=True, type=click.Choice(list(CAMPAIGNS)), help="Only this campaign; may be repeated.")
@click.option("--part", "wanted", multiple=True, help="Only parts whose names begin so; may be repeated.")
@click.option("--minutes", type=click.FloatRange(min=0), help="Stop between two parts after so long.")
@click.option("--report", "only_report", is_flag=True, help="Run nothing, report what is done.")
def main(
    short: bool,
    only: tuple[str, ...],
    wanted: tuple[str, ...],
    minutes: float | None,
    only_report: bool,
) -> None:
    """Run what is not done yet, write build/campaigns.json, print the table; the long form writes its page too.

    Exit codes: 0 nothing was found, 1 something was.
    """
    logging.getLogger("robotd").setLevel(logging.CRITICAL + 1)  # here faults are the plan
    form = "campaigns-short" if short else "campaigns"
    ledger = Ledger(BUILD / f"{form}.jsonl")
    if short and not only_report:
        ledger.path.unlink(missing_ok=True)
    until_s = None if minutes is None else time.monotonic() + 60 * minutes
    for name in () if only_report else only or CAMPAIGNS:
        try:
            _run(name, short, ledger, wanted, until_s)
        except TimeIsUpError:
            click.echo(f"{name}: the minutes are over; the same command goes on", err=True)
    summary = summary_of(ledger.lines(), {name: each.parts(short) for name, each in CAMPAIGNS.items()})
    (BUILD / f"{form}.json").write_text(json.dumps(summary, indent=1) + "\n")
    click.echo(table_of(summary))
    if not short:
        PAGE.write_text(page_of(summary), encoding="utf-8")
    sys.exit(1 if summary["problems"] else 0)


def _run(name: str, short: bool, ledger: Ledger, wanted: Sequence[str], until_s: float | None) -> None:
    """One campaign's missing parts. Raises TimeIsUpError."""
    campaign, done = CAMPAIGNS[name], ledger.done(name)
    missing = [p for p in campaign.parts(short) if p not in done and (not wanted or p.startswith(tuple(wanted)))]
    count = len(missing)

    def add(part: str, found: dict[str, Any]) -> None:
        nonlocal count
        count -= 1
        ledger.add(name, part, found)
        for problem in found["problems"]:
            click.echo(f"{name}: FOUND {problem}", err=True)
        if count % 10 == 0 or name == "hours":
            click.echo(f"{name}: {part} done, {count} to go", err=True)
        if until_s is not None and time.monotonic() > until_s:
            raise TimeIsUpError

    if missing:
        (campaign.run_short if short else campaign.run)(missing, add)


if __name__ == "__main__":
    # Daemons of the campaigns have their socket, lock and black box where no real one has them.
    with tempfile.TemporaryDirectory(prefix="wr-") as home:
        os.environ["WILDROBOT_HOME"] = home
        main()
