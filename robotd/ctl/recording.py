"""What a run looked like, tick by tick: everything that the film of it needs, in memory and then in one file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Recording:
    """T ticks. time_s (T,) is 0 at the first active tick and negative before; qpos (T, nq) as MuJoCo has it;
    push_n (T, 3) N in the world; tilt_rad (T,); mode (T,) names; faults (T,) names joined by a blank; caption is the
    film's title and verdict the word at its end, good or not by `well`."""

    time_s: NDArray[np.float64]
    qpos: NDArray[np.float64]
    push_n: NDArray[np.float64]
    tilt_rad: NDArray[np.float64]
    mode: NDArray[np.str_]
    faults: NDArray[np.str_]
    caption: str
    verdict: str
    well: bool

    def save(self, path: Path) -> None:
        """Write it as one npz file without pickle."""
        content: dict[str, Any] = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        np.savez(path, **content)


def load_recording(path: Path) -> Recording:
    """Read what `Recording.save` wrote."""
    with np.load(path, allow_pickle=False) as data:
        content: dict[str, Any] = {f.name: data[f.name] for f in fields(Recording)}
    content.update(caption=str(content["caption"]), verdict=str(content["verdict"]), well=bool(content["well"]))
    return Recording(**content)


@dataclass
class Tape:
    """Collects the ticks of a run while it runs; appending is all that the loop pays for."""

    qpos: list[NDArray[np.float64]] = field(default_factory=list)
    push_n: list[NDArray[np.float64]] = field(default_factory=list)
    tilt_rad: list[float] = field(default_factory=list)
    mode: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    active: list[bool] = field(default_factory=list)

    def recording(self, period_s: float, caption: str, verdict: str, well: bool) -> Recording:
        """All ticks so far, on a time axis whose zero is the first active one (the start where none was)."""
        first = self.active.index(True) if True in self.active else 0
        return Recording(
            time_s=np.asarray((np.arange(len(self.qpos)) - first) * period_s, np.float64),
            qpos=np.array(self.qpos, np.float64).reshape(len(self.qpos), -1),
            push_n=np.array(self.push_n, np.float64).reshape(-1, 3),
            tilt_rad=np.array(self.tilt_rad, np.float64),
            mode=np.array(self.mode, np.str_),
            faults=np.array(self.faults, np.str_),
            caption=caption,
            verdict=verdict,
            well=well,
        )
