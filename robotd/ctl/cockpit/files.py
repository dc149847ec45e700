"""The files of the page, packed once: its own, its colours, and plotly.js out of the installed package."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

from pages.colour import DARK, LIGHT, Theme

PAGE = Path(__file__).parent / "page"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class PageFile(NamedTuple):
    """kind: of its content; packed: its bytes, gzipped; tag: other where the bytes are."""

    kind: str
    packed: bytes
    tag: str


def page_files() -> dict[str, PageFile]:
    """By the path that they are asked for. Raises ModuleNotFoundError: plotly is not installed."""
    import plotly

    library = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    files = {f"/{file.name}": _packed(file.suffix, file.read_bytes()) for file in sorted(PAGE.iterdir())}
    files["/"] = files.pop("/page.html")
    files["/colours.css"] = _packed(".css", colours().encode())
    files["/plotly.js"] = _packed(".js", library.read_bytes())
    return files


def colours() -> str:
    """The reports' colours, by day and by night."""
    day, night = f":root{{color-scheme:light dark;{_named(LIGHT)}}}", f":root{{{_named(DARK)}}}"
    return f"{day}\n@media (prefers-color-scheme:dark){{{night}}}\n"


def _named(theme: Theme) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in theme.tokens().items())


def _packed(suffix: str, content: bytes) -> PageFile:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return PageFile(KINDS[suffix], gzip.compress(content, compresslevel=6, mtime=0), tag)
