"""The live window, with a window that is not there."""

from __future__ import annotations

import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import mujoco
import mujoco.viewer
import numpy as np
import pytest
from bench_rig import Robotctl

from contract import Bundle, Command
from robotd.ctl import viewer
from robotd.ctl.film import Film
from robotd.ctl.viewer import Viewer, has_display
from robotd.ctl.witness import base_body
from robotd.hal.sim import open_twin
from robotd.mode import Mode
from robotd.record import TickRecord
from robotd.safety import Fault


class Window:
    """What mujoco.viewer.launch_passive gives."""

    def __init__(self, model: Any, data: Any, **options: Any) -> None:
        self.cam, self.data, self.synced, self.open = mujoco.MjvCamera(), data, 0, True

    def lock(self) -> Any:
        return nullcontext()

    def is_running(self) -> bool:
        return self.open

    def sync(self) -> None:
        self.synced += 1

    def close(self) -> None:
        self.open = False


@pytest.mark.parametrize(
    ("display", "code", "expected"), [("", 0, False), (":0", 0, True), (":0", 1, False), (":0", None, False)]
)
def test_display_is_believed_when_a_window_opens_on_it(
    display: str, code: int | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], timeout: float, **options: Any) -> subprocess.CompletedProcess[bytes]:
        if code is None:
            raise subprocess.TimeoutExpired(command, timeout)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(viewer.subprocess, "run", run)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert has_display() == expected


def test_display_that_does_not_work_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_display()


@pytest.mark.parametrize("drawn", [True, False])
def test_without_a_display_only_pictures_that_will_be_drawn_are_promised(
    drawn: bool, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("robotd.ctl.rehearsal.film", lambda *_: Film((), "drawn"))
    pictures = ("--out", tmp_path) if drawn else ("--no-pictures",)
    said = robotctl("demo", "--fast", "--episodes", 1, "--seconds", 0.2, "--push-n", 0, *pictures)
    assert said.code == 0, said.err
    assert said.err.count("no display that works, so there is no window") == 1
    assert ("pictures are drawn after the run" in said.err) == drawn
    headless = robotctl("demo", "--fast", "--episodes", 1, "--seconds", 0.2, "--push-n", 0, *pictures, "--headless")
    assert "no window" not in headless.err


def test_window_follows_the_twin_every_second_tick_until_it_is_closed(
    zero_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mujoco.viewer, "launch_passive", Window)
    twin = open_twin(zero_bundle)
    shown = Viewer(twin, twin.model, base_body(twin.model))
    window: Any = shown._window
    assert (window.cam.type, window.cam.trackbodyid) == (mujoco.mjtCamera.mjCAMERA_TRACKING, base_body(twin.model))
    nothing = (None,) * 6
    last = twin.qpos
    for number in range(10):
        if number == 6:
            shown.close()
        command = Command(np.zeros(3))
        shown(TickRecord(number, Mode.ACTIVE, twin.read(), command, *nothing, Fault.NONE, Fault.NONE, 0))
        last = twin.qpos if number == 4 else last
    assert window.synced == 3
    assert np.array_equal(window.data.qpos, last)
