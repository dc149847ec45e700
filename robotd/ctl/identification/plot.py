"""A picture of one joint's record beside the fit, as PNG bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from robotd.ctl.plotting import ACCENT, INK, MUTED, png
from robotd.wiring import UNITS_PER_RAD

from .fit import Fit, Record
from .servo_model import set_point


def draw_fit(joint: str, record: Record, fit: Fit) -> bytes:
    """The whole record, its first step and a turn of the slow triangle: set-point, measured and fitted, in rad about
    where the joint stood. Raises PlotError: matplotlib is not installed."""
    begin_s = record.times_s[0]

    def draw(figure: Any) -> None:
        grid = figure.add_gridspec(2, 2, height_ratios=(1.1, 1))
        whole, step, turn = (figure.add_subplot(place) for place in (grid[0, :], grid[1, 0], grid[1, 1]))
        _lines(whole, record, fit, (begin_s, record.times_s[-1]))
        whole.legend(loc="upper right", ncols=3, frameon=False)
        at_s, time_s = _fastest(record)
        _lines(step, record, fit, (at_s - 0.05, at_s + time_s + 0.4), marker=".")
        slow = [move for move in record.told if move.time_s > 0.5][2:3] or list(record.told[:1])
        _lines(turn, record, fit, (slow[0].at_s - 0.15, slow[0].at_s + 0.35), marker=".")
        for axes, title in ((whole, "all"), (step, "a step at top speed"), (turn, "a turn of the slow triangle")):
            axes.set(title=title, xlabel="s", ylabel="rad")
            axes.grid(alpha=0.25)
        figure.suptitle(f"{joint}: the fit leaves {fit.rms_units / UNITS_PER_RAD:.4f} rad rms", fontsize=11, color=INK)

    return png(draw, size=(12, 6.5), font_size=9, dpi=110)


def _fastest(record: Record) -> tuple[float, float]:
    """When the first of the moves at the highest speed was told, and how long it takes."""
    places = np.array([record.start_units, *(move.units for move in record.told)])
    speeds = np.abs(np.diff(places)) / np.array([max(move.time_s, 0.02) for move in record.told])
    move = record.told[int(np.argmax(speeds > 0.9 * speeds.max()))]
    return move.at_s, move.time_s


def _lines(axes: Any, record: Record, fit: Fit, window_s: tuple[float, float], marker: str = "") -> None:
    zero, begin_s = record.start_units, record.times_s[0]
    corners_s, corners = set_point(fit.servo._replace(delay_s=0.0, speed_units_s=np.inf), record.told, zero)
    for times_s, units, options in (
        (corners_s, corners, {"color": MUTED, "linewidth": 1.0, "label": "told"}),
        (record.times_s, record.units, {"color": INK, "linewidth": 0.8, "label": "measured", "marker": marker}),
        (record.times_s, fit.path, {"color": ACCENT, "linewidth": 1.2, "label": "fitted"}),
    ):
        axes.plot(times_s - begin_s, (units - zero) / UNITS_PER_RAD, markersize=3, **options)
    axes.set_xlim(window_s[0] - begin_s, window_s[1] - begin_s)
    seen = (record.times_s >= window_s[0]) & (record.times_s <= window_s[1])
    shown = (record.units[seen] - zero) / UNITS_PER_RAD
    if len(shown):
        room = 0.15 * max(float(np.ptp(shown)), 0.02)
        axes.set_ylim(shown.min() - room, shown.max() + room)
