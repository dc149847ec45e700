"""How the joints followed their targets: a table, the worst first, and a picture of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pages import SERIES, Cell, Figure, Section

from .flight import Flight
from .plots import TIME_S, layout, line, roomy
from .thinning import ticks_per_run

_POINTS = 1200
"""Of a line: every joint has three."""


class Following(NamedTuple):
    """One joint over the ticks with torque. joint: its place; rms_rad, worst_rad (with its sign) of measured less
    target; worst_s: when; swept_rad: from its lowest to its highest angle."""

    joint: int
    rms_rad: float
    worst_rad: float
    worst_s: float
    swept_rad: float


def followings(flight: Flight) -> list[Following]:
    """The worst first; joints that were never told anything are left out."""
    found = []
    for joint in range(len(flight.header.joints)):
        error = flight.error_rad[:, joint]
        told = np.flatnonzero(np.isfinite(error))
        if not len(told):
            continue
        pos = flight["signals.joint_pos_rad"][told, joint]
        worst = told[np.abs(error[told]).argmax()]
        found.append(
            Following(
                joint,
                float(np.sqrt(np.mean(error[told] ** 2))),
                float(error[worst]),
                float(flight.time_s[worst]),
                float(np.ptp(pos)),
            )
        )
    return sorted(found, key=lambda following: -following.rms_rad)


def tell(section: Section, flight: Flight) -> None:
    """Fill the section."""
    found, names, allowed = followings(flight), flight.header.joints, flight.config.safety.tracking_rad
    if not found:
        section.text("The joints never had torque, so there was no target to follow.")
        return
    section.text(
        "Measured less the target of the tick before, over all ticks with torque. The age of the feedback is in it: a "
        "joint that moves and follows well still seems behind by its delay."
    )
    rows: list[list[str | Cell]] = [
        [
            names[following.joint],
            Cell(f"{following.rms_rad:.4f}", "number"),
            Cell(f"{following.worst_rad:+.4f}", "number"),
            Cell(f"{following.worst_s:.2f}", "number"),
            Cell(f"{following.swept_rad:.3f}", "number"),
            Cell(f"over {allowed:g}", "bad") if abs(following.worst_rad) > allowed else "",
        ]
        for following in found
    ]
    section.table(["joint", "rms rad", "largest rad", "at s", "swept rad", "TRACKING"], rows)
    section.figure(*(_figure(flight, following) for following in found))


def thinned(flight: Flight) -> str:
    """What the lines show where there are more ticks than points; empty where each tick is drawn."""
    run = ticks_per_run(len(flight), _POINTS)
    period = f"{run} ticks ({run * flight.header.ctrl_dt:.2g} s)"
    return "" if run == 1 else f"Lines over the whole log show the smallest and the largest value of every {period}."


def _figure(flight: Flight, following: Following) -> Figure:
    joint, time_s = following.joint, flight.time_s
    target = np.full(len(flight), np.nan)
    target[1:] = flight["target_after_rad"][:-1, joint]
    lines = [
        line(time_s, target, "target", SERIES[1], dash="dash", most=_POINTS),
        line(time_s, flight["signals.joint_pos_rad"][:, joint], "measured", most=_POINTS),
        line(time_s, flight.error_rad[:, joint], "error", SERIES[3], axis="2", most=_POINTS),
    ]
    axes = layout(TIME_S, "rad")
    axes["xaxis"]["anchor"] = "y2"
    axes["yaxis"] |= {
        "domain": [0.42, 1.0],
        "range": roomy(target, flight["signals.joint_pos_rad"][:, joint], least=0.05),
    }
    axes["yaxis2"] = {
        "title": {"text": "error"},
        "domain": [0.0, 0.34],
        "range": roomy(flight.error_rad[:, joint], least=0.02),
    }
    title = f"{flight.header.joints[joint]}, {following.rms_rad:.4f} rad rms"
    return Figure({"data": lines, "layout": axes}, title, height_px=300)
