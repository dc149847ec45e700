"""What the page is told of the robot, as JSON: a message for each tick shown, its state twice a second. Pure."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from robotd.ctl.fault_fixes import FIXES
from robotd.ctl.status import torque
from robotd.ctl.watch import RECENT_S, Recent, Sample
from robotd.messages import Done, Telemetry
from robotd.timing import Histogram

DIGITS = 4
_BINS_PER_OCTAVE = 5
_PER_BIN = Histogram.PER_OCTAVE // _BINS_PER_OCTAVE


def tick_json(telemetry: Telemetry, pose: Sequence[float] | None) -> str:
    """One tick. pose: of each body of the twin x, y, z in m and its quaternion w, x, y, z, one after the other; None
    where there is no twin."""
    shown = dataclasses.asdict(telemetry) | {"pose": pose}
    return json.dumps({"kind": "tick"} | {name: plain(value) for name, value in shown.items()}, allow_nan=False)


def lost_json(text: str) -> str:
    """There is no connection to robotd, and why."""
    return json.dumps({"kind": "lost", "text": text})


def note_json(text: str) -> str:
    """Why there is no 3-D view."""
    return json.dumps({"kind": "note", "text": text})


def done_json(act: str, ok: bool, text: str, done: Done | None = None) -> str:
    """What came of an act: robotd's own sentence, and the arming checks that failed."""
    checks = [] if done is None else [dataclasses.asdict(check) for check in done.checks]
    return json.dumps({"kind": "done", "act": act, "ok": ok, "text": text, "checks": checks})


class States:
    """Turns samples into the page's states; it remembers those of the last RECENT_S."""

    def __init__(self) -> None:
        self._recent = Recent()
        self._late: deque[tuple[float, int, list[int]]] = deque()  # at, tick, counts

    def json(self, sample: Sample) -> str:
        """The state: all of Status, each fault with what to do about it, how deadlines were kept in the last 10 s."""
        pace = self._recent.add(sample)
        status = dataclasses.asdict(sample.status)
        state = {
            "kind": "state",
            **status,
            "torque": torque(sample.status),
            "fixes": [{"name": name, "fix": FIXES.get(name, "see docs/safety.md")} for name in sample.status.faults],
            "pace": {"rate_hz": pace.rate_hz, "skipped": pace.skipped, "ms": pace.ms},
            "lateness": self._lateness(sample),
        }
        return json.dumps({name: plain(value) for name, value in state.items()}, allow_nan=False)

    def _lateness(self, sample: Sample) -> list[tuple[float, int]]:
        """Ticks of the last 10 s by how late they began: (lower edge of the bin in us, ticks), none of them empty."""
        late, tick = self._late, sample.status.tick
        if late and tick < late[-1][1]:
            late.clear()
        late.append((sample.at_s, tick, list(sample.timing.lateness.counts)))
        while len(late) > 1 and sample.at_s - late[0][0] > RECENT_S:
            late.popleft()
        old, new = late[0][2] if len(late) > 1 else [], late[-1][2]
        return bins(new, old)


def bins(new: Sequence[int], old: Sequence[int]) -> list[tuple[float, int]]:
    """What a histogram has counted since it stood at `old`, in bins five times an octave: (lower edge us, count)."""
    found: dict[int, int] = {}
    for bucket, count in enumerate(new):
        more = count - (old[bucket] if bucket < len(old) else 0)
        if more:
            found[bucket // _PER_BIN] = found.get(bucket // _PER_BIN, 0) + more
    return [(Histogram.edge_us(number * _PER_BIN), count) for number, count in sorted(found.items())]


def plain(value: Any) -> Any:
    """The same for JSON: numbers with four digits behind the point, and null where they are not finite."""
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value
