"""Lines, bounds and marks as plotly understands them, in the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pages import BAD, MUTED, SERIES

from .flight import Float64
from .thinning import MOST_POINTS, kept

Json = dict[str, Any]
_RED = {"color": BAD, "width": 1, "dash": "dash"}
TIME_S, BEFORE_S = "s since the first tick", "s, 0 is the stop"


def line(
    time_s: Float64,
    values: Float64,
    name: str,
    colour: str = SERIES[0],
    *,
    dash: str = "solid",
    axis: str = "",
    most: int = MOST_POINTS,
) -> Json:
    """One line; a spike survives the thinning, what is not finite is a gap."""
    places = kept(values, most)
    trace: Json = {"type": "scatter", "mode": "lines", "name": name, "x": time_s[places], "y": values[places]}
    trace["line"] = {"color": colour, "width": 1.5, "dash": dash}
    return trace | ({"yaxis": f"y{axis}"} if axis else {})


def layout(x_title: str, y_title: str, *, legend: bool = True, shapes: Sequence[Json] = (), **more: Any) -> Json:
    """Axes with names. shapes: what `bound` and `mark` made."""
    return {
        "xaxis": {"title": {"text": x_title}},
        "yaxis": {"title": {"text": y_title}},
        "showlegend": legend,
        "shapes": list(shapes),
    } | more


def bound(value: float, words: str) -> Json:
    """A level that something must not pass."""
    label = {"text": words, "textposition": "start", "font": {"size": 11, "color": BAD}}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": _RED, "label": label}


def mark(at_s: float, colour: str = MUTED) -> Json:
    """A moment."""
    stroke = {"color": colour, "width": 1, "dash": "dot"}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at_s, "x1": at_s, "line": stroke}


def roomy(*values: Float64, least: float) -> list[float]:
    """The range of an axis that holds all values and is `least` high at least: what is small looks small."""
    finite = np.concatenate([part[np.isfinite(part)] for part in values])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    half = max(0.55 * (high - low), least / 2)
    return [(low + high) / 2 - half, (low + high) / 2 + half]


def histogram(values: Float64, name: str) -> Json:
    """Counts of positive values in 60 buckets that grow by a factor."""
    shown = values[np.isfinite(values) & (values > 0)]
    if not len(shown):
        return {"type": "bar", "name": name, "x": [], "y": []}
    edges = np.geomspace(shown.min(), max(float(shown.max()), float(shown.min()) * 1.01), 61)
    counts, _ = np.histogram(shown, edges)
    counts[-1] += int((shown > edges[-1]).sum())  # rounding of the last edge
    middles, widths = np.sqrt(edges[:-1] * edges[1:]), np.diff(edges)
    return {"type": "bar", "name": name, "x": middles, "y": counts, "width": widths, "marker": {"color": SERIES[0]}}
