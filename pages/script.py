"""What makes plots live in a page: plotly's library from the installed package, our own lines, and figures as JSON."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .colour import DARK, LIGHT

_AXIS = {
    "automargin": True,
    "gridcolor": "@line",
    "linecolor": "@line",
    "zerolinecolor": "@line",
    "title": {"standoff": 8},
}
TEMPLATE: dict[str, Any] = {
    "layout": {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "@ink", "size": 12, "family": "system-ui, sans-serif"},
        "colorway": [f"@series{i}" for i in range(len(LIGHT.series))],
        "colorscale": {"sequential": "Cividis"},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "margin": {"l": 48, "r": 12, "t": 12, "b": 40},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        "hoverlabel": {"bgcolor": "@card", "bordercolor": "@line", "font": {"color": "@ink"}},
        "hovermode": "x",
    }
}
_DIGITS = 6  # of a number in a plot: more would make the file larger and no line different


class PlotlyMissingError(ImportError):
    """A page has plots and plotly is not installed."""


def plotly_library() -> str:
    """The text of plotly.min.js as it is installed. Raises PlotlyMissingError."""
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise PlotlyMissingError("plotly: not installed, expected it for plots; pip install 'wildrobot[report]'")
    library = Path(found.origin).parent / "package_data" / "plotly.min.js"
    try:
        return library.read_text(encoding="utf-8")
    except OSError as problem:
        raise PlotlyMissingError(f"{library}: {problem.strerror}, expected plotly >= 6; install it again") from None


def own_lines() -> str:
    """The page's own script with both themes and the plots' template in it."""
    themes = json.dumps({"light": LIGHT.tokens(), "dark": DARK.tokens()})
    lines = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
    return f"const THEMES = {themes};\nconst TEMPLATE = {json.dumps(TEMPLATE)};\n{lines}"


def figure_json(figure: Mapping[str, Any] | Any) -> str:
    """A plotly figure, or the mapping of data and layout that one is, as JSON that is safe inside <script>.

    Numbers are rounded to six digits, what is not finite becomes null: a gap in the line.
    """
    parts = figure if isinstance(figure, Mapping) else figure.to_plotly_json()
    plain = {"data": _plain(parts["data"]), "layout": _plain(parts.get("layout", {}))}
    return json.dumps(plain, separators=(",", ":"), allow_nan=False, sort_keys=True).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    """Arrays as lists, numbers rounded, all that plotly takes as JSON takes it."""
    if hasattr(value, "tolist"):  # numpy and jax, arrays and scalars
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
