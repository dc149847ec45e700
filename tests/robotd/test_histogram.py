"""Durations in fixed buckets: quantiles within the width of a bucket."""

from __future__ import annotations

import numpy as np
import pytest

from robotd.timing import Histogram, Quantiles


def test_quantiles_are_those_of_the_samples() -> None:
    samples_s = np.random.default_rng(0).lognormal(-8, 1.5, 5000)
    histogram = Histogram()
    for sample in samples_s:
        histogram.add(float(sample))
    found = histogram.quantiles()
    assert found.p50 == pytest.approx(np.quantile(samples_s, 0.5) * 1e6, rel=0.03)
    assert found.p99 == pytest.approx(np.quantile(samples_s, 0.99) * 1e6, rel=0.03)
    assert found.max == pytest.approx(max(samples_s) * 1e6) and histogram.total == 5000


def test_nothing_measured_is_zero() -> None:
    assert Histogram().quantiles() == Quantiles(0.0, 0.0, 0.0)


@pytest.mark.parametrize("value_s", [0.0, -1e-6, 1e-9, 1e-7, 3600.0])
def test_extremes_fall_into_the_outer_buckets(value_s: float) -> None:
    histogram = Histogram()
    histogram.add(value_s)
    assert histogram.total == 1 and histogram.quantiles().max == max(value_s * 1e6, 0.0)
