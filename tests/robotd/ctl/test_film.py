"""The film: one way of drawing after another, and pictures in the end on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from film_set import load_stage, make_recording
from PIL import Image

from robotd.ctl import film, studio
from robotd.ctl.camera import Camera
from robotd.ctl.film import gl_candidates, make_film
from robotd.ctl.studio import Cameraman, Scene, choose_frames, write_video
from robotd.hal.twin_model import NO_GL

VIEW = Camera(np.array([0.0, 0.0, 0.33]), 1.4)


@pytest.mark.parametrize(
    ("wish", "platform", "expected"),
    [
        (None, "linux", ["egl", "osmesa", NO_GL]),
        ("", "linux", ["egl", "osmesa", NO_GL]),
        ("osmesa", "linux", ["osmesa", NO_GL]),
        ("OFF", "linux", [NO_GL]),
        (NO_GL, "darwin", [NO_GL]),
        (None, "darwin", [None, NO_GL]),
    ],
)
def test_order_of_trying(wish: str | None, platform: str, expected: list[str | None]) -> None:
    assert gl_candidates(wish, platform) == expected


def test_gl_that_does_not_work_gives_ray_traced_pictures_and_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUJOCO_GL", "no-such-gl")
    result = make_film(make_recording(70, pushed=()), load_stage(), tmp_path)
    assert result.note is not None and "apt install libosmesa6" in result.note
    assert [path.name for path in result.files] == ["filmstrip.png", "demo.mp4"]
    assert all(path.stat().st_size > 10_000 for path in result.files)


def test_a_way_of_drawing_that_ends_its_process_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str | None] = []

    def draw(module: str, source: Path, out: Path, gl: str | None) -> str:
        tried.append(gl)
        if gl == "egl":
            return "the drawing process ended with -6"
        (out / "demo.gif").write_text("new")
        return ""

    monkeypatch.setattr(film, "_draw", draw)
    monkeypatch.setattr(film.sys, "platform", "linux")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    (tmp_path / "demo.mp4").write_text("of an earlier run")
    result = make_film(make_recording(60), load_stage(), tmp_path)
    assert tried == ["egl", "osmesa"]
    assert result == ((tmp_path / "demo.gif",), None)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.gif"]


def test_no_way_of_drawing_is_one_line_and_no_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "_draw", lambda module, source, out, gl: f"{gl} is broken")
    result = make_film(make_recording(60), load_stage(), tmp_path)
    assert result == ((), f"no pictures: {NO_GL} is broken")


def make_frames(count: int) -> list[bytes]:
    size = (studio.VIDEO_WIDTH, studio.VIDEO_HEIGHT)
    return [Image.new("RGB", size, (20 * i, 90, 200 - 20 * i)).tobytes() for i in range(count)]


def test_without_ffmpeg_the_video_is_a_gif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "_open_ffmpeg", lambda path, fps: None)
    write_video(make_frames(5), 10.0, tmp_path)
    with Image.open(tmp_path / "demo.gif") as gif:
        assert (gif.format, gif.n_frames, gif.info["duration"]) == ("GIF", 5, 100)


@pytest.mark.parametrize(
    ("cost_s", "seconds", "step", "fps"),
    [(0.0, 20.0, 2, 25.0), (0.05, 20.0, 5, 10.0), (0.05, 400.0, 100, 5.0), (1e9, 20.0, 1000, 5.0)],
)
def test_video_has_as_many_frames_as_the_budget_allows(
    cost_s: float, seconds: float, step: int, fps: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [0.0]
    monkeypatch.setattr(Cameraman, "__init__", lambda self, scene: None)
    monkeypatch.setattr(Cameraman, "shoot", lambda self, tick: now_s.__setitem__(0, now_s[0] + cost_s))
    monkeypatch.setattr(Cameraman, "close", lambda self: None)
    monkeypatch.setattr(studio.time, "perf_counter", lambda: now_s[0])
    recording = make_recording(50 + round(seconds * 50), pushed=())
    ticks, found = choose_frames(Scene(recording, None, [VIEW] * len(recording.time_s), 0.02), workers=1)
    assert (ticks[1] - ticks[0] if len(ticks) > 1 else step, found) == (step, fps)
    assert recording.time_s[ticks[0]] == -1.0
