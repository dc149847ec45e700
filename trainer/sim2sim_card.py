"""What sim2sim found, as a table for people, a picture, and files that join a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from contract import load_bundle, save_bundle
from contract.bundle_files import CHECKSUM_FILE

from .figures import ACCENT, INK, MUTED, STYLE, png
from .gate import default_command
from .onnx_network import open_session
from .sim2sim import PUSH_N, Row, own_task

CARD_FILE, PICTURE_FILE, METRICS_FILE = "sim2sim.md", "sim2sim.png", "metrics.json"
HEAD = ("world", "survived", f"pushed {PUSH_N:g} N", "velocity m/s", "error m/s", "torque Nm", "drift deg", "new to it")


def as_dict(rows: Sequence[Row]) -> dict[str, Any]:
    """Plain data for JSON, by world."""
    return {
        row.world.name: {
            "physics": row.world.words,
            "unseen_in_training": row.unseen,
            "calm": row.calm.as_dict(),
            "pushed": row.pushed.as_dict(),
        }
        for row in rows
    }


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """A line of the table for each world."""
    return [
        (
            row.world.name,
            f"{row.calm.survived} of {row.calm.trials}",
            f"{row.pushed.survived} of {row.pushed.trials}",
            f"{row.calm.forward_velocity_m_s:.3f}",
            f"{row.calm.velocity_error_m_s:.3f}",
            f"{row.calm.mean_abs_torque_nm:.2f}",
            f"{row.calm.heading_drift_deg:.0f}",
            row.unseen or "nothing",
        )
        for row in rows
    ]


def table(rows: Sequence[Row]) -> str:
    """For people at a terminal."""
    lines = [HEAD, *cells(rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def card(rows: Sequence[Row], title: str) -> str:
    """The page as Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *cells(rows)]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    worlds = "\n".join(f"- {row.world.name}: {row.world.words}" for row in rows)
    return (
        f"# {title}: other physics\n\n![survival and velocity in each world]({PICTURE_FILE})\n\n{body}\n\n"
        f"Deterministic, from rest, {rows[0].calm.steps} steps, robots as different as in training; the pushed ones "
        f"get {PUSH_N:g} N x 0.2 s once, after 2 s, from all sides.\n\n{worlds}\n"
    )


def draw(rows: Sequence[Row], commanded_m_s: float, title: str) -> bytes:
    """Survival with its interval, and forward velocity, a line for each world."""
    places = np.arange(len(rows))[::-1]
    names = [row.world.name for row in rows]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 0.36 * len(rows) + 1.6), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        for shift, colour, label in ((0.16, INK, "calm"), (-0.16, ACCENT, f"pushed {PUSH_N:g} N")):
            found = [row.calm if label == "calm" else row.pushed for row in rows]
            share = np.array([e.survived / e.trials for e in found])
            ends = np.array([e.survived_interval for e in found]).T
            spread = np.maximum(np.abs(ends - share), 0.0)
            left.errorbar(
                share, places + shift, xerr=spread, fmt="o", color=colour, label=label, capsize=2, markersize=4
            )
        left.set(yticks=places, yticklabels=names, xlim=(-0.03, 1.03), xlabel="survived, with its 95 % interval")
        left.legend(frameon=False, loc="lower left")
        right.axvline(commanded_m_s, color=MUTED, linestyle="--", linewidth=1)
        right.plot([row.calm.forward_velocity_m_s for row in rows], places, "o", color=INK, markersize=4)
        right.set(xlabel="forward velocity, m/s; dashed: as commanded")
        for axes in (left, right):
            axes.grid(alpha=0.25)
        figure.suptitle(title, fontsize=11, color=INK)
        return png(figure)


def files(bundle: Path, rows: Sequence[Row]) -> dict[str, bytes]:
    """The card's page, picture and figures, by file name."""
    config = own_task(bundle)
    picture = draw(rows, default_command(config.task)[0], f"{config.task} in physics that training never used")
    return {
        CARD_FILE: card(rows, config.task).encode(),
        PICTURE_FILE: picture,
        "sim2sim.json": json.dumps(as_dict(rows), indent=2).encode() + b"\n",
    }


def join_bundle(bundle: Path, rows: Sequence[Row]) -> list[str]:
    """Put page and picture into a verified bundle, and the figures into its metrics.json. Raises ContractError."""
    load_bundle(bundle, open_session)
    content = {str(f.relative_to(bundle)): f.read_bytes() for f in sorted(bundle.rglob("*")) if f.is_file()}
    content.pop(CHECKSUM_FILE, None)
    made = files(bundle, rows)
    made.pop("sim2sim.json")
    metrics = json.loads(content.get(METRICS_FILE, b"{}"))
    made[METRICS_FILE] = json.dumps({**metrics, "sim2sim": as_dict(rows)}, indent=2).encode() + b"\n"
    save_bundle(bundle, {**content, **made})
    load_bundle(bundle, open_session)
    return list(made)
