"""The report of a robot on emulated wires that ended in a fault, as a person opens it: in a browser, without network,
on a desk and on a phone, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium
from flight_rig import emulated_fault

from robotd.blackbox_reader import BlackBoxFile
from robotd.ctl import cli
from robotd.ctl.fault_fixes import FIXES
from robotd.ctl.flight_report.flight import Flight, read_flight
from robotd.ctl.flight_report.story import halts, main_halt

ATTEMPTS = 4
DESK, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module")
def flight_and_page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flight, Path]:
    """A black box of the injection, and its report. On a machine with other work another fault may come first."""
    folder = tmp_path_factory.mktemp("report")
    for attempt in range(ATTEMPTS):
        path = emulated_fault(folder / f"{attempt}.bin", "OVERHEAT crouch")
        with BlackBoxFile(path) as file:
            flight = read_flight(file, file.rows(file.scan()))
        assert flight is not None
        halt = main_halt(halts(flight))
        if halt is not None and not halt.ordered:
            break
    else:
        raise AssertionError(f"{ATTEMPTS} times the robot was stopped by no fault; this machine is too busy to run it")
    assert cli.run(["report", str(path), "--output", str(folder / "a.html")]) == 0
    return flight, folder / "a.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_opens_without_network_and_tells_the_cause_at_once(
    flight_and_page: tuple[Flight, Path], browser: Any, size: tuple[int, int], scheme: str
) -> None:
    flight, path = flight_and_page
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page, wrong, asked = context.new_page(), [], []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda problem: wrong.append(str(problem)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    plots = page.locator(".plot").count()
    page.wait_for_function("count => document.querySelectorAll('.plot .main-svg').length >= count", arg=plots)
    assert plots > 15 and wrong == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]

    halt = main_halt(halts(flight))
    assert halt is not None
    seen = page.evaluate(
        """height => [...document.querySelectorAll('h1, .subtitle, p')]
        .filter(part => part.getBoundingClientRect().bottom <= height).map(part => part.textContent).join('\\n')""",
        size[1],
    )
    for cause in halt.causes:
        assert cause.fault in seen and cause.sentence in seen and FIXES[cause.fault] in seen
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in background.removeprefix("rgb(").rstrip(")").split(", ")) / 3
    assert (brightness > 200) == (scheme == "light")
    context.close()


def test_the_page_is_one_small_file_with_pictures(flight_and_page: tuple[Flight, Path]) -> None:
    _, path = flight_and_page
    assert path.stat().st_size < 15e6 and [file.name for file in path.parent.glob("*.html")] == ["a.html"]
    text = path.read_text(encoding="utf-8")
    assert "data:image/webp;base64," in text or "there is nothing for the twin to do" in text
