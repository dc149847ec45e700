"""One picture of a whole run: moments in two rows over a line of how far the robot leaned and when it was pushed."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from robotd.ctl.annotation import BAD, INK, MUTED, PAPER, PUSH, WELL, annotate, font
from robotd.ctl.camera import Camera
from robotd.ctl.recording import Recording

PANEL_WIDTH, PANEL_HEIGHT = 320, 384
COLUMNS, ROWS = 5, 2
_GAP, _MARGIN, _HEADER, _FOOTER = 10, 26, 74, 150
_LEAN_RAD = math.radians(1)
_SUPER = 2  # the line at the bottom is drawn this much larger, then shrunk


class Painter(Protocol):
    """Draws the robot in a pose: `Renderer` where a GL works, `Raytracer` anywhere."""

    def draw(self, qpos: NDArray[np.float64], camera: Camera) -> NDArray[np.uint8]:
        """The picture (H, W, 3) of the pose qpos (nq,)."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


def choose_ticks(recording: Recording) -> list[int]:
    """Ticks to show: evenly spread from the first active one to the last, moved onto a push or a lean that is near."""
    count, start = COLUMNS * ROWS, int(np.searchsorted(recording.time_s, 0.0))
    end = len(recording.time_s) - 1
    if end - start < count:
        start = 0
    even = np.unique(np.linspace(start, end, count).round().astype(int))
    pushed = np.any(recording.push_n != 0, axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pushed, [False]]).astype(int)))
    middles = [(a + b) // 2 for a, b in zip(edges[::2], edges[1::2], strict=True)]
    reach = (end - start) / count / 2
    ticks = []
    for tick in even:
        near = min(middles, key=lambda middle: abs(middle - tick), default=None)
        if tick in (even[0], even[-1]):
            ticks.append(int(tick))
        elif near is not None and abs(near - tick) <= reach:
            ticks.append(int(near))
        else:
            first = max(start, math.ceil(tick - 0.7 * reach))
            lean = recording.tilt_rad[first : math.floor(tick + 0.7 * reach) + 1]
            ticks.append(first + int(np.argmax(lean)) if np.max(lean) > _LEAN_RAD else int(tick))
    return sorted(set(ticks))


def draw_filmstrip(recording: Recording, painter: Painter, views: list[Camera]) -> Image.Image:
    """The filmstrip of a recording; `views` has a camera for each of its ticks."""
    ticks = choose_ticks(recording)
    width = 2 * _MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * _GAP
    rows = math.ceil(len(ticks) / COLUMNS)
    height = _HEADER + rows * (PANEL_HEIGHT + _GAP) + _FOOTER
    sheet = Image.new("RGB", (width, height), PAPER)
    _draw_header(ImageDraw.Draw(sheet), recording, width)
    for i, tick in enumerate(ticks):
        corner = (
            _MARGIN + i % COLUMNS * (PANEL_WIDTH + _GAP),
            _HEADER + i // COLUMNS * (PANEL_HEIGHT + _GAP),
        )
        panel = annotate(painter.draw(recording.qpos[tick], views[tick]), recording, tick, views[tick])
        mask = Image.new("L", panel.size, 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, panel.width - 1, panel.height - 1), 8, 255)
        sheet.paste(panel, corner, mask)
    size = (width - 2 * _MARGIN, _FOOTER - _GAP)
    sheet.paste(_draw_line(recording, ticks, size), (_MARGIN, height - size[1]))
    return sheet


def _draw_header(draw: ImageDraw.ImageDraw, recording: Recording, width: int) -> None:
    draw.text((_MARGIN, _HEADER / 2), recording.caption, INK, font(26), anchor="lm")
    letters = font(20)
    plate = int(draw.textlength(recording.verdict, letters)) + 32
    box = (width - _MARGIN - plate, 19, width - _MARGIN, 55)
    draw.rounded_rectangle(box, 18, WELL if recording.well else BAD)
    draw.text(((box[0] + box[2]) / 2, 37), recording.verdict, (255, 255, 255), letters, anchor="mm")


def _draw_line(recording: Recording, ticks: list[int], size: tuple[int, int]) -> Image.Image:
    """Tilt over time, with a band for each push and a dot for each picture above."""
    width, height = size[0] * _SUPER, size[1] * _SUPER
    left, right, top, bottom = 78 * _SUPER, width - 12 * _SUPER, 14 * _SUPER, height - 40 * _SUPER
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    letters = font(14 * _SUPER)
    time_s, tilt_deg = recording.time_s, np.degrees(recording.tilt_rad)
    ceiling = next((c for c in (5.0, 10.0, 20.0, 45.0, 90.0) if np.max(tilt_deg, initial=0) <= c), 180.0)
    x = left + (right - left) * (time_s - time_s[0]) / max(time_s[-1] - time_s[0], 1e-9)
    y = bottom - (bottom - top) * np.clip(tilt_deg, 0, ceiling) / ceiling
    for i in np.flatnonzero(np.any(recording.push_n != 0, axis=1)):
        draw.line([(x[i], top), (x[i], bottom)], (250, 214, 190), 2 + int((right - left) / len(x)))
    for value in (0.0, ceiling / 2, ceiling):
        level = bottom - (bottom - top) * value / ceiling
        draw.line([(left, level), (right, level)], (216, 217, 214), _SUPER)
        draw.text((left - 8 * _SUPER, level), f"{value:g}°", MUTED, letters, anchor="rm")
    step_s = next(s for s in (0.5, 1, 2, 5, 10, 30, 60, 300, 1e9) if (time_s[-1] - time_s[0]) / s <= 14)
    for second in np.arange(math.ceil(time_s[0] / step_s), math.floor(time_s[-1] / step_s) + 1) * step_s:
        at = float(np.interp(second, time_s, x))
        draw.line([(at, bottom), (at, bottom + 4 * _SUPER)], MUTED, _SUPER)
        draw.text((at, bottom + 6 * _SUPER), f"{second:g} s", MUTED, letters, anchor="ma")
    draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), INK, 2 * _SUPER, joint="curve")
    for tick in ticks:
        colour = PUSH if np.any(recording.push_n[tick]) else INK
        draw.circle((x[tick], y[tick]), 4 * _SUPER, colour, outline=(255, 255, 255), width=_SUPER)
    draw.text((0, (top + bottom) / 2), "tilt", INK, letters, anchor="lm")
    return image.resize(size, Image.Resampling.LANCZOS)
