"""Fewer points for a line that loses no spike and no gap: of each run of ticks the smallest and the largest. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 2000


def kept(values: NDArray[np.float64], most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Places of the points to draw, ascending: all where there are at most `most`, else of each of most / 5 runs of
    equal length the first, the smallest, the largest, the last, and one that is not finite where there is one.

    Args:
        values: (T,).
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, max(1, most // 5) + 1).astype(np.intp)
    places = []
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        run = values[begin:end]
        finite = np.isfinite(run)
        if finite.any():
            places += [begin + int(np.where(finite, run, np.inf).argmin())]
            places += [begin + int(np.where(finite, run, -np.inf).argmax())]
        if not finite.all():
            places.append(begin + int(finite.argmin()))
        places += [begin, end - 1]
    return np.unique(np.array(places, np.intp))


def ticks_per_run(count: int, most: int = MOST_POINTS) -> int:
    """How many ticks share their smallest and largest value; 1 where every tick is drawn."""
    return 1 if count <= most else -(-count // max(1, most // 5))
