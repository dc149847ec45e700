"""A page is one file: escaped, fetched from nowhere, the same bytes for the same content."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import pages
from pages import Cell, Figure, Page
from pages.script import figure_json, plotly_library

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
FETCHING = {"src", "href", "data", "action", "poster", "srcset", "background", "xlink:href"}


class References(HTMLParser):
    """All values of attributes that a browser would fetch, and the text of each element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in FETCHING]


def plot() -> dict:
    x = np.linspace(0, 1, 4)
    return {"data": [{"type": "scatter", "x": x, "y": x**2, "line": {"color": pages.SERIES[0]}}], "layout": {}}


def full_page() -> Page:
    page = Page("Runs <a> & b", "for <i>people</i>")
    page.section("Plots").text("1 < 2").figure(Figure(plot(), "a plot", "look here"), Figure(PNG, "a picture"))
    rows = [("first", Cell("MISS", "bad")), ("<b>", Cell("1.0", "number"))]
    page.section("Tables").table(("", "found"), rows, "what was found").code("run --all").folded(
        "more", ("",), [("x",)]
    )
    page.section("Last").figure(Figure(plot(), "wide one", wide=True))
    return page


def test_the_same_page_gives_the_same_bytes() -> None:
    assert full_page().html() == full_page().html()


def test_nothing_is_fetched_and_nothing_may_be() -> None:
    html = full_page().html()
    found = References(html)
    assert found.references
    assert all(value.startswith(("data:", "#")) for value in found.references), found.references
    css = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in css and "@import" not in css
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None and policy[1].startswith("default-src 'none'")


def test_texts_are_escaped_wherever_they_come_from() -> None:
    evil = '<script>alert("x")</script>'
    page = Page(evil, evil)
    page.section(evil).text(evil).code(evil).table((evil, "b"), [(evil, Cell(evil, "good"))], evil)
    page.section("folded").folded(evil, ("a", "b"), [(evil, evil)])
    figure = {"data": [{"type": "bar", "name": "</script>" + evil, "x": [evil], "y": [1]}], "layout": {}}
    page.section("plot").figure(Figure(figure, evil, evil), Figure(PNG, evil))
    html = page.html().replace(plotly_library(), "")
    assert "<script>alert" not in html and "</script><script>" not in html
    assert References(html).tags.count("script") == 3  # plotly, the figure's data, our own lines


def test_plotly_comes_once_and_only_for_plots() -> None:
    plain = Page("words")
    plain.section("a").text("b").figure(Figure(PNG, "picture"))
    assert "<script" not in plain.html()
    assert full_page().html().count(plotly_library()) == 1


def test_figures_keep_gaps_and_six_digits() -> None:
    values = np.array([1.23456789, np.nan, np.inf], np.float64)
    said = json.loads(figure_json({"data": [{"y": values, "n": np.float32(0.5), "k": np.int64(3), "on": True}]}))
    assert said == {"data": [{"y": [1.23457, None, None], "n": 0.5, "k": 3, "on": True}], "layout": {}}


def test_figures_of_plotly_itself_are_taken() -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    said = json.loads(figure_json(graph_objects.Figure(graph_objects.Bar(x=["a"], y=[2.0]))))
    assert said["data"][0]["type"] == "bar" and said["data"][0]["y"] == [2.0]


def test_bytes_that_are_no_picture_are_refused() -> None:
    page = Page("a")
    page.section("b").figure(Figure(b"GIF89a", "moving"))
    with pytest.raises(ValueError, match="moving: found bytes of no known picture"):
        page.html()


def test_a_page_without_plotly_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(pages.PlotlyMissingError, match=r"pip install 'wildrobot\[report\]'"):
        full_page().html()


def test_writing_replaces_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    page = Page("new")
    page.write(path)
    assert path.read_text(encoding="utf-8") == page.html()
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError):
        page.write(tmp_path / "no" / "report.html")


def test_refreshing_is_asked_for() -> None:
    assert 'http-equiv="refresh" content="5"' in Page("live", refresh_s=5).html()
    assert 'http-equiv="refresh"' not in Page("still").html()
