"""What is written over a picture of the robot: time, mode, faults, and an arrow for each push."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from robotd.ctl.camera import Camera
from robotd.ctl.recording import Recording

INK, PAPER, MUTED = (32, 36, 44), (250, 249, 246), (122, 128, 138)
PUSH, WELL, BAD, CALM = (226, 88, 20), (46, 125, 80), (190, 42, 48), (70, 92, 128)
_ARROW_M = 0.38  # from tail to the robot


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface, so that the picture looks alike everywhere."""
    return ImageFont.load_default(size)


def annotate(
    picture: NDArray[np.uint8], recording: Recording, tick: int, camera: Camera, size: int = 16
) -> Image.Image:
    """The picture (H, W, 3) of one tick with its captions; `size` is the letter height in pixels."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image, "RGBA")
    push = recording.push_n[tick]
    if np.any(push):
        _arrow(draw, image.size, recording.qpos[tick], push, camera, size)
    chip(draw, (size // 2, size // 2), f"{recording.time_s[tick]:.1f} s", (*INK, 215), size)
    mode, faults = str(recording.mode[tick]), str(recording.faults[tick])
    text, colour = (faults.replace("_", " "), BAD) if faults else (mode.replace("_", " "), CALM)
    if faults or mode != "ACTIVE":
        chip(draw, (size // 2, image.height - 2 * size), text, (*colour, 225), size - 2)
    return image


def chip(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, fill: tuple[int, ...], size: int, right: bool = False
) -> None:
    """A word on a rounded plate; `corner` is its upper left (or upper right) pixel."""
    letters = font(size)
    width = int(draw.textlength(text, letters)) + size
    x = corner[0] - width if right else corner[0]
    draw.rounded_rectangle((x, corner[1], x + width, corner[1] + 1.5 * size), size // 3, fill)
    draw.text((x + width / 2, corner[1] + 0.75 * size), text, (255, 255, 255), letters, anchor="mm")


def _arrow(
    draw: ImageDraw.ImageDraw,
    size_px: tuple[int, int],
    qpos: NDArray[np.float64],
    push_n: NDArray[np.float64],
    camera: Camera,
    size: int,
) -> None:
    """An arrow in the world that ends at the robot's base, from the side that the push comes from."""
    direction = push_n / np.linalg.norm(push_n)
    base = qpos[:3] if len(qpos) >= 7 else camera.lookat
    width, height = size_px
    tail = camera.project(base - _ARROW_M * direction, width, height)
    tip = camera.project(base - 0.05 * direction, width, height)
    angle = math.atan2(tip[1] - tail[1], tip[0] - tail[0])
    head = 0.8 * size
    neck = (tip[0] - head * math.cos(angle), tip[1] - head * math.sin(angle))
    wings = [
        (neck[0] - side * 0.55 * head * math.sin(angle), neck[1] + side * 0.55 * head * math.cos(angle))
        for side in (-1, 1)
    ]
    for grow, colour in ((0.25 * size, (255, 255, 255)), (0, PUSH)):
        draw.line([tail, neck], colour, int(0.34 * size + grow))
        draw.polygon([tip, *wings], colour, outline=colour, width=int(1 + grow / 2))
    chip(draw, (width - size // 2, size // 2), f"push {np.linalg.norm(push_n):.0f} N", (*PUSH, 235), size, right=True)
