"""The text format of DeepMimic: JSON with frames of 44 columns, y up, quaternions w first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from contract import ConfigError

from .clips import MARKERS, HumanClip
from .skeleton import Skeleton, about, forward, from_quat

COLUMNS = 44
# the format's one humanoid: x forward, y up, z to the right, m; toe is where its foot's box ends
SKELETON = Skeleton(
    MARKERS,
    (-1, 0, 1, 2, 3, 0, 5, 6, 7),
    np.array(
        [
            [0, 0, 0],
            *([0, 0, -0.084887], [0, -0.421546, 0], [0, -0.409870, 0], [0.1335, -0.05, 0]),
            *([0, 0, 0.084887], [0, -0.421546, 0], [0, -0.409870, 0], [0.1335, -0.05, 0]),
        ]
    ),
)
_ROOT, _ROTATION = slice(1, 4), slice(4, 8)
_LEGS = {"right": (slice(16, 20), 20, slice(21, 25)), "left": (slice(30, 34), 34, slice(35, 39))}
_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)


def read_deepmimic(path: Path) -> HumanClip:
    """Raises ConfigError where the file is not of this format."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        raise ConfigError(f"{path}: not JSON, expected DeepMimic's frames; use --format for another one") from None
    frames = data.get("Frames") if isinstance(data, dict) else None
    widths = {len(frame) if isinstance(frame, list) else 0 for frame in frames} if isinstance(frames, list) else set()
    if widths != {COLUMNS}:
        raise ConfigError(
            f"{path}: frames of {sorted(widths)} columns, expected {COLUMNS} of DeepMimic's humanoid; correct it"
        )
    try:
        values = np.array(frames, float)
    except (TypeError, ValueError):
        raise ConfigError(f"{path}: a frame holds what is no number, expected {COLUMNS} numbers; correct it") from None
    if len(values) < 2 or not (values[:-1, 0] > 0).all():  # how long the last frame lasts does not matter
        raise ConfigError(
            f"{path}: a frame lasts {values[:, 0].min()} s, expected a time above 0; correct the first column"
        )
    local = np.tile(np.eye(3), (len(values), len(MARKERS), 1, 1))
    local[:, 0] = from_quat(values[:, _ROTATION])
    for side, (hip, knee, ankle) in _LEGS.items():
        first = MARKERS.index(f"{side}_hip")
        local[:, first] = from_quat(values[:, hip])
        local[:, first + 1] = about("z", values[:, knee])
        local[:, first + 2] = from_quat(values[:, ankle])
    places = forward(SKELETON, values[:, _ROOT], local)
    rate = 1 / float(np.median(values[:, 0]))
    return HumanClip(rate, {name: place @ _UP.T for name, place in places.items()}, data.get("Loop") == "wrap")
