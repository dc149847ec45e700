"""The live window, with a window that is not there."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import mujoco
import mujoco.viewer
import numpy as np
import pytest

from contract import Bundle, Command
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


@pytest.mark.parametrize(("name", "value"), [("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0")])
def test_display_is_told_by_the_environment(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not has_display()
    monkeypatch.setenv(name, value)
    assert has_display()


def test_window_follows_the_twin_every_second_tick_until_it_is_closed(
    zero_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mujoco.viewer, "launch_passive", Window)
    twin = open_twin(zero_bundle)
    viewer = Viewer(twin, twin.model, base_body(twin.model))
    window: Any = viewer._window
    assert (window.cam.type, window.cam.trackbodyid) == (mujoco.mjtCamera.mjCAMERA_TRACKING, base_body(twin.model))
    nothing = (None,) * 6
    twin.data.qpos[0] = 0.7
    for number in range(10):
        if number == 6:
            viewer.close()
        command = Command(np.zeros(3))
        viewer(TickRecord(number, Mode.ACTIVE, twin.read(), command, *nothing, Fault.NONE, Fault.NONE, 0))
    assert window.synced == 3
    assert np.array_equal(window.data.qpos[7:] != 0, twin.data.qpos[7:] != 0)
