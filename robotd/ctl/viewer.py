"""A live window that follows the twin, where there is a display."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from robotd.hal.sim import SimHardware
from robotd.record import TickRecord

_EVERY = 2  # ticks from one picture to the next
_TRY = (
    "import sys, glfw\n"
    "ok = glfw.init()\n"
    "glfw.window_hint(glfw.VISIBLE, False)\n"
    "sys.exit(not (ok and glfw.create_window(64, 64, '', None, None)))"
)
_LIMIT_S = 20.0


def has_display() -> bool:
    """Whether a window can be opened here. Tried in another process: where it fails, MuJoCo ends its own."""
    if sys.platform != "linux" or not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        return False
    try:
        tried = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return tried.returncode == 0


class Viewer:
    """A hook of the loop that shows `twin` as `stage`, a mujoco.MjModel with the same qpos; closing it does no harm."""

    def __init__(self, twin: SimHardware, stage: Any, body: int) -> None:
        import mujoco
        import mujoco.viewer

        self._twin, self._stage, self._data = twin, stage, mujoco.MjData(stage)
        self._forward = mujoco.mj_forward
        self._window = mujoco.viewer.launch_passive(stage, self._data, show_left_ui=False, show_right_ui=False)
        with self._window.lock():
            camera = self._window.cam
            camera.type, camera.trackbodyid = mujoco.mjtCamera.mjCAMERA_TRACKING, body
            camera.distance, camera.azimuth, camera.elevation = 1.6, 140, -13

    def __call__(self, record: TickRecord) -> None:
        """Show the tick."""
        if record.number % _EVERY or not self._window.is_running():
            return
        with self._window.lock():
            self._data.qpos[:] = self._twin.qpos
            self._forward(self._stage, self._data)
        self._window.sync()

    def close(self) -> None:
        """Close the window."""
        self._window.close()
