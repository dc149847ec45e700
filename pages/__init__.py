"""How a report looks: one HTML file with text, tables, pictures and plots, which needs no network to be read."""

from .colour import ACCENT, BAD, GOOD, INK, MUTED, SERIES, faded
from .page import Cell, Figure, Page, Section
from .script import PlotlyMissingError

__all__ = [
    "ACCENT",
    "BAD",
    "GOOD",
    "INK",
    "MUTED",
    "SERIES",
    "Cell",
    "Figure",
    "Page",
    "PlotlyMissingError",
    "Section",
    "faded",
]
