"""One metric of several seeds as one line and the range about it. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

POINTS, WINDOW = 240, 10


class Band(NamedTuple):
    """steps (P,) env steps; mean, low, high (P,) over the seeds that have come that far, nan where none has."""

    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def band(logs: Sequence[Sequence[dict[str, Any]]], name: str) -> Band | None:
    """A metric of several logs, each smoothed over WINDOW iterations; None where no log knows a finite value of it."""
    lines = [line for line in (_line(rows, name) for rows in logs) if len(line[0])]
    if not lines:
        return None
    steps = np.linspace(min(x[0] for x, _ in lines), max(x[-1] for x, _ in lines), POINTS)
    values = np.stack([np.interp(steps, x, smooth(y), left=np.nan, right=np.nan) for x, y in lines])
    known = np.isfinite(values)
    count = known.sum(0)
    mean = np.divide(np.where(known, values, 0).sum(0), count, out=np.full(POINTS, np.nan), where=count > 0)
    low, high = np.where(known, values, np.inf).min(0), np.where(known, values, -np.inf).max(0)
    return Band(steps, mean, np.where(count > 0, low, np.nan), np.where(count > 0, high, np.nan))


def raw(rows: Sequence[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Env steps and finite values of a metric, thinned to at most POINTS."""
    x, y = _line(rows, name)
    every = -(-len(x) // POINTS) or 1
    return x[::every], y[::every]


def last_mean(rows: Sequence[dict[str, Any]], name: str, window: int) -> float | None:
    """Mean of the finite values in the last iterations, None without any."""
    _, y = _line(rows[-window:], name)
    return float(y.mean()) if len(y) else None


def smooth(values: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Running mean of what is finite, as long as the input; nan where nothing in the window is."""
    known = np.isfinite(values)
    kernel = np.ones(window)
    sums = np.convolve(np.where(known, values, 0.0), kernel)[: len(values)]
    counts = np.convolve(known.astype(float), kernel)[: len(values)]
    means: np.ndarray = np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
    return means


def _line(rows: Sequence[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Env steps (N,) and values (N,), finite ones only."""
    pairs = [(row["env_steps"], row[name]) for row in rows if isinstance(row.get(name), int | float)]
    x, y = np.array(pairs, float).reshape(-1, 2).T
    finite = np.isfinite(y)
    return x[finite], y[finite]
