"""Pictures of figures: the measured envelope of commands, and the curves of a training run, as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .amp.monitor import ACCURACY_BAND
from .exam import Envelope
from .report.bands import smooth

CURVES = (
    "episode_reward", "episode_length", "reward/tracking_lin_vel", "approx_kl", "learning_rate", "env_steps_per_sec",
)  # fmt: skip
AMP_CURVES = ("amp_reward_mean", "disc_accuracy")

SURVIVAL = matplotlib.colormaps["cividis"]  # made for all kinds of colour vision
INK, ACCENT, MUTED = "#1b2a41", "#d1495b", "#8d99ae"
STYLE: dict[Any, Any] = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10}
_POINTS = 500  # of a curve: more of them make a bigger file and no better picture
_AXES = {"vx_yaw": (2, "yaw rate, rad/s"), "vx_vy": (1, "sideways, m/s")}


def draw_envelope(envelope: Envelope, title: str = "") -> bytes:
    """Three panels: forward speed against its command, and where commands with a turn or a side step lead to."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12, 4.2), layout="constrained")
        line, *maps = figure.subplots(1, 3)
        _draw_line(line, envelope)
        for axes, (group, (column, label)) in zip(maps, _AXES.items(), strict=True):
            _draw_map(axes, envelope, group, column, label)
        shades = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, 1), SURVIVAL)
        figure.colorbar(shades, ax=maps, label="survived", shrink=0.85)
        figure.suptitle(title, fontsize=11, color=INK)
        return png(figure)


def draw_curves(rows: Sequence[dict[str, Any]], title: str = "") -> bytes:
    """Reward, episode length, velocity's reward, divergence, learning rate and speed over millions of env steps.

    A run with AMP has two panels more: the style reward and the discriminator's accuracy with its healthy band.
    """
    names = CURVES + (AMP_CURVES if any("disc_accuracy" in row for row in rows) else ())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3 * len(names) / 2, 4.6), layout="constrained")
        for axes, name in zip(figure.subplots(2, len(names) // 2).flat, names, strict=True):
            known = [(row["env_steps"] / 1e6, row[name]) for row in rows if row.get(name) is not None]
            steps, values = np.array(known, float).reshape(-1, 2).T
            every = max(len(steps) // _POINTS, 1)
            axes.plot(steps[::every], values[::every], color=MUTED, linewidth=0.6)
            axes.plot(steps[::every], smooth(values)[::every], color=INK, linewidth=1.6)
            axes.set(title=name, xlabel="million env steps")
            axes.grid(alpha=0.25)
            if name == "learning_rate":
                axes.set_yscale("log")
            if name == "disc_accuracy":
                axes.axhspan(*ACCURACY_BAND, color=MUTED, alpha=0.2)
        figure.suptitle(title, fontsize=11, color=INK)
        return png(figure)


def _draw_line(axes: Axes, envelope: Envelope) -> None:
    part = envelope.groups["vx"]
    asked, found, survived = envelope.commands[part, 0], envelope.velocity[part, 0], envelope.survival[part]
    axes.plot(asked, asked, color=MUTED, linestyle="--", linewidth=1, label="as commanded")
    axes.plot(asked, found, color=INK, linewidth=1)
    axes.scatter(asked, found, c=survived, cmap=SURVIVAL, vmin=0, vmax=1, edgecolors=INK, zorder=3, label="achieved")
    for x, y, share in zip(asked, found, survived, strict=True):
        if share < 1 and np.isfinite(y):
            axes.annotate(f"{share:.0%}", (x, y), (0, -12), textcoords="offset points", ha="center", color=ACCENT)
    axes.set(title="straight ahead", xlabel="commanded forward, m/s", ylabel="achieved forward, m/s")
    axes.legend(frameon=False, loc="upper left")
    axes.grid(alpha=0.25)


def _draw_map(axes: Axes, envelope: Envelope, group: str, column: int, label: str) -> None:
    """A cross for each command, a line to the dot that was achieved; an empty red cross where all fell at once."""
    part = envelope.groups[group]
    asked, found, survived = envelope.commands[part], envelope.velocity[part], envelope.survival[part]
    alive = np.isfinite(found[:, 0])
    for a, b in zip(asked[alive], found[alive], strict=True):
        axes.plot([a[0], b[0]], [a[column], b[column]], color=MUTED, linewidth=0.8, zorder=1)
    axes.scatter(asked[alive, 0], asked[alive, column], marker="+", color=INK, s=24, linewidths=0.8, label="commanded")
    axes.scatter(
        found[alive, 0], found[alive, column], c=survived[alive], cmap=SURVIVAL, vmin=0, vmax=1, edgecolors=INK,
        linewidths=0.5, s=30, zorder=3, label="achieved",
    )  # fmt: skip
    if not alive.all():
        lost = asked[~alive]
        axes.scatter(lost[:, 0], lost[:, column], marker="x", color=ACCENT, s=30, label="fell at once")
    axes.set(title=group.replace("_", " and "), xlabel="forward, m/s", ylabel=label)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=3, fontsize=8)
    axes.grid(alpha=0.25)


def png(figure: Figure) -> bytes:
    """The same figure gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100, metadata={"Software": None})
    return stream.getvalue()
