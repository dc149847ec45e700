"""Episodes as a film (.mp4) or as one picture of moments (.png), drawn by MuJoCo without a display."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from contract import ConfigError

from ..physics.robot_model import RobotModel
from .frames import Frame, Stage, draw_arrow
from .ghost import Ghost

WIDTH, HEIGHT, FPS = 640, 480, 25
PANELS, COLUMNS = 10, 5
PANEL_WIDTH, PANEL_HEIGHT = 300, 340
INK, PAPER, ALARM = (27, 42, 65), (250, 250, 248), (190, 30, 45)
SUFFIXES = (".mp4", ".png")
_FOLLOWS = 0.08


class Painter:
    """Draws frames with a camera that follows the robot."""

    def __init__(self, robot: RobotModel, width: int, height: int) -> None:
        self._stage, self._ghost = Stage(robot), Ghost(robot)
        model = self._stage.model
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        model.vis.quality.shadowsize = 1024
        self._renderer = mujoco.Renderer(model, height, width)
        self._camera = mujoco.MjvCamera()
        self._camera.distance, self._camera.azimuth, self._camera.elevation = 1.5, 140.0, -14.0

    def look_at(self, shown: Frame) -> None:
        """Jump to the robot, as at the start of an episode."""
        self._camera.lookat[:] = self._target(shown)

    def draw(self, shown: Frame) -> Image.Image:
        """The picture of a frame, with its time, command and push written on it."""
        picture = self.paint(shown)
        _caption(ImageDraw.Draw(picture), shown)
        return picture

    def paint(self, shown: Frame) -> Image.Image:
        """The picture of a frame and nothing else."""
        self._camera.lookat[:] += _FOLLOWS * (self._target(shown) - self._camera.lookat)
        self._stage.place(shown)
        self._renderer.update_scene(self._stage.data, self._camera)
        self._ghost.draw(self._renderer.scene, shown.ghost)
        draw_arrow(self._renderer.scene, self._stage.arrow(shown))
        return Image.fromarray(self._renderer.render())

    def close(self) -> None:
        """Free the GL context."""
        self._renderer.close()

    def _target(self, shown: Frame) -> np.ndarray:
        x, y = shown.qpos[self._stage.robot.base_qpos : self._stage.robot.base_qpos + 2]
        return np.array([x, y, 0.3])


def check_output(path: Path) -> None:
    """Raises ConfigError where the name does not say what to draw, or its folder is not there."""
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"{path}: found the ending {path.suffix!r}, expected .mp4 for a film or .png for a picture")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: no such folder {path.parent}, expected one to write into; create it")


def write_film(
    robot: RobotModel,
    episodes: Sequence[Sequence[Frame]],
    path: Path,
    ctrl_dt: float,
    on_picture: Callable[[], None] = lambda: None,
) -> None:
    """The episodes one after the other in real time, at 25 pictures each second; `on_picture` is called after each.

    Raises:
        ConfigError: the film cannot be written.
    """
    painter = Painter(robot, WIDTH, HEIGHT)
    every = _every(ctrl_dt)
    writer = imageio_ffmpeg.write_frames(
        str(path), (WIDTH, HEIGHT), fps=FPS, quality=7, macro_block_size=16, ffmpeg_log_level="error"
    )
    try:
        writer.send(None)
        for picture in _pictures(painter, episodes, every):
            writer.send(np.ascontiguousarray(picture).tobytes())
            on_picture()
    except OSError as problem:
        raise ConfigError(
            f"{path}: the film cannot be written ({_first_line(problem)}), expected room and permission"
        ) from None
    finally:
        writer.close()
        painter.close()


def pictures_in(episodes: Sequence[Sequence[Frame]], ctrl_dt: float) -> int:
    """How many pictures a film of these episodes has."""
    return sum(-(-len(frames) // _every(ctrl_dt)) for frames in episodes)


def write_strip(robot: RobotModel, frames: Sequence[Frame], path: Path) -> None:
    """Ten moments of one episode in two rows; those in which it is pushed come first. Raises ConfigError."""
    painter = Painter(robot, PANEL_WIDTH, PANEL_HEIGHT)
    chosen = choose(frames)
    rows = -(-len(chosen) // COLUMNS)
    gap = 8
    size = (COLUMNS * (PANEL_WIDTH + gap) + gap, rows * (PANEL_HEIGHT + gap) + gap)
    sheet = Image.new("RGB", size, PAPER)
    for i, number in enumerate(chosen):
        painter.look_at(frames[number])
        corner = (gap + i % COLUMNS * (PANEL_WIDTH + gap), gap + i // COLUMNS * (PANEL_HEIGHT + gap))
        sheet.paste(painter.draw(frames[number]), corner)
    painter.close()
    try:
        sheet.save(path)
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}, expected a picture that can be written") from None


def choose(frames: Sequence[Frame], count: int = PANELS) -> list[int]:
    """Indices spread evenly over the episode, each moved onto the middle of a push nearer than half a panel."""
    even = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))
    pushed = np.concatenate([[False], [bool(np.any(f.push)) for f in frames], [False]])
    edges = np.flatnonzero(np.diff(pushed.astype(int)))
    middles = (edges[::2] + edges[1::2]) // 2
    reach = len(frames) / count / 2
    moved = [int(middles[np.argmin(abs(middles - i))]) if len(middles) else int(i) for i in even]
    return sorted({m if abs(m - i) <= reach else int(i) for m, i in zip(moved, even, strict=True)})


def _every(ctrl_dt: float) -> int:
    return max(round(1 / FPS / ctrl_dt), 1)


def _pictures(painter: Painter, episodes: Sequence[Sequence[Frame]], every: int) -> Iterator[Image.Image]:
    for frames in episodes:
        painter.look_at(frames[0])
        for shown in frames[::every]:
            yield painter.draw(shown)


def _caption(draw: ImageDraw.ImageDraw, shown: Frame) -> None:
    large, small = ImageFont.load_default(18), ImageFont.load_default(13)
    vx, vy, yaw = shown.command
    draw.text((10, 8), f"{shown.time_s:.2f} s", INK, large)
    draw.text((10, 32), f"asked {vx:.2f} {vy:.2f} m/s, {yaw:.2f} rad/s; forward {shown.speed:.2f}", INK, small)
    if np.any(shown.push):
        draw.text((10, 50), f"push {np.linalg.norm(shown.push):.0f} N", ALARM, small)
    if shown.fell:
        draw.text((10, 68), "fell", ALARM, large)


def _first_line(problem: Any) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
