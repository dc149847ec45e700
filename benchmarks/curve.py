"""A table as a small drawing: lines over one column, both axes logarithmic, as SVG text that is the same every time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 76, 150, 40, 52
COLOURS = ("#0072b2", "#b35900", "#117733", "#882255")
"""Told apart by people who see no red or no green, and dark enough on white."""
STYLE = "font-family='system-ui, sans-serif' font-size='13' fill='#37474f'"


def draw(table: Mapping[str, Any]) -> str:
    """The lines that a table's `curve` names: x, the column below, and y, the columns to be drawn."""
    head, rows, curve = table["head"], table["rows"], table["curve"]
    xs = [float(row[curve["x"]]) for row in rows]
    lines = {head[column]: [float(row[column]) for row in rows] for column in curve["y"]}
    across, up = _Axis(xs, LEFT, WIDTH - RIGHT), _Axis([y for ys in lines.values() for y in ys], HEIGHT - BOTTOM, TOP)
    parts = [f"<rect width='{WIDTH}' height='{HEIGHT}' rx='8' fill='#ffffff'/>"]
    parts.append(f"<text x='{LEFT}' y='24' {STYLE} font-weight='700'>{_escaped(table['title'])}</text>")
    parts += [_vertical(across.place(x), f"{x:g}") for x in dict.fromkeys(xs)]
    parts += [_horizontal(up.place(y), _short(y)) for y in up.ticks()]
    parts.append(
        f"<text x='{(LEFT + WIDTH - RIGHT) / 2}' y='{HEIGHT - 12}' {STYLE} text-anchor='middle'>"
        f"{_escaped(head[curve['x']])}</text>"
    )
    for (name, ys), colour in zip(lines.items(), COLOURS, strict=False):
        places = [(across.place(x), up.place(y)) for x, y in zip(xs, ys, strict=True)]
        parts.append(_line(places, colour, name))
    title = f"<title>{_escaped(table['title'])}</title>"
    size = f"viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img'>{title}\n" + "\n".join(parts) + "\n</svg>\n"


class _Axis:
    """A logarithmic axis from one pixel to another over some values, all above 0."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self.low, self.high = min(values), max(values)
        if self.low == self.high:
            self.low, self.high = self.low / 2, self.high * 2
        self.begin, self.end = begin, end

    def place(self, value: float) -> float:
        """The pixel of a value."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self) -> list[float]:
        """Round values inside: 1, 2 and 5 of each decade, or the two ends where none is."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
        return [value for value in found if self.low <= value <= self.high] or [self.low, self.high]


def _line(places: Sequence[tuple[float, float]], colour: str, name: str) -> str:
    points = " ".join(f"{x:g},{y:g}" for x, y in places)
    dots = "".join(f"<circle cx='{x:g}' cy='{y:g}' r='3.5' fill='{colour}'/>" for x, y in places)
    x, y = places[-1]
    label = f"<text x='{x + 10:g}' y='{y + 4:g}' {STYLE}><tspan fill='{colour}'>{_escaped(name)}</tspan></text>"
    return f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/>{dots}{label}"


def _vertical(x: float, text: str) -> str:
    line = f"<line x1='{x:g}' x2='{x:g}' y1='{TOP}' y2='{HEIGHT - BOTTOM}' stroke='#eceff1'/>"
    return f"{line}<text x='{x:g}' y='{HEIGHT - BOTTOM + 18}' {STYLE} text-anchor='middle'>{text}</text>"


def _horizontal(y: float, text: str) -> str:
    line = f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:g}' y2='{y:g}' stroke='#cfd8dc'/>"
    return f"{line}<text x='{LEFT - 8}' y='{y + 4:g}' {STYLE} text-anchor='end'>{text}</text>"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
