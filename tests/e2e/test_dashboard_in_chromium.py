"""The dashboard in a real browser, beside `robotctl demo --serve --hal emulated`: what is seen moves, what is pressed
reaches the wire. Run with -s for the figures, WILDROBOT_CLICKS=10 for more of them, WILDROBOT_SHOTS=DIR for pictures.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from chromium import chromium
from dashboard_rig import LONG_S, Dashboard, dashboard, served_demo
from PIL import Image

from firmware_bridge.emulator.witness import Arrival, arrival
from robotd.blackbox_reader import BlackBoxFile
from robotd.ctl.client import Client
from robotd.messages import AskStatus, Status

CLICKS = int(os.environ.get("WILDROBOT_CLICKS", "2"))
SHOTS = os.environ.get("WILDROBOT_SHOTS")
GENEROUS_MS = 5000
"""Between a click and limp servos on a machine that has other things to do; the figures are printed."""
TRIES = 3
UNLOAD = "load_or_unload_write"
DESKTOP, PHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}


class Stand(NamedTuple):
    """A robot on emulated wires, its dashboard, and a browser."""

    home: Path
    served: Dashboard
    browser: Any

    def status(self) -> Status:
        with Client(self.home / "run" / "robotd" / "robotd.sock", LONG_S) as client:
            return client.ask(AskStatus(), Status)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        yield Path(folder)


def open_page(stand: Stand, link: str, size: dict[str, int] = DESKTOP, **options: Any) -> Any:
    """A page in a browser of its own. Its complaints are collected, and so is what it wants from elsewhere."""
    context = stand.browser.new_context(viewport=size, **options)
    shown = context.new_page()
    shown.set_default_timeout(LONG_S * 1e3)
    shown.complaints = []
    shown.on("pageerror", lambda problem: shown.complaints.append(str(problem)))
    shown.on(
        "console",
        lambda said: said.type in ("error", "warning") and not gl(said.text) and shown.complaints.append(said.text),
    )
    shown.on("request", lambda asked: foreign(asked.url, stand) and shown.complaints.append(asked.url))
    shown.goto(link)
    until(lambda: not shown.evaluate("document.body.classList.contains('stale')"), "no ticks come in")
    return shown


def gl(text: str) -> bool:
    """What the software renderer says of itself when a picture is taken."""
    return "GL Driver Message" in text


def foreign(url: str, stand: Stand) -> bool:
    return not url.startswith((stand.served.look, stand.served.look.replace("http:", "ws:"), "data:", "blob:"))


def close(shown: Any) -> None:
    complaints = shown.complaints
    shown.context.close()
    assert complaints == []


def until(true: Callable[[], Any], what: str) -> None:
    until_s = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < until_s, what
        time.sleep(0.05)


def shoot(shown: Any, name: str, **options: Any) -> None:
    """Keep a picture of the page, where pictures are kept."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        shown.screenshot(path=f"{SHOTS}/{name}.png", **options)


def canvas(shown: Any) -> np.ndarray:
    """The 3-D view's pixels (H, W, 3)."""
    with Image.open(io.BytesIO(shown.locator("#twin").screenshot())) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def measured(shown: Any) -> str:
    """The lines of the joint's plot, as they are drawn."""
    return str([line.get_attribute("d") for line in shown.locator("#plot-joint path.js-line").all()])


def mode(shown: Any) -> str:
    return str(shown.inner_text("#mode")).lower()


def press(shown: Any, name: str) -> None:
    shown.get_by_role("button", name=name, exact=True).click()


def power(shown: Any, wanted: tuple[str, ...]) -> bool:
    """From wherever a busy machine has left the robot, through idle to one of these modes; False where it stops it."""
    until(lambda: mode(shown) in ("idle", "fault"), f"the robot stays in {mode(shown)}")
    if mode(shown) == "fault":
        press(shown, "Clear")
        until(lambda: mode(shown) == "idle", "it is not cleared")
    press(shown, "Arm")
    until(lambda: mode(shown) in (*wanted, "stopping", "fault"), f"it is not armed: {shown.inner_text('#said')}")
    return mode(shown) in wanted


def walk(shown: Any, stand: Stand) -> list[np.ndarray]:
    """Pictures of the robot while the stick is held; none where a busy machine has stopped it."""
    if not power(shown, ("standby",)):
        return []
    shown.wait_for_timeout(2500)  # it is set on its feet
    if mode(shown) != "standby":
        return []
    press(shown, "Activate")
    until(lambda: mode(shown) != "standby", f"it is not activated: {shown.inner_text('#said')}")
    shown.select_option("#policy", "walking")
    pad = shown.locator("#walk").bounding_box()
    x, y = pad["x"] + pad["width"] / 2, pad["y"] + pad["height"] / 2
    shown.mouse.move(x, y)
    shown.mouse.down()
    shown.mouse.move(x, y - 40)
    until(lambda: stand.status().command[0] > 0.05 or mode(shown) != "active", "the stick moves nothing")
    frames = [canvas(shown) for _ in range(6)]
    shoot(shown, "desktop-light")
    walked = mode(shown) == "active"
    shown.mouse.up()
    return frames if walked else []


@pytest.fixture(scope="module")
def stand(home: Path, browser: Any) -> Iterator[Stand]:
    with served_demo(home, "--hal", "emulated"), dashboard(home) as served:
        yield Stand(home, served, browser)


def test_the_robot_walks_in_the_view_and_the_plots_follow(stand: Stand) -> None:
    shown = open_page(stand, stand.served.act)
    until(lambda: shown.evaluate("document.body.dataset.access") == "act", "the key was not taken")
    assert "#" not in shown.url
    assert canvas(shown).std() > 10  # there is a robot, and a floor
    plotted, tick, lines = shown_so_far(shown)
    for _ in range(TRIES):
        if frames := walk(shown, stand):
            break
    else:
        close(shown)
        return walks_on_a_twin_that_waits(stand.browser)
    check_walk(frames)
    until(lambda: shown_so_far(shown)[0] > plotted + 3, "the plots stand still")
    assert shown_so_far(shown)[1] > tick and shown_so_far(shown)[2] != lines
    assert "rad" in shown.inner_text("#plot-joint")
    shown.locator("#plot-late").scroll_into_view_if_needed()
    until(lambda: shown.locator("#plot-late .bars path").count() > 3, "no histogram of the lateness")
    until(lambda: stand.status().claimed_by == "", "the stick was let go, and still steers")
    press(shown, "E-STOP")
    until(lambda: mode(shown) == "fault", "it is not stopped")
    until(lambda: "robotctl clear" in shown.inner_text("#fault-list"), "the fault's fix is not said")
    close(shown)


def walks_on_a_twin_that_waits(browser: Any) -> None:
    """Where this machine stops the robot on wires each time, as it should: one whose time is the ticks'."""
    print("\nthe wires were too slow on this busy machine: the walk is seen on --hal sim")
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        home = Path(folder)
        with served_demo(home, "--hal", "sim"), dashboard(home) as served:
            stand = Stand(home, served, browser)
            shown = open_page(stand, served.act)
            check_walk(walk(shown, stand))
            close(shown)


def check_walk(frames: list[np.ndarray]) -> None:
    """The robot moves in the view: about a twelfth of it is robot."""
    moved = [float(np.mean(np.abs(a - b).max(axis=2) > 20)) for a, b in pairwise(frames)]
    print(f"\n{100 * max(moved):.1f} % of the view's pixels changed between two pictures of the walking robot")
    assert max(moved) > 0.005


def shown_so_far(shown: Any) -> tuple[int, int, str]:
    """Plots drawn, the tick shown last, and the lines of the joint's plot."""
    return *(int(shown.evaluate(f"document.body.dataset.{name} ?? 0")) for name in ("plots", "tick")), measured(shown)


def test_without_the_key_a_browser_only_looks(stand: Stand) -> None:
    shown = open_page(stand, stand.served.look)
    before = stand.status()
    for name in ("Arm", "Activate", "Stop", "Clear", "E-STOP", "Download the black box"):
        assert shown.get_by_role("button", name=name, exact=True).is_disabled(), name
    for name in ("Arm", "E-STOP"):  # who removes what the page has put before the button
        shown.evaluate("document.getElementById('access').textContent = ''")
        shown.evaluate("for (const button of document.querySelectorAll('button')) button.disabled = false")
        press(shown, name)
        until(lambda: "may only look" in shown.inner_text("#access"), "it was not refused")
    shown.fill("#key", "a guess")
    press(shown, "use it")
    until(lambda: "not the key" in shown.inner_text("#access"), "a guess was not refused")
    assert stand.status().mode == before.mode and stand.status().faults == before.faults
    shown.fill("#key", stand.served.key)
    press(shown, "use it")
    until(lambda: shown.evaluate("document.body.dataset.access") == "act", "the key was not taken")
    close(shown)


def test_a_page_from_elsewhere_gets_nothing_out_of_the_robot_s_server(stand: Stand) -> None:
    """A page of another origin in the same browser, which even knows the key: no live connection, no reading."""
    context = stand.browser.new_context()
    evil = context.new_page()
    evil.route("http://evil.example/", lambda route: route.fulfill(body="<h1>cats</h1>", content_type="text/html"))
    evil.goto("http://evil.example/")
    attack = """async ([port, key]) => {
      const socket = await new Promise((done) => {
        const live = new WebSocket(`ws://127.0.0.1:${port}/live`);
        live.onopen = () => {
          live.send(JSON.stringify({ say: "key", key }));
          live.send('{"say": "arm"}');
          done("open");
        };
        live.onerror = () => done("refused");
      });
      const get = (path, headers) =>
        fetch(`http://127.0.0.1:${port}/${path}`, { headers }).then(() => "read", () => "refused");
      return [socket, await get("scene.json", {}), await get("blackbox", { Authorization: `Bearer ${key}` })];
    }"""
    before = stand.status()
    assert evil.evaluate(attack, [stand.served.port, stand.served.key]) == ["refused"] * 3
    framed = evil.evaluate(
        """(look) => new Promise((done) => {
          const frame = document.createElement("iframe");
          frame.src = look;
          frame.onload = () => done(true);
          document.body.append(frame);
        })""",
        stand.served.look,
    )
    assert framed and all(
        "evil" in frame.url or frame.url.startswith(("chrome-error", "about:")) for frame in evil.frames
    )
    assert stand.status().mode == before.mode
    context.close()


def test_the_black_box_comes_down(stand: Stand) -> None:
    shown = open_page(stand, stand.served.act, accept_downloads=True)
    until(lambda: shown.evaluate("document.body.dataset.access") == "act", "the key was not taken")
    with shown.expect_download() as coming:
        press(shown, "Download the black box")
    file = stand.home / "copy.bin"
    coming.value.save_as(file)
    with BlackBoxFile(file) as box:
        assert len(box.scan().sequence) > 50
    close(shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_phone_and_desktop_by_day_and_by_night(size: dict[str, int], scheme: str, stand: Stand) -> None:
    shown = open_page(stand, stand.served.act, size, color_scheme=scheme)
    for name in ("joint", "tilt", "feet", "late"):  # a plot is drawn once it is in the window
        shown.locator(f"#plot-{name}").scroll_into_view_if_needed()
        until(lambda name=name: shown.locator(f"#plot-{name} .main-svg").count(), f"no plot of {name} was drawn")
    shown.evaluate("scrollTo(0, 0)")
    until(lambda: shown.locator("#joint-rows tr").count() == 11, "no joints")
    assert shown.evaluate("document.documentElement.scrollWidth") <= size["width"]
    dark = np.mean(canvas(shown)[:20]) < 128
    assert dark == (scheme == "dark")
    shoot(shown, f"{'phone' if size is PHONE else 'desktop'}-{scheme}-whole", full_page=True)
    stop = shown.locator("#estop").bounding_box()
    shown.mouse.wheel(0, 1500)
    shown.wait_for_timeout(300)
    assert shown.locator("#estop").bounding_box()["y"] == pytest.approx(stop["y"], abs=1)  # always in reach
    close(shown)


def limp_after(found: list[Arrival], clicked_s: float) -> float | None:
    """When all buses had been told to unload, and no servo was loaded meanwhile; None where that did not come."""
    last = {}
    for item in found:
        if item.stamp_s >= clicked_s and item.command == UNLOAD and item.values[0] == 0 and item.bus not in last:
            last[item.bus] = item.stamp_s
    buses = {item.bus for item in found}
    return max(last.values()) if last.keys() == buses else None


def test_a_click_on_e_stop_limps_the_servos_at_the_wire(browser: Any) -> None:
    """From before playwright is told to press, and from the finger's coming down in the page, to the wire."""
    asked, pressed, tries = [], [], 0
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        home = Path(folder)
        with served_demo(home, "--hal", "emulated"), dashboard(home) as served:
            stand = Stand(home, served, browser)
            shown = open_page(stand, served.act)
            shown.evaluate(
                "document.getElementById('estop').addEventListener('pointerdown', "
                "(e) => { window.pressed = performance.timeOrigin + e.timeStamp; }, true)"
            )
            while len(asked) < CLICKS:
                if not power(shown, ("standby",)):
                    tries += 1
                    assert tries < TRIES * CLICKS, "this machine stops the robot each time"
                    continue
                offset_s = time.time() - time.monotonic()
                box = shown.locator("#estop").bounding_box()
                shown.mouse.move(box["x"] + 20, box["y"] + 20)
                asked.append(time.monotonic())
                shown.mouse.down()
                shown.mouse.up()
                pressed.append(float(shown.evaluate("window.pressed")) / 1e3 - offset_s)
                until(lambda: mode(shown) == "fault", "it is not stopped")
                until(lambda: shown.inner_text("#torque") == "torque off", "the page does not say that torque is off")
            close(shown)
        with (home / "out" / "witness.jsonl").open() as file:
            found = [arrival(json.loads(line)) for line in file]
    limp = [limp_after(found, at) for at in asked]
    assert None not in limp
    rows = [[1e3 * (end - at) for end, at in zip(limp, since, strict=True) if end] for since in (asked, pressed)]
    for what, times in zip(("the test's call", "the finger in the page"), rows, strict=True):
        print(f"\nfrom {what} to limp servos, ms: {' '.join(f'{took:.0f}' for took in times)}")
        assert min(times) > 0 and max(times) < GENEROUS_MS
