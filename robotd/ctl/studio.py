"""The process that draws a film: python -m robotd.ctl.studio SOURCE OUT, with MUJOCO_GL saying how.

SOURCE holds recording.npz and model.mjb; OUT gets filmstrip.png and demo.mp4 (demo.gif where there is no ffmpeg).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import mujoco
import numpy as np
from PIL import Image

from robotd.ctl.annotation import annotate
from robotd.ctl.camera import Camera, cameras
from robotd.ctl.filmstrip import PANEL_HEIGHT, PANEL_WIDTH, Painter, draw_filmstrip
from robotd.ctl.progress import Pace, Progress
from robotd.ctl.recording import Recording, load_recording
from robotd.hal.twin_model import NO_GL

VIDEO_WIDTH, VIDEO_HEIGHT = 640, 480
_RAYTRACED_SHRINK = 2  # the ray tracer draws video this much smaller
_BUDGET_S = 15.0
_BEFORE_S = 1.0  # how much of homing the video shows
_SLOWEST_FPS = 5.0  # a run so long that even this takes too long is shown in fast motion
_FASTEST_FPS = 25.0
_STEPS = (1, 2, 4, 5, 10, 20, 50, 100, 200, 500, 1000)  # ticks from one frame to the next
_OVERHEAD_S = 0.008  # of one frame: captions, and its way to the encoder
_MOST_WORKERS = 6


class Scene(NamedTuple):
    """What is filmed: the recording, the robot's model, a camera for every tick, and the time between two ticks."""

    recording: Recording
    model: Any
    views: list[Camera]
    period_s: float


def main() -> None:
    """Draw the filmstrip, then the video."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    progress = Progress(sys.stdout)
    scene = open_scene(source)
    painter = open_painter(scene.model, PANEL_WIDTH, PANEL_HEIGHT, fine=True)
    progress.show("drawing the filmstrip")
    draw_filmstrip(scene.recording, painter, scene.views).save(out / "filmstrip.png", optimize=True)
    painter.close()

    idle = (os.cpu_count() or 1) - os.getloadavg()[0] + 0.5
    workers = int(min(max(idle, 1), _MOST_WORKERS))
    ticks, fps = choose_frames(scene, workers)
    write_video(draw_frames(source, ticks, workers, progress), fps, out)
    progress.end()


def open_scene(source: Path) -> Scene:
    """Read the recording and the model."""
    recording = load_recording(source / "recording.npz")
    model = mujoco.MjModel.from_binary_path(str(source / "model.mjb"))
    period_s = float(recording.time_s[1] - recording.time_s[0]) if len(recording.time_s) > 1 else 1.0
    standing = min(int(np.searchsorted(recording.time_s, 0.0)), len(recording.time_s) - 1)
    views = cameras(model, mujoco.MjData(model), recording.qpos, standing, period_s)
    return Scene(recording, model, views, period_s)


def open_painter(model: Any, width: int, height: int, fine: bool) -> Painter:
    """MuJoCo's renderer, or the ray tracer where MUJOCO_GL forbids a GL."""
    if os.environ.get("MUJOCO_GL") == NO_GL:
        from robotd.ctl.raytracer import Raytracer

        return Raytracer(model, width, height, fine)
    from robotd.ctl.renderer import Renderer

    return Renderer(model, width, height, fine)


class Cameraman:
    """Draws one frame of the video after another; each worker process has one."""

    def __init__(self, scene: Scene) -> None:
        shrink = _RAYTRACED_SHRINK if os.environ.get("MUJOCO_GL") == NO_GL else 1
        self._painter = open_painter(scene.model, VIDEO_WIDTH // shrink, VIDEO_HEIGHT // shrink, fine=False)
        self._scene = scene

    def shoot(self, tick: int) -> bytes:
        """The RGB bytes of the frame at one tick, captions included."""
        recording, view = self._scene.recording, self._scene.views[tick]
        picture = self._painter.draw(recording.qpos[tick], view)
        if picture.shape[0] != VIDEO_HEIGHT:
            larger = Image.fromarray(picture).resize((VIDEO_WIDTH, VIDEO_HEIGHT), Image.Resampling.BICUBIC)
            picture = np.asarray(larger)
        return annotate(picture, recording, tick, view, size=20).tobytes()

    def close(self) -> None:
        """Free the painter."""
        self._painter.close()


_cameraman: Cameraman | None = None  # a worker process's own


def _hire(source: Path) -> None:
    global _cameraman
    _cameraman = Cameraman(open_scene(source))


def _shoot(tick: int) -> bytes:
    assert _cameraman is not None
    return _cameraman.shoot(tick)


def choose_frames(scene: Scene, workers: int) -> tuple[list[int], float]:
    """The ticks to draw and the frames per second to play: as many as the time budget allows on this machine."""
    start = int(np.searchsorted(scene.recording.time_s, -_BEFORE_S))
    cameraman = Cameraman(scene)
    cameraman.shoot(start)
    began_s = time.perf_counter()
    for _ in range(3):
        cameraman.shoot(start)
    cost_s = (time.perf_counter() - began_s) / 3 / workers + _OVERHEAD_S
    cameraman.close()
    length = len(scene.recording.time_s) - start
    steps = [s for s in _STEPS if 1 / (s * scene.period_s) <= _FASTEST_FPS + 0.01]
    step = next((s for s in steps if length / s * cost_s <= _BUDGET_S), _STEPS[-1])
    return list(range(start, start + length, step)), max(1 / (step * scene.period_s), _SLOWEST_FPS)


def draw_frames(source: Path, ticks: list[int], workers: int, progress: Progress) -> Iterator[bytes]:
    """The frames of the video in order, drawn by several processes."""
    pace = Pace(len(ticks), "frames of the video")
    with ProcessPoolExecutor(workers, get_context("spawn"), _hire, (source,)) as pool:
        for done, frame in enumerate(pool.map(_shoot, ticks, chunksize=5)):
            progress.show(pace.text(done))
            yield frame


def write_video(frames: Iterable[bytes], fps: float, out: Path) -> None:
    """Write demo.mp4, or demo.gif where no ffmpeg can be had."""
    send = _open_ffmpeg(out / "demo.mp4", fps)
    if send is None:
        size = (VIDEO_WIDTH, VIDEO_HEIGHT)
        pictures = [Image.frombytes("RGB", size, frame).quantize(64) for frame in frames]
        pictures[0].save(out / "demo.gif", save_all=True, append_images=pictures[1:], duration=1000 / fps, loop=0)
        return
    for frame in frames:
        send(frame)
    send(None)


def _open_ffmpeg(path: Path, fps: float) -> Callable[[bytes | None], None] | None:
    """A function that takes frame after frame and None at the end; None where there is no ffmpeg."""
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return None
    options = ["-preset", "veryfast", "-movflags", "+faststart"]
    stream = imageio_ffmpeg.write_frames(
        str(path), (VIDEO_WIDTH, VIDEO_HEIGHT), fps=fps, quality=6, output_params=options
    )
    stream.send(None)

    def send(frame: bytes | None) -> None:
        if frame is None:
            stream.close()
        else:
            stream.send(frame)

    return send


if __name__ == "__main__":
    main()
