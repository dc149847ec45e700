"""Measured values in three numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Median, 95th percentile and largest of some values, in their unit."""

    p50: float
    p95: float
    max: float


def spread_of(values: Sequence[float]) -> Spread | None:
    """Each number is one of the values; None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(*(ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 1.0)))
