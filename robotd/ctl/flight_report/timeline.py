"""The modes and faults of a whole flight as bars over time, and as a table of changes."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from pages import BAD, INK, MUTED, SERIES, Figure, faded

from .flight import Bools, Flight
from .plots import TIME_S, Json, layout
from .story import Span, mode_spans, spans

MOST_BARS, MOST_CHANGES = 800, 300
_COLOURS = {
    "idle": SERIES[5],
    "homing": SERIES[3],
    "standby": SERIES[4],
    "active": SERIES[2],
    "stopping": SERIES[1],
    "fault": BAD,
}


def timeline(flight: Flight) -> Figure:
    """A row for the modes, and one for each fault that was raised or whose condition held."""
    end_s = ends_s(flight)
    seen = int(np.bitwise_or.reduce(flight.faults | flight.present))
    rows = flight.names(seen)
    bars = [_bar("mode", mode, [span], flight, end_s, _COLOURS.get(mode, MUTED)) for mode, span in _merged(flight)]
    for name in rows:
        bit = flight.header.faults[name]
        raised = (flight.faults & bit) != 0
        held = ((flight.present & bit) != 0) & ~raised
        parts = (("raised", raised, BAD), ("condition only", held, faded(BAD, 0.35)))
        bars += [
            _bar(name, word, found, flight, end_s, colour)
            for word, flags, colour in parts
            if (found := joined(flags, len(flight) // MOST_BARS))
        ]
    order = ["mode", *rows]
    axes = layout(TIME_S, "", legend=False, barmode="overlay", bargap=0.25, hovermode="closest")
    axes["yaxis"] = {"categoryorder": "array", "categoryarray": order[::-1], "automargin": True}
    caption = "Hover over a bar for its time. A fault's bar is strong where it was raised, and pale where only its "
    return Figure(
        {"data": bars, "layout": axes},
        "Modes and faults",
        caption + "condition held: within its debounce, or without torque.",
        height_px=90 + 34 * len(order),
        wide=True,
    )


def changes(flight: Flight) -> list[list[str]]:
    """Rows of seconds, time of day, mode, faults raised, conditions, wherever one of the last three changed."""
    modes = np.array(flight.modes)
    changed = np.ones(len(flight), bool)
    changed[1:] = (
        (modes[1:] != modes[:-1])
        | (flight.faults[1:] != flight.faults[:-1])
        | (flight.present[1:] != flight.present[:-1])
    )
    rows = []
    for tick in np.flatnonzero(changed).tolist():
        raised, held = flight.names(int(flight.faults[tick])), flight.names(int(flight.present[tick]))
        at_s = float(flight.time_s[tick])
        rows.append([f"{at_s:.2f}", clock(flight.wall_s + at_s), modes[tick], " ".join(raised), " ".join(held)])
    return rows


def durations_s(flight: Flight) -> dict[str, float]:
    """How long it was in each mode, the longest first."""
    end_s, spent = ends_s(flight), dict.fromkeys(flight.modes, 0.0)
    for mode, span in mode_spans(flight):
        spent[mode] += end_s[span.end - 1] - float(flight.time_s[span.begin])
    return dict(sorted(spent.items(), key=lambda pair: -pair[1]))


def clock(wall_s: float) -> str:
    """The time of day, UTC, to 10 ms."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%H:%M:%S.%f")[:-4]


def joined(flags: Bools, gap: int) -> list[Span]:
    """Where flags hold, gaps of up to so many ticks filled in: what would be seen as one bar is one."""
    found: list[Span] = []
    for span in spans(flags):
        if found and span.begin - found[-1].end <= gap:
            found[-1] = Span(found[-1].begin, span.end)
        else:
            found.append(span)
    return found


def _merged(flight: Flight) -> list[tuple[str, Span]]:
    """Mode by mode; where there are very many, the shortest are not drawn (the table has them all)."""
    found = mode_spans(flight)
    if len(found) <= MOST_BARS:
        return found
    return sorted(found, key=lambda pair: pair[1].begin - pair[1].end)[:MOST_BARS]


def ends_s(flight: Flight) -> list[float]:
    """(T,) until when each tick counts: the next one, but no longer than a period where records are torn."""
    ends = flight.time_s + flight.header.ctrl_dt
    ends[:-1] = np.where(flight.follows[1:], flight.time_s[1:], np.minimum(ends[:-1], flight.time_s[1:]))
    return [float(end) for end in ends]


def _bar(row: str, word: str, found: list[Span], flight: Flight, end_s: list[float], colour: str) -> Json:
    begins = [float(flight.time_s[span.begin]) for span in found]
    lengths = [end_s[span.end - 1] - begin for span, begin in zip(found, begins, strict=True)]
    told = [f"{word}, {begin:.2f} to {begin + length:.2f} s" for begin, length in zip(begins, lengths, strict=True)]
    long = row == "mode" and lengths[0] > 0.08 * (end_s[-1] + 1e-9)
    return {
        "type": "bar",
        "orientation": "h",
        "y": [row] * len(found),
        "x": lengths,
        "base": begins,
        "name": word,
        "hovertext": told,
        "hoverinfo": "text",
        "text": [word] * len(found) if long else None,
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textfont": {"color": "@card"},
        "marker": {"color": colour, "line": {"color": INK, "width": 0}},
    }
