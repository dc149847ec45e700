"""The documentation as a site: it builds strictly, generated pages are fresh, nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import reference_pages
from shown_commands import FENCE, ROOT

LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
OUTSIDE_OF_THE_SITE = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


class Page(HTMLParser):
    """What a page of the site loads, and its text outside of code."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text = ""
        self._code = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag in LOADS and values.get(LOADS[tag]) and values.get("rel") != "canonical":
            self.loads.append(str(values[LOADS[tag]]))
        self._code += tag in ("code", "pre", "script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._code else data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a broken link, a lost anchor or a page that no menu names ends it."""
    folder = tmp_path_factory.mktemp("site")
    program = "import os, sys; from mkdocs.__main__ import cli; cli()"
    command = [sys.executable, "-c", program, "build", "--quiet", "--strict", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_nothing_on_the_site_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 20
    for path, page in pages.items():
        assert [load for load in page.loads if re.match(r"(https?:)?//", load)] == [], path.name
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert styles and not re.search(r"(@import|url\()\s*[\"']?https?:", "".join(styles))


def test_every_table_of_a_page_became_one(site: Path) -> None:
    broken = [path.name for path in site.rglob("*.html") if re.search(r"\|\s*:?---", Page(path).text)]
    assert broken == [], "a table needs an empty line before it"


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_a_page_made_from_code_is_fresh(name: str) -> None:
    """Asked of an interpreter of its own, as `make docs` is: the help of commands must not depend on other tests."""
    command = [sys.executable, str(Path(reference_pages.__file__)), "--check"]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert f"{name}: stale" not in said.stdout and not said.stderr, said.stdout + said.stderr


def test_the_reference_says_what_it_should() -> None:
    text = {name: (reference_pages.DOCS / name).read_text(encoding="utf-8") for name in reference_pages.PAGES}
    assert "### robotctl bus scan" in text["command-reference.md"]
    assert "| `gravity_local` | 3 | body | `unit_vector` |" in text["contract-reference.md"]
    assert "| `tilt_deg` | number | >= 10, <= 80 | `45` |" in text["config-reference.md"]
    assert "| IDLE | off | HOMING |  |  |  |" in text["safety-reference.md"]


def links_of(page: Path) -> Iterator[tuple[str, str]]:
    """Relative links of a page as file and anchor."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in (found[1] or found[2] for found in LINK.finditer(text)):
        if not re.match(r"[a-z]+:", link):
            file, _, anchor = link.partition("#")
            yield file, anchor


def anchors_of(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    heads = [
        re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", head) for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    ]
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", OUTSIDE_OF_THE_SITE, ids=lambda page: page.name)
def test_links_outside_of_the_site_lead_somewhere(page: Path) -> None:
    for file, anchor in links_of(page):
        target = page.parent / file if file else page
        assert target.exists(), f"{page.name}: {file} is not there"
        assert not anchor or anchor in anchors_of(target), f"{page.name}: {file} has no heading #{anchor}"


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b`, c\n[x](y.md#z) ![p](q.png) [w](https://w.example)\n```\n[no](link.md)\n```\n")
    assert list(links_of(page)) == [("y.md", "z"), ("q.png", "")] and anchors_of(page) == {"a-b-c"}


def test_no_menu_names_a_page_twice() -> None:
    pages = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(pages) > 20 and [page for page in pages if pages.count(page) > 1] == []


def test_the_search_index_knows_every_page(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    known = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"index.html", "troubleshooting.html", "contract-reference.html"} <= known
