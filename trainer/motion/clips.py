"""Recorded people walking: what every file format becomes, and which format a file has."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from contract import ConfigError

FORMATS = ("deepmimic", "bvh", "amass")
MARKERS = ("pelvis", *(f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "toe")))
_UNITS_M = (1.0, 0.01, 0.0254, 0.001)
_LEG_M = (0.55, 1.15)
_SHORTEST = 8


class HumanClip(NamedTuple):
    """T frames of a person: rate_hz; places {marker: (T, 3) m}, z up, for each of MARKERS; loops: whether the last
    frame is the first one again, further along the way."""

    rate_hz: float
    places: dict[str, np.ndarray]
    loops: bool


def read_clip(path: Path, kind: str = "auto", unit_m: float | None = None) -> HumanClip:
    """Read a clip of one of FORMATS; "auto" goes by the file's name.

    Args:
        unit_m: length of the file's unit; None: m, or for BVH the one of m, cm, inch, mm that makes a person.

    Raises:
        ConfigError: the file cannot be read, is of no known format, or holds no person with two legs.
    """
    from .amass import read_amass
    from .bvh import read_bvh
    from .deepmimic import read_deepmimic

    if not path.is_file():
        raise ConfigError(f"{path}: no such file, expected a recorded motion; correct the path")
    reader = {"deepmimic": read_deepmimic, "bvh": read_bvh, "amass": read_amass}[detect(path, kind)]
    clip = reader(path)
    if len(clip.places["pelvis"]) < _SHORTEST:
        raise ConfigError(
            f"{path}: {len(clip.places['pelvis'])} frames, expected {_SHORTEST} at least; take a longer clip"
        )
    bad = [name for name, places in clip.places.items() if not np.all(np.isfinite(places))]
    if bad:
        raise ConfigError(f"{path}: the place of {bad[0]} is not finite; repair the clip")
    return _in_metres(path, clip, unit_m)


def detect(path: Path, kind: str) -> str:
    """The format of a file: `kind`, or where that is "auto", by the ending. Raises ConfigError."""
    if kind in FORMATS:
        return kind
    endings = {".bvh": "bvh", ".npz": "amass", ".txt": "deepmimic", ".json": "deepmimic"}
    found = endings.get(path.suffix.lower())
    if kind != "auto" or found is None:
        raise ConfigError(f"{path}: unknown format ({kind}), expected .bvh, .npz, .txt or .json; use --format")
    return found


def leg_length(clip: HumanClip) -> float:
    """m, thigh and shank, mean of both sides and all frames."""
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (clip.places[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        total += float(np.linalg.norm(hip - knee, axis=1).mean() + np.linalg.norm(knee - ankle, axis=1).mean())
    return total / 2


def _in_metres(path: Path, clip: HumanClip, unit_m: float | None) -> HumanClip:
    raw = leg_length(clip)
    fitting = [unit for unit in ([unit_m] if unit_m else _UNITS_M) if _LEG_M[0] <= raw * unit <= _LEG_M[1]]
    if not fitting:
        unit = f"{unit_m} m" if unit_m else "no common unit"
        raise ConfigError(
            f"{path}: a leg is {raw:.3g} long, with {unit} expected {_LEG_M[0]} to {_LEG_M[1]} m; use --unit"
        )
    return clip._replace(places={name: places * fitting[0] for name, places in clip.places.items()})
