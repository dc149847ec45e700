"""The colours of a page by day and by night.

A plot names its colours by token ("@series0", "@ink"), because one file is read in light and in dark: the page puts the
theme's colour in when it draws. Series colours have Okabe and Ito's hues, moved until each stands out from the paper
(contrast 3 or more) and any two differ for every kind of colour vision. Nothing is said by colour alone.
"""

from __future__ import annotations

from typing import NamedTuple


class Theme(NamedTuple):
    """Colours as #rrggbb: paper and card lie behind everything; the rest is written or drawn on them."""

    paper: str
    card: str
    line: str
    ink: str
    muted: str
    accent: str
    good: str
    bad: str
    series: tuple[str, ...]

    def tokens(self) -> dict[str, str]:
        """Colours by the names that style sheet and plots use: ink, muted, ..., series0, series1, ..."""
        named = {name: value for name, value in self._asdict().items() if name != "series"}
        return named | {f"series{i}": colour for i, colour in enumerate(self.series)}


LIGHT = Theme(
    paper="#ffffff",
    card="#f4f6f9",
    line="#d3d9e1",
    ink="#1b2a41",
    muted="#536071",
    accent="#0b5cad",
    good="#0a6b3d",
    bad="#a8261b",
    series=("#0c46da", "#da6f13", "#26996f", "#b174c1", "#2b1b40", "#622f00"),
)
DARK = Theme(
    paper="#12171e",
    card="#1b222c",
    line="#3a4553",
    ink="#e6eaf0",
    muted="#a7b1bf",
    accent="#7db7ff",
    good="#5fd38d",
    bad="#ff9a8d",
    series=("#739fff", "#bf7200", "#4e7d4f", "#a97ea5", "#f5d62e", "#e6eaf0"),
)
INK, MUTED, ACCENT, GOOD, BAD = "@ink", "@muted", "@accent", "@good", "@bad"
SERIES = tuple(f"@series{i}" for i in range(len(LIGHT.series)))


def faded(token: str, opacity: float) -> str:
    """The same colour, let through: for bands and areas. `opacity` is 0 to 1."""
    return f"{token}:{opacity:g}"
