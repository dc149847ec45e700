"""A picture of measured and simulated joints over time, as PNG bytes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from robotd.ctl.plotting import ACCENT, INK, MUTED, png

from .errors import JointError
from .session import Session
from .twin import Simulated

_POINTS = 3000


def draw_comparison(session: Session, simulated: Simulated, errors: list[JointError], title: str) -> bytes:
    """One panel for each joint: told, measured, simulated. Raises PlotError: matplotlib is not installed."""
    rows = math.ceil(len(errors) / 3)
    every = max(1, len(session.time_s) // _POINTS)
    time_s = session.time_s[::every]
    worst = max(errors, key=lambda error: error.rms_rad)

    def draw(figure: Any) -> None:
        panels = figure.subplots(rows, 3, squeeze=False, sharex=True).flat
        for column, (axes, error) in enumerate(zip(panels, errors, strict=False)):
            axes.plot(time_s, session.target_rad[::every, column], color=MUTED, linewidth=0.7, label="told")
            axes.plot(time_s, session.pos_rad[::every, column], color=INK, linewidth=1.0, label="measured")
            axes.plot(time_s, simulated.pos_rad[::every, column], color=ACCENT, linewidth=1.0, label="simulated")
            delay = "" if error.delay_s is None else f", delay {round(error.delay_s * 1e3)} ms"
            colour = ACCENT if error is worst else INK
            axes.set_title(f"{error.joint}: {error.rms_rad:.4f} rad rms{delay}", color=colour)
            axes.grid(alpha=0.25)
            shown = np.concatenate([session.pos_rad[:, column], simulated.pos_rad[:, column]])
            middle, half = (shown.max() + shown.min()) / 2, max(float(np.ptp(shown)) / 2 * 1.1, 0.02)
            axes.set_ylim(middle - half, middle + half)
        for axes in list(figure.axes)[len(errors) :]:
            axes.set_axis_off()
        figure.axes[0].legend(loc="best", frameon=False, ncols=3)
        figure.supxlabel("s")
        figure.supylabel("rad")
        figure.suptitle(title, fontsize=10, color=INK)

    return png(draw, size=(14, 2.2 * rows + 0.6), font_size=8, dpi=100)
