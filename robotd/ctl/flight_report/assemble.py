"""The whole page: its headline, what happened, each stop, and how the flight ran."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from contract import Bundle
from pages import Cell, Page
from robotd.blackbox_reader import BlackBoxFile, Scan
from robotd.ctl.fault_fixes import FIXES
from robotd.mode import Mode

from . import before_stop, joints, pictures, running
from .causes import Ranges, finding
from .flight import Flight
from .story import Halt, halts, main_halt, refusals
from .timeline import MOST_CHANGES, changes, durations_s, timeline

SHOWN_STOPS = 4


def build(
    flight: Flight, file: BlackBoxFile, scan: Scan, bundle: Bundle | str, draw: bool, progress: pictures.Progress
) -> Page:
    """The report of a flight.

    Args:
        bundle: whose robot it is, for ranges and pictures; a sentence where there is none that fits.
        draw: make pictures of it.
    """
    ranges = ranges_of(bundle)
    found = halts(flight, ranges)
    halt = main_halt(found)
    page = Page(headline(flight, halt), subtitle(flight, halt, ranges))
    _what_happened(page, flight, found, ranges)
    for stop in shown(found):
        section = page.section(f"Stop at {flight.time_s[stop.tick]:.2f} s: {stop.names}")
        before_stop.tell(section, flight, stop)
    drawn = bundle if draw else "they were not asked for"
    pictures.tell(page.section("Robot and twin"), flight, file, halt, drawn, progress)
    joints.tell(page.section("Joints and their targets"), flight)
    running.tell_ages(page.section("Ages"), flight)
    running.tell_timing(page.section("Timing"), flight)
    running.tell_health(page.section("Health"), flight)
    _about(page, flight, file, scan)
    return page


def ranges_of(bundle: Bundle | str) -> Ranges | None:
    """Of the joints; None where nobody knows them."""
    return None if isinstance(bundle, str) else (bundle.spec.robot.range_min, bundle.spec.robot.range_max)


def headline(flight: Flight, halt: Halt | None) -> str:
    """What happened, in one line."""
    robot, length_s = flight.header.robot, float(flight.time_s[-1])
    if halt is not None:
        at_s = float(flight.time_s[halt.tick])
        how = "stopped on order" if halt.ordered else f"stopped by {halt.names}"
        return f"{robot}: {how} after {at_s:.1f} s" if halt.causes else f"{robot}: stopped after {at_s:.1f} s"
    if flight.powered.any():
        return f"{robot}: ran {length_s:.1f} s without a stop"
    begun = flight.modes[0].upper()
    return f"{robot}: never left {begun} in {length_s:.1f} s"


def subtitle(flight: Flight, halt: Halt | None, ranges: Ranges | None) -> str:
    """Why, and what to do; or what held it back."""
    if halt is not None:
        return " ".join(f"{cause.fault}: {cause.sentence}. What to do: {cause.fix}." for cause in halt.causes)
    if flight.powered.any():
        return "No fault stopped it."
    last = len(flight) - 1
    names = flight.names(int(flight.faults[last] | flight.present[last]))
    told = [
        f"{name}: {finding(flight, name, last, ranges).words or 'present'}. {FIXES.get(name, '')}" for name in names
    ]
    return ". ".join(told) + "." if told else "No condition spoke against arming at its end."


def shown(found: list[Halt]) -> list[Halt]:
    """The stops that get a section each: the main one, then the newest others."""
    main = main_halt(found)
    others = [halt for halt in reversed(found) if halt is not main]
    return [] if main is None else [main, *others][:SHOWN_STOPS]


def _what_happened(page: Page, flight: Flight, found: list[Halt], ranges: Ranges | None) -> None:
    section = page.section("What happened")
    told = ", ".join(f"{mode} {spent_s:.1f} s" for mode, spent_s in durations_s(flight).items())
    begun = datetime.fromtimestamp(flight.wall_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    section.text(f"From {begun} UTC, {float(flight.time_s[-1]):.1f} s: {told}.")
    if found:
        stops: list[list[str | Cell]] = [
            [
                f"{float(flight.time_s[halt.tick]):.2f}",
                halt.before,
                Cell(halt.stop.name.lower()),
                Cell(halt.names, "plain" if halt.ordered else "bad"),
                "; ".join(cause.sentence for cause in halt.causes),
            ]
            for halt in found
        ]
        section.table(["stop at s", "in", "how", "fault", "because"], stops)
        if len(found) > SHOWN_STOPS:
            section.text(f"{SHOWN_STOPS} of the {len(found)} stops are looked at more closely below.")
            for fault, fix in {cause.fault: cause.fix for halt in found for cause in halt.causes}.items():
                section.text(f"{fault}: {fix}.")
    elif flight.modes[0] in (Mode.FAULT.value, Mode.STOPPING.value):
        section.text("The log begins after a stop: what led to it is in an older black box, or overwritten.")
    refused = refusals(flight)
    if refused:
        tick, names = refused[-1]
        why = "; ".join(f"{name} ({finding(flight, name, tick, ranges).words or 'present'})" for name in names)
        section.text(
            f"Arming was asked for {len(refused)} times and refused, the last time because of {why or 'nothing'}."
        )
    section.figure(timeline(flight))
    rows = changes(flight)
    left = f", the first {MOST_CHANGES} of {len(rows)}" if len(rows) > MOST_CHANGES else ""
    section.folded(
        f"Every change of mode, faults and conditions{left}",
        ["s", "UTC", "mode", "raised", "conditions"],
        rows[:MOST_CHANGES],
    )


def _about(page: Page, flight: Flight, file: BlackBoxFile, scan: Scan) -> None:
    section = page.section("About this log")
    header = flight.header
    holes = int((~flight.follows[1:]).sum())
    policies = ", ".join(f"{name} ({digest[:12]})" for name, digest in header.policies.items())
    rows = [
        ["file", file.path.name],
        ["robot", f"{header.robot}, {len(header.joints)} joints"],
        ["policies, SHA-256 of their specs", policies],
        ["contract", header.contract_version],
        ["ticks", f"{len(flight)} of {header.ctrl_dt * 1e3:g} ms"],
        ["torn or changed records, left out", str(scan.corrupt)],
        ["records cut off at the file's end", str(scan.missing)],
        ["holes between the ticks shown", str(holes)],
    ]
    section.table(["", ""], rows)
    for words in (joints.thinned(flight), "" if flight.config_fits else _OTHER_CONFIG):
        if words:
            section.text(words)
    safety = [[key, json.dumps(value)] for key, value in header.config.get("safety", {}).items()]
    section.folded("Bounds of the faults, from robotd.yaml", ["key", "value"], safety)


_OTHER_CONFIG = (
    "Its robotd.yaml does not fit this robotd in every key: bounds drawn above may be this robotd's defaults."
)
