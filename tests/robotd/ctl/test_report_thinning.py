"""Lines with fewer points than ticks: no spike and no gap gets lost, and what is short stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotd.ctl.flight_report.plots import histogram, roomy
from robotd.ctl.flight_report.story import Span, spans
from robotd.ctl.flight_report.thinning import kept, ticks_per_run
from robotd.ctl.flight_report.timeline import joined

TICKS = 30_000


def test_what_is_short_is_drawn_tick_by_tick() -> None:
    np.testing.assert_array_equal(kept(np.zeros(100), 100), np.arange(100))
    assert ticks_per_run(100, 100) == 1 and ticks_per_run(101, 100) > 1


@given(place=st.integers(0, TICKS - 1), sign=st.sampled_from((-1.0, 1.0)))
def test_a_spike_of_one_tick_survives_wherever_it_is(place: int, sign: float) -> None:
    values = np.sin(np.arange(TICKS) / 50)
    values[place] = 9 * sign
    places = kept(values)
    assert place in places and len(places) <= 2000


@given(place=st.integers(0, TICKS - 1), length=st.integers(1, 500))
def test_a_gap_survives_and_is_no_extreme(place: int, length: int) -> None:
    values = np.cos(np.arange(TICKS) / 50)
    values[place : place + length] = np.nan
    places = kept(values)
    assert np.isnan(values[places]).any()
    finite = values[places][np.isfinite(values[places])]
    assert finite.min() == np.nanmin(values) and finite.max() == np.nanmax(values)


def test_every_run_keeps_its_own_extremes() -> None:
    values = np.random.default_rng(1).normal(size=TICKS)
    places, run = kept(values, 1000), ticks_per_run(TICKS, 1000)
    assert run == 150 and np.all(np.diff(places) > 0)
    for begin in range(0, TICKS, run):
        there = values[places[(places >= begin) & (places < begin + run)]]
        assert there.min() == values[begin : begin + run].min() and there.max() == values[begin : begin + run].max()


def test_nothing_finite_is_drawn_as_gaps() -> None:
    assert np.isnan(np.full(TICKS, np.nan)[kept(np.full(TICKS, np.nan))]).all()


def test_spans_and_bars() -> None:
    flags = np.array([1, 1, 0, 1, 0, 0, 0, 1], bool)
    assert spans(flags) == [Span(0, 2), Span(3, 4), Span(7, 8)]
    assert joined(flags, 0) == spans(flags)
    assert joined(flags, 1) == [Span(0, 4), Span(7, 8)]


def test_a_histogram_counts_every_positive_value_once() -> None:
    values = np.concatenate([np.geomspace(1e-3, 50, 977), np.zeros(5), [np.nan, np.inf]])
    assert int(np.sum(histogram(values, "x")["y"])) == 977
    assert len(histogram(np.zeros(3), "x")["x"]) == 0


@pytest.mark.parametrize("values, least", [([0.1, 0.2, np.nan], 1.0), ([-3.0, 5.0], 0.1), ([np.nan], 0.1)])
def test_an_axis_holds_all_values_and_is_not_too_low(values: list[float], least: float) -> None:
    low, high = roomy(np.array(values), least=least)
    finite = [value for value in values if np.isfinite(value)]
    assert high - low >= least and all(low <= value <= high for value in finite)
