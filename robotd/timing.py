"""Durations in fixed buckets: nothing is allocated while the loop runs, and a million ticks cost what ten do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_LOWEST_US = 0.1
_GROWTH = 1.02  # a bucket is 2 % wide, and so is the error of a quantile
_BUCKETS = 1000  # up to 40 s


class Quantiles(NamedTuple):
    """Of all durations so far, in microseconds; zeros where there are none."""

    p50: float
    p99: float
    max: float


class Histogram:
    """Counts durations. Quantiles are exact to 2 %, the maximum is exact."""

    PER_OCTAVE = 35  # buckets from a duration to its double

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._max_us = 0.0
        self.total = 0

    @classmethod
    def of(cls, counts: Sequence[int], max_us: float) -> Histogram:
        """One that was counted elsewhere."""
        histogram = cls()
        histogram._counts[: len(counts)] = counts
        histogram._max_us, histogram.total = max_us, sum(counts)
        return histogram

    @staticmethod
    def edge_us(bucket: int) -> float:
        """Where a bucket begins."""
        return _LOWEST_US * float(_GROWTH ** (bucket - 1))

    @property
    def counts(self) -> tuple[int, ...]:
        """Of all buckets."""
        return tuple(self._counts)

    @property
    def max_us(self) -> float:
        """The longest duration."""
        return self._max_us

    def add(self, duration_s: float) -> None:
        """Count one duration; below 0.1 us it counts as that."""
        us = duration_s * 1e6
        bucket = int(math.log(us / _LOWEST_US) / math.log(_GROWTH)) + 1 if us > _LOWEST_US else 0
        self._counts[min(bucket, _BUCKETS - 1)] += 1
        self._max_us = max(self._max_us, us)
        self.total += 1

    def quantile_us(self, fraction: float) -> float:
        """The duration that `fraction` of all do not exceed."""
        wanted, seen = math.ceil(fraction * self.total), 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_LOWEST_US * _GROWTH**bucket, self._max_us)
        return 0.0

    def quantiles(self) -> Quantiles:
        """Median, 99th percentile and maximum."""
        return Quantiles(self.quantile_us(0.5), self.quantile_us(0.99), self._max_us)


class LoopTiming:
    """How a loop keeps its time, since it began.

    lateness: start of a tick after its deadline; tick: the pure tick, network included; slack: what was left of the
    period when the last hook was done, 0 where nothing was.
    """

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.lateness, self.tick, self.slack = Histogram(), Histogram(), Histogram()
        self.overruns = 0

    def add(self, lateness_s: float, tick_s: float, spent_s: float, skipped: int) -> None:
        """Count one tick; spent_s: from its start to the end of its last hook; skipped: whole periods before it."""
        self.lateness.add(lateness_s)
        self.tick.add(tick_s)
        self.slack.add(self.period_s - lateness_s - spent_s)
        self.overruns += skipped
