"""What the pictures of joints over time have in common: colours, style, and how they become PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

INK, ACCENT, MUTED = "#1b2a41", "#d1495b", "#8d99ae"
NO_MATPLOTLIB = "pictures need matplotlib, which is not installed; pip install matplotlib, or leave --plot out"


class PlotError(RuntimeError):
    """No picture can be drawn: one sentence."""


def png(draw: Callable[[Any], None], size: tuple[float, float], font_size: int, dpi: int) -> bytes:
    """What `draw` puts on an empty figure of `size` in inches. Raises PlotError: matplotlib is not installed."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError(NO_MATPLOTLIB) from None
    fonts = {"font.size": font_size, "axes.titlesize": font_size + 1}
    bare: dict[Any, Any] = {"axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context(bare | fonts):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        page = io.BytesIO()
        figure.savefig(page, format="png", dpi=dpi)
        return page.getvalue()
