"""Moments of a watched policy as small pictures."""

from __future__ import annotations

import io

import numpy as np

from ..view.film import Painter, choose
from ..view.frames import Frame
from .trials import Trial

WIDTH, HEIGHT, QUALITY = 300, 340, 80


def moments(trial: Trial) -> list[tuple[bytes, str]]:
    """Ten pictures, WebP, with what is seen on each in words; needs a GL that draws (view.graphics)."""
    painter = Painter(trial.robot, WIDTH, HEIGHT)
    try:
        pictures = []
        for number in choose(trial.frames):
            shown = trial.frames[number]
            painter.look_at(shown)
            stream = io.BytesIO()
            painter.paint(shown).save(stream, "WEBP", quality=QUALITY)
            pictures.append((stream.getvalue(), words(shown)))
        return pictures
    finally:
        painter.close()


def words(shown: Frame) -> str:
    """The time, and a push or a fall."""
    size = float(np.linalg.norm(shown.push))
    pushed = f", push {size:.0f} N" if size else ""
    return f"{shown.time_s:.1f} s{pushed}{', fell' if shown.fell else ''}"
