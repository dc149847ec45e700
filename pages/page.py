"""A page of sections, written to one file. Whatever is handed in is escaped; the same page gives the same bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .colour import DARK, LIGHT, Theme
from .script import figure_json, own_lines, plotly_library

# Nothing may be fetched, whatever a text smuggles in; plots save themselves as pictures through data: and blob:.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


class Cell(NamedTuple):
    """A cell of a table. A kind changes how it looks; the text alone says what it means."""

    text: str
    kind: Literal["plain", "number", "good", "bad", "muted"] = "plain"


class Figure(NamedTuple):
    """A plot, or a picture as bytes of a PNG, JPEG or WebP.

    Args:
        content: a plotly figure; the mapping {"data": [...], "layout": {...}} that one is; or a picture's bytes.
        title: a few words above it, which are also read out.
        caption: below it: what to look for.
        height_px: of a plot.
        wide: over the whole width; other figures stand beside each other where there is room.
    """

    content: Any
    title: str
    caption: str = ""
    height_px: int = 280
    wide: bool = False


class Section:
    """A heading and what stands below it, in the order in which it was added. Every adder returns the section."""

    def __init__(self, title: str, anchor: str) -> None:
        self.title, self.anchor = title, anchor
        self._parts: list[str | Figure] = []

    def text(self, text: str) -> Section:
        """A paragraph."""
        return self._add(f"<p>{escape(text)}</p>")

    def code(self, text: str) -> Section:
        """Lines as they are: a command, a file."""
        return self._add(f"<pre>{escape(text)}</pre>")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str | Cell]], caption: str = "") -> Section:
        """A table; the first cell of each row is its heading. On a narrow screen it scrolls by itself."""
        return self._add(_table(head, rows, caption))

    def folded(self, summary: str, head: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> Section:
        """A table that is seen when its summary is opened."""
        return self._add(f"<details><summary>{escape(summary)}</summary>{_table(head, rows, '')}</details>")

    def figure(self, *figures: Figure) -> Section:
        """Figures; those that follow each other stand side by side where there is room."""
        self._parts.extend(figures)
        return self

    def strip(self, title: str, pictures: Sequence[tuple[bytes, str]]) -> Section:
        """Small pictures one after the other, each with a few words below it."""
        items = "".join(f"<li>{_image(data, words)}<span>{escape(words)}</span></li>" for data, words in pictures)
        return self._add(f'<figure><h3>{escape(title)}</h3><ol class="strip">{items}</ol></figure>')

    def _add(self, part: str) -> Section:
        self._parts.append(part)
        return self

    def parts(self) -> list[str | Figure]:
        """HTML and figures, in order."""
        return list(self._parts)


class Page:
    """A report. `refresh_s` makes a browser read the file anew that often."""

    def __init__(self, title: str, subtitle: str = "", refresh_s: int | None = None) -> None:
        self._title, self._subtitle, self._refresh_s = title, subtitle, refresh_s
        self._sections: list[Section] = []

    def section(self, title: str) -> Section:
        """A new section at the end, to be filled."""
        self._sections.append(Section(title, f"section-{len(self._sections) + 1}"))
        return self._sections[-1]

    def html(self) -> str:
        """The whole file. Raises PlotlyMissingError where there are plots and no plotly."""
        drawer = _Drawer()
        body = "\n".join(drawer.section(section) for section in self._sections)
        links = "".join(f'<a href="#{s.anchor}">{escape(s.title)}</a>' for s in self._sections)
        nav = f"<nav>{links}</nav>" if len(self._sections) > 2 else ""
        refresh = f'<meta http-equiv="refresh" content="{self._refresh_s}">\n' if self._refresh_s else ""
        subtitle = f'<p class="subtitle">{escape(self._subtitle)}</p>' if self._subtitle else ""
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="color-scheme" content="light dark">\n{refresh}<title>{escape(self._title)}</title>\n'
            f'<link rel="icon" href="data:,">\n<style>\n{_style()}</style>\n</head>\n<body>\n<main>\n'
            f"<h1>{escape(self._title)}</h1>\n{subtitle}\n{nav}\n{body}\n</main>\n{drawer.scripts()}</body>\n</html>\n"
        )

    def write(self, path: Path) -> None:
        """Write the file whole or not at all: who reads it meanwhile sees the old one. Raises OSError."""
        beside = path.with_name(f".{path.name}.part")
        try:
            beside.write_text(self.html(), encoding="utf-8")
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


class _Drawer:
    """Turns sections into HTML and counts the plots on the way."""

    def __init__(self) -> None:
        self._plots = 0

    def section(self, section: Section) -> str:
        parts: list[str] = []
        row: list[Figure] = []
        for part in section.parts():
            if isinstance(part, Figure):
                row.append(part)
                continue
            parts += [self._grid(row), part]
            row = []
        inner = "\n".join(part for part in [*parts, self._grid(row)] if part)
        return f'<section id="{section.anchor}">\n<h2>{escape(section.title)}</h2>\n{inner}\n</section>'

    def scripts(self) -> str:
        """Plotly and our own lines, once, and only if there is something to draw."""
        if not self._plots:
            return ""
        return f"<script>{plotly_library()}</script>\n<script>\n{own_lines()}</script>\n"

    def _grid(self, figures: Sequence[Figure]) -> str:
        inner = "\n".join(self._figure(figure) for figure in figures)
        return f'<div class="grid">\n{inner}\n</div>' if figures else ""

    def _figure(self, figure: Figure) -> str:
        caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
        kind = ' class="wide"' if figure.wide else ""
        inner = _image(figure.content, figure.title) if isinstance(figure.content, bytes) else self._plot(figure)
        return f"<figure{kind}><h3>{escape(figure.title)}</h3>{inner}{caption}</figure>"

    def _plot(self, figure: Figure) -> str:
        self._plots += 1
        name = f"plot-{self._plots}"
        return (
            f'<div class="plot" id="{name}" role="img" aria-label="{escape(figure.title)}" '
            f'style="height:{figure.height_px}px"></div>'
            f'<script type="application/json" id="{name}-data">{figure_json(figure.content)}</script>'
            "<noscript>Plots need JavaScript.</noscript>"
        )


def _image(content: bytes, words: str) -> str:
    kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)
    if kind is None:
        raise ValueError(f"{words}: found bytes of no known picture, expected a PNG, JPEG or WebP")
    data = base64.b64encode(content).decode("ascii")
    return f'<img src="data:{kind};base64,{data}" alt="{escape(words)}">'


def _table(head: Sequence[str], rows: Sequence[Sequence[str | Cell]], caption: str) -> str:
    lines = []
    if any(head):
        columns = rows[0] if rows else [""] * len(head)
        names = "".join(_head(name, cell) for name, cell in zip(head, columns, strict=True))
        lines.append(f"<thead><tr>{names}</tr></thead>")
    lines.append("<tbody>")
    for first, *rest in rows:
        text = first.text if isinstance(first, Cell) else first
        lines.append(f'<tr><th scope="row">{escape(text)}</th>' + "".join(map(_cell, rest)) + "</tr>")
    above = f'<p class="caption">{escape(caption)}</p>' if caption else ""
    return f'{above}<div class="scroll" tabindex="0"><table>{"".join(lines)}</tbody></table></div>'


def _head(name: str, below: str | Cell) -> str:
    """A column's name, to the right above numbers."""
    kind = ' class="number"' if isinstance(below, Cell) and below.kind == "number" else ""
    return f'<th scope="col"{kind}>{escape(name)}</th>'


def _cell(cell: str | Cell) -> str:
    if isinstance(cell, str):
        return f"<td>{escape(cell)}</td>"
    return f'<td class="{cell.kind}">{escape(cell.text)}</td>'


def _style() -> str:
    rules = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    day, night = (f":root {{ {_variables(theme)} }}" for theme in (LIGHT, DARK))
    return f"{day}\n@media (prefers-color-scheme: dark) {{ {night} }}\n{rules}"


def _variables(theme: Theme) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in theme.tokens().items())
