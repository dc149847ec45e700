"""A live window: MuJoCo's own viewer, which follows the robot in real time, episode after episode."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator

import mujoco
import mujoco.viewer

from contract import ConfigError

from ..physics.robot_model import RobotModel
from .frames import Frame, Stage, draw_arrow
from .ghost import Ghost


def check_display(instead: str = "--headless --output FILE.mp4, or --browser") -> None:
    """Raises ConfigError, which names what to use instead, where no window can be opened."""
    if sys.platform == "linux" and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        raise ConfigError(f"DISPLAY: found none, expected a screen for the window; use {instead}")
    if sys.platform == "darwin" and "mjpython" not in os.path.basename(os.environ.get("MJPYTHON_BIN", sys.executable)):
        raise ConfigError("python: found the plain one, expected mjpython on macOS; mjpython -m trainer ...")


def watch(robot: RobotModel, episodes: Iterator[Callable[[], Iterator[Frame]]], ctrl_dt: float) -> None:
    """Show episodes until the window is closed or there are no more."""
    stage, ghost = Stage(robot), Ghost(robot)
    with mujoco.viewer.launch_passive(stage.model, stage.data, show_left_ui=False, show_right_ui=False) as window:
        with window.lock():
            camera = window.cam
            camera.type, camera.trackbodyid = mujoco.mjtCamera.mjCAMERA_TRACKING, robot.base_body
            camera.distance, camera.azimuth, camera.elevation = 1.6, 140, -13
        for episode in episodes:
            due = time.monotonic()
            for shown in episode():
                if not window.is_running():
                    return
                with window.lock():
                    stage.place(shown)
                    window.user_scn.ngeom = 0
                    ghost.draw(window.user_scn, shown.ghost)
                    draw_arrow(window.user_scn, stage.arrow(shown))
                window.sync()
                due += ctrl_dt
                time.sleep(max(due - time.monotonic(), 0.0))
