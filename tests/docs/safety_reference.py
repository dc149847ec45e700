"""docs/safety-reference.md out of robotd: modes and events, faults with what to do, bounds, arming checks."""

from __future__ import annotations

from key_tables import cell, section_table, table

from robotd.arming import CHECKS
from robotd.config import MotionConfig, SafetyConfig
from robotd.ctl.fault_fixes import FIXES
from robotd.fault_table import FAULT_TABLE
from robotd.mode import Event, Mode, Stop, next_mode

HEAD = """# Safety, every row

Generated from the code by `make docs`; a test says when it is stale. [Safety](safety.md) says what is promised and why.

"""


def page() -> str:
    """The whole page."""
    return HEAD + modes() + stops() + faults() + bounds() + arming()


def modes() -> str:
    """What each event does in each mode, asked of `next_mode` itself."""
    events = [Event.ARM, Event.ACTIVATE, Event.CLEAR]
    rows = [
        (
            mode.name,
            "on" if mode.powered else "off",
            *(_move(mode, next_mode(mode, event, Stop.NONE, finished=False, ready=True)) for event in events),
            _move(mode, next_mode(mode, None, Stop.NONE, finished=True, ready=True)),
        )
        for mode in Mode
    ]
    head = ("mode", "torque", *(f"on {event.name.lower()}" for event in events), "having arrived")
    return "## Modes and events\nNothing stands where the mode stays.\n" + table(head, rows)


def stops() -> str:
    """What each stop does in each mode."""
    kinds = [Stop.HOLD, Stop.CROUCH, Stop.LIMP]
    rows = [
        (mode.name, *(_move(mode, next_mode(mode, None, stop, finished=False, ready=True)) for stop in kinds))
        for mode in Mode
    ]
    said = "`robotctl stop` is a crouch, `robotctl estop` a limp; faults ask for the others.\n"
    return f"## Modes and stops\n{said}" + table(("mode", *(stop.name.lower() for stop in kinds)), rows)


def faults() -> str:
    """Each fault once, with all its conditions and its cure."""
    rows = []
    for fault in dict.fromkeys(row.fault for row in FAULT_TABLE):
        own = [row for row in FAULT_TABLE if row.fault is fault]
        stops = " / ".join(dict.fromkeys(row.stop.name.lower() for row in own))
        rows.append((f"`{fault.name}`", cell("; ".join(row.text for row in own)), stops, cell(FIXES[str(fault.name)])))
    return "## Faults, and what to do\n" + table(("fault", "condition", "stop", "what to do"), rows)


def bounds() -> str:
    """The keys of robotd.yaml that bound all this."""
    return (
        "## Bounds\nKeys of `safety` and `motion` in robotd.yaml. No file can go beyond what is allowed.\n"
        f"### safety\n{section_table(SafetyConfig)}### motion\n{section_table(MotionConfig)}"
    )


def arming() -> str:
    """Names of the checks, in the order in which they are asked."""
    rows = [(name, "always" if always else "on the real robot") for name, (_, always) in CHECKS.items()]
    return "## Arming checks\n[What each one asks](safety.md#arming-checks).\n" + table(("check", "mandatory"), rows)


def _move(before: Mode, after: Mode) -> str:
    return "" if after is before else after.name
