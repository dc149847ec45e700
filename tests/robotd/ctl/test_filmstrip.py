"""The filmstrip: which moments it shows, and that what it says is on it."""

from __future__ import annotations

import numpy as np
import pytest
from film_set import load_stage, make_recording
from numpy.typing import NDArray
from PIL import Image

from robotd.ctl.annotation import BAD, PUSH, WELL, annotate
from robotd.ctl.camera import Camera
from robotd.ctl.filmstrip import PANEL_HEIGHT, PANEL_WIDTH, choose_ticks, draw_filmstrip
from robotd.ctl.recording import Recording, Tape, load_recording

VIEW = Camera(np.array([0.0, 0.0, 0.33]), 1.4)


class GreyPainter:
    """Paints grey, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.poses: list[NDArray[np.float64]] = []

    def draw(self, qpos: NDArray[np.float64], camera: Camera) -> NDArray[np.uint8]:
        self.poses.append(qpos)
        return np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 128, np.uint8)

    def close(self) -> None:
        pass


def has_colour(image: Image.Image, colour: tuple[int, int, int], tolerance: int = 3) -> bool:
    difference = np.abs(np.asarray(image).astype(int) - colour).max(axis=2)
    return bool(np.sum(difference <= tolerance) > 30)


def test_moments_begin_with_active_end_with_the_end_and_show_the_pushes() -> None:
    recording = make_recording(550, pushed=(120, 300, 450))
    ticks = choose_ticks(recording)
    assert len(ticks) == 10
    assert (ticks[0], ticks[-1]) == (50, 549)
    for begin in (120, 300, 450):
        assert any(begin <= tick < begin + 10 for tick in ticks)
    assert np.max(np.diff(ticks)) < 2.1 * 500 / 9


def test_a_lean_near_a_moment_is_shown() -> None:
    recording = make_recording(550, pushed=())
    recording.tilt_rad[225] = 0.2
    assert 225 in choose_ticks(recording)


@pytest.mark.parametrize("ticks", [1, 2, 7, 55])
def test_a_short_recording_gives_fewer_pictures(ticks: int) -> None:
    recording = make_recording(ticks, pushed=())
    chosen = choose_ticks(recording)
    assert 1 <= len(chosen) <= min(ticks, 10)
    assert len(set(chosen)) == len(chosen)
    strip = draw_filmstrip(recording, GreyPainter(), [VIEW] * ticks)
    assert strip.width > 1000


def test_sheet_shows_ten_poses_pushes_and_the_verdict() -> None:
    painter = GreyPainter()
    recording = make_recording(550, pushed=(120, 300))
    sheet = draw_filmstrip(recording, painter, [VIEW] * 550)
    assert len(painter.poses) == 10
    assert has_colour(sheet, (128, 128, 128))
    assert has_colour(sheet.crop((sheet.width - 200, 0, sheet.width, 70)), WELL)
    fallen = draw_filmstrip(make_recording(550, pushed=(), fall=True), painter, [VIEW] * 550)
    assert has_colour(fallen.crop((fallen.width - 200, 0, fallen.width, 70)), BAD)


def test_a_picture_says_push_and_fault_only_when_there_is_one() -> None:
    recording = make_recording(200, pushed=(100,), fall=True)
    grey = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 128, np.uint8)
    calm, pushed, fallen = (annotate(grey, recording, tick, VIEW) for tick in (60, 105, 199))
    assert [has_colour(image, PUSH) for image in (calm, pushed, fallen)] == [False, True, False]
    chip = (169, 52, 58)  # BAD through 88 % over the grey
    assert [has_colour(image, chip, 20) for image in (calm, pushed, fallen)] == [False, False, True]


def test_recording_survives_the_file(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "r.npz"
    recording = make_recording(60)
    recording.save(path)
    again = load_recording(path)
    for name, value in vars(recording).items():
        assert np.array_equal(getattr(again, name), value), name
    assert type(again.caption) is str and again.well is True


def test_tape_puts_zero_at_the_first_active_tick() -> None:
    tape = Tape()
    for i in range(6):
        tape.qpos.append(np.full(3, float(i)))
        tape.push_n.append(np.zeros(3))
        tape.tilt_rad.append(0.0)
        tape.mode.append("ACTIVE" if i > 1 else "HOMING")
        tape.faults.append("")
        tape.active.append(i > 1)
    recording: Recording = tape.recording(0.5, "c", "v", True)
    assert recording.time_s.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5]
    assert recording.qpos.shape == (6, 3)
    assert load_stage().nq == 18
