"""Bands: mean and range of the seeds that have come that far, gaps left out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.report.bands import WINDOW, band, last_mean, raw, smooth


def log(values: list[float], each: int = 100) -> list[dict]:
    return [{"env_steps": each * (k + 1), "x": value} for k, value in enumerate(values)]


def test_the_band_spans_the_seeds_and_ends_where_each_ends() -> None:
    found = band([log([1.0] * 50), log([3.0] * 100)], "x")
    assert found is not None
    both = found.steps <= 5000
    assert np.allclose(found.mean[both], 2) and np.allclose(found.low[both], 1) and np.allclose(found.high[both], 3)
    assert np.allclose(found.mean[~both], 3) and np.allclose(found.low[~both], 3)
    assert found.steps[0] == 100 and found.steps[-1] == 10_000


def test_what_is_not_finite_or_missing_is_left_out() -> None:
    rows = [*log([math.nan, math.nan, 2.0, math.inf, 4.0]), {"env_steps": 600}]
    found = band([rows], "x")
    assert found is not None and found.steps[0] == 300 and found.steps[-1] == 500
    assert found.mean[0] == pytest.approx(2.0) and found.mean[-1] == pytest.approx(3.0)
    assert band([rows], "y") is None and band([log([math.nan])], "x") is None
    assert last_mean(rows, "x", 2) == pytest.approx(4.0) and last_mean(rows, "y", 2) is None


def test_smoothing_is_the_mean_of_the_last_values() -> None:
    values = np.arange(30.0)
    assert smooth(values)[20] == pytest.approx(np.mean(values[21 - WINDOW : 21]))
    assert smooth(values)[1] == pytest.approx(0.5)


def test_raw_values_are_thinned() -> None:
    x, y = raw(log(list(np.arange(1000.0))), "x")
    assert 200 <= len(x) <= 240 and y[0] == 0 and x[0] == 100
