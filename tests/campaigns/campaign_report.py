"""What campaigns have found, as one summary, one table for a terminal, and the page docs/campaigns.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TICKS_PER_HOUR = 180_000
UNITS = {"fuzz": "inputs", "faults": "runs", "hours": "simulated hours", "kills": "kills"}
TARGETS = {"fuzz": 10_000_000, "faults": 1000, "hours": 8, "kills": 200}
Line = Mapping[str, Any]


def summary_of(lines: Iterable[Line], wanted: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Everything in numbers: by campaign tried, survived, lost, unsafe, worst, parts done and parts wanted."""
    found: dict[str, list[Line]] = {name: [] for name in wanted}
    for line in lines:
        if line["part"] in wanted.get(line["campaign"], ()) or line["part"].startswith("guided "):
            found[line["campaign"]].append(line)
    campaigns = {name: _campaign(name, each, len(wanted[name])) for name, each in found.items()}
    problems = [problem for each in found.values() for line in each for problem in line["problems"]]
    return {"campaigns": campaigns, "problems": sorted(set(problems))}


def _campaign(name: str, lines: Sequence[Line], wanted: int) -> dict[str, Any]:
    tried, survived = (sum(line[key] for line in lines) for key in ("tried", "survived"))
    if name == "hours":
        tried, survived = (round(ticks / TICKS_PER_HOUR, 2) for ticks in (tried, survived))
    return {
        "unit": UNITS[name],
        "tried": tried,
        "survived": survived,
        "target": TARGETS[name],
        "parts": sum(not line["part"].startswith("guided ") for line in lines),
        "parts_wanted": wanted,
        "lost_files": sum(line.get("lost", 0) for line in lines),
        "unsafe_commands": sum(line.get("unsafe", 0) for line in lines),
        "worst": _WORST[name](lines),
        "kinds": _KINDS[name](lines),
    }


def _worst_fuzz(lines: Sequence[Line]) -> str:
    slowest = max(((line.get("slowest_ms", 0.0), line["part"]) for line in lines), default=(0.0, "none"))
    grown = max((line.get("grown_kib", 0) for line in lines), default=0)
    return f"slowest input {slowest[0]:.0f} ms ({slowest[1].rpartition('/')[0]}), a part grew by {grown} KiB at most"


def _worst_faults(lines: Sequence[Line]) -> str:
    stops = [line["stop_ms"] for line in lines if line.get("stop_ms") is not None]
    unloads = [line["unload_ms"] for line in lines]
    unloaded = f"torque off on the wire {max(unloads, default=0):.1f} ms after FAULT"
    if not stops:
        return unloaded
    return f"{unloaded}; {len(stops)} faults that had to stop the robot did so within {max(stops):.0f} ms"


def _worst_hours(lines: Sequence[Line]) -> str:
    grown = max((line["grown_kib"] for line in lines), default=0)
    fastest = max((line["fastest"] for line in lines), default=0.0)
    return f"memory {grown:+d} KiB after the warm-up; fastest target {fastest * 100:.2f} % of the speed limit"


def _worst_kills(lines: Sequence[Line]) -> str:
    unloads = [line["unload_ms"] for line in lines if "unload_ms" in line]
    if not unloads:
        return "no robotd was killed"
    late = sum(1 for line in lines if line.get("in_time") == 0)
    return f"all servos unloaded {max(unloads):.0f} ms after robotd's death, {late} later than the 500 ms promised"


def _kinds_fuzz(lines: Sequence[Line]) -> dict[str, dict[str, int]]:
    return _sums(lines, lambda line: line["part"].rpartition("/")[0], ("tried", "survived", "accepted"))


def _kinds_faults(lines: Sequence[Line]) -> dict[str, dict[str, int]]:
    kinds = _sums(lines, lambda line: line["kind"], ("tried", "survived", "reached"))
    return kinds | _sums(lines, lambda line: f"in {line['mode']}", ("tried", "survived", "reached"))


def _kinds_hours(lines: Sequence[Line]) -> dict[str, dict[str, int]]:
    troubles, counts = Counter[str](), Counter[str]()
    for line in lines:
        troubles.update(line["troubles"])
        counts.update(line["counts"])
    return {"troubles": dict(troubles.most_common()), "what happened": dict(counts.most_common())}


def _kinds_kills(lines: Sequence[Line]) -> dict[str, dict[str, int]]:
    return _sums(lines, lambda line: line["part"].rpartition("/")[0], ("tried", "survived"))


def _sums(lines: Sequence[Line], kind: Any, keys: Sequence[str]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(keys, 0))
    for line in lines:
        for key in keys:
            sums[kind(line)][key] += line.get(key, 0)
    return {name: sums[name] for name in sorted(sums)}


_WORST = {"fuzz": _worst_fuzz, "faults": _worst_faults, "hours": _worst_hours, "kills": _worst_kills}
_KINDS = {"fuzz": _kinds_fuzz, "faults": _kinds_faults, "hours": _kinds_hours, "kills": _kinds_kills}


def _number(value: float) -> str:
    return f"{value:,}"


def table_of(summary: Mapping[str, Any]) -> str:
    """For a terminal."""
    rows = [("campaign", "tried", "survived", "lost files", "unsafe", "worst")]
    for name, each in summary["campaigns"].items():
        tried = f"{_number(each['tried'])} {each['unit']}"
        rows.append(
            (
                name,
                tried,
                _number(each["survived"]),
                str(each["lost_files"]),
                str(each["unsafe_commands"]),
                each["worst"],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  " + "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    lines += [f"  FOUND {problem}" for problem in summary["problems"]]
    open_parts = sum(each["parts_wanted"] - each["parts"] for each in summary["campaigns"].values())
    return "\n".join([*lines, f"  {open_parts} parts are still to be done" if open_parts else "  all parts are done"])


def page_of(summary: Mapping[str, Any]) -> str:
    """docs/campaigns.md."""
    lines = [HEAD]
    lines += ["| campaign | tried | target | survived | lost or half-written files | unsafe commands | worst |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name, each in summary["campaigns"].items():
        tried, target = (f"{_number(each[key])} {each['unit']}" for key in ("tried", "target"))
        lost, unsafe = each["lost_files"], each["unsafe_commands"]
        lines.append(
            f"| {name} | {tried} | {target} | {_number(each['survived'])} | {lost} | {unsafe} | {each['worst']} |"
        )
    done = ", ".join(f"{name} {each['parts']} of {each['parts_wanted']}" for name, each in summary["campaigns"].items())
    lines += ["", f"Parts that are done: {done}.", ""]
    lines += ["Nothing was found." if not summary["problems"] else "Found, and not yet mended:", ""]
    lines += [f"- {problem}" for problem in summary["problems"]]
    for name, each in summary["campaigns"].items():
        lines += ["", f"## {name}, by kind", "", WHAT[name], ""]
        lines += _kinds_table(each["kinds"]) if each["kinds"] else ["Nothing is done yet."]
    return "\n".join(lines) + "\n"


def _kinds_table(kinds: Mapping[str, Mapping[str, int]]) -> list[str]:
    if "what happened" in kinds:
        told = ", ".join(f"{name} {_number(count)}" for name, count in kinds["what happened"].items())
        rows = [f"| {name} | {_number(count)} |" for name, count in kinds["troubles"].items()]
        return ["| trouble | times |", "|---|---|", *rows, "", f"What happened, in ticks or times: {told}."]
    keys = list(next(iter(kinds.values())))
    head = f"| kind | {' | '.join(keys)} |"
    rows = [f"| {name} | {' | '.join(_number(row[key]) for key in keys)} |" for name, row in kinds.items()]
    return [head, "|---" * (len(keys) + 1) + "|", *rows]


HEAD = """# Campaigns

Written by `make campaigns`; do not edit. The long form goes on where it was stopped (`build/campaigns.jsonl`), CI runs
the short one. Each part is its number: `python tests/campaigns/fault_campaign.py 17` runs fault run 17 again, bit by
bit, and `python tests/campaigns/fuzz_campaign.py robotd.yaml/3` the inputs of that part.
"""
WHAT = {
    "fuzz": """Mutated inputs for every reader of what comes from outside. It may refuse with one sentence of its own.
Any other exception, more than 2 s of processor time or 64 MiB of growth is a find. `accepted` inputs were taken.""",
    "faults": """Each device with each kind of fault in each mode at a random moment, sometimes healed, sometimes with a
second one, on the real drivers, byte by byte, in simulated time, with the physics twin behind them. A witness on the
wires judges with rules of its own: range, speed and bump of every target; torque only after somebody armed; every servo
unloaded within 40 ms of FAULT; faults that must stop the robot do so in time. `reached`: the fault was injected, where
the way to its mode was open.""",
    "hours": """The twin in lockstep with the standing and the walking policy, random commands, pushes, switches of
policy, troubles, stops, clearing and re-arming. A witness at the hardware's face judges every target. At the end the
black box is replayed bit by bit.""",
    "kills": """SIGKILL at a random moment. Files must be whole and lose nothing that was finished; a trainer that is
resumed must end with the straight run's weights, bit by bit; after robotd died under systemd every servo must be
unloaded.""",
}
