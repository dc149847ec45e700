"""Curves of training as figures: each group of runs is a line, its seeds the band about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pages import GOOD, SERIES, Figure, faded

from ..amp.monitor import ACCURACY_BAND
from ..training_log import TERM, WINDOW
from .bands import band, last_mean, raw
from .runs import Group

_DASHES = ("solid", "dash", "dot", "dashdot")
LEARNING = {
    "episode_reward": ("Episode reward", "of the last 256 episodes"),
    "episode_length": ("Episode length", "control steps; a fall ends an episode"),
    f"{TERM}tracking_lin_vel": ("Forward velocity's reward", "mean of a step, weighted"),
    "approx_kl": ("KL divergence of an update", "the learning rate follows it"),
    "learning_rate": ("Learning rate", ""),
    "entropy_loss": ("Entropy loss", "minus the entropy of the actions: rises as they settle"),
    "value_loss": ("Value loss", ""),
    "env_steps_per_sec": ("Env steps each second", "physics and learning together"),
}
AMP = {
    "disc_accuracy": ("Discriminator's accuracy", f"healthy from {ACCURACY_BAND[0]} to {ACCURACY_BAND[1]}, shaded"),
    "amp_reward_mean": ("Style reward", "0.75 is undecided, 0 is told apart at once"),
    "disc_separation": ("Separation", "of expert's and agent's logits"),
    "disc_handicap": ("Handicap", "how much the discriminator is held back"),
    "disc_grad_penalty": ("Gradient penalty", ""),
    "disc_loss": ("Discriminator's loss", ""),
}
_LOG_SCALE = {"learning_rate"}


def series(index: int) -> tuple[str, str]:
    """Colour and dash of the group with this number: all different for the first two dozen."""
    return SERIES[index % len(SERIES)], _DASHES[index // len(SERIES) % len(_DASHES)]


def curves(groups: Sequence[Group], metrics: Mapping[str, tuple[str, str]]) -> list[Figure]:
    """A figure for each metric that any of the runs has a finite value of."""
    drawn = (curve(groups, name, title, caption) for name, (title, caption) in metrics.items())
    return [figure for figure in drawn if figure is not None]


def terms(groups: Sequence[Group]) -> dict[str, tuple[str, str]]:
    """All reward terms in the logs, with their weights as caption."""
    found = sorted({name for group in groups for run in group.runs for row in run.rows[-1:] for name in row})
    named = {}
    for name in found:
        if name.startswith(TERM):
            term = name.removeprefix(TERM)
            weights = [_weight(group, term) for group in groups]
            same = len(set(weights)) == 1
            named[name] = (term, f"weight {weights[0] if same else ', '.join(weights)}")
    return named


def curve(groups: Sequence[Group], name: str, title: str, caption: str = "") -> Figure | None:
    """One metric over millions of env steps; None where no run has a finite value of it."""
    traces = [trace for i, group in enumerate(groups) for trace in _traces(group, name, i)]
    if not traces:
        return None
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "million env steps"}},
        "yaxis": {"type": "log", "exponentformat": "e"} if name in _LOG_SCALE else {},
        "showlegend": len(groups) > 1,
    }
    if name == "disc_accuracy":
        low, high = ACCURACY_BAND
        box = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": low, "y1": high, "layer": "below"}
        layout["shapes"] = [box | {"fillcolor": faded(GOOD, 0.15), "line": {"width": 0}}]
    return Figure({"data": traces, "layout": layout}, title, caption, height_px=240)


def term_bars(groups: Sequence[Group]) -> Figure | None:
    """What each reward term brought in the last iterations, mean over the seeds."""
    names = [name for name in terms(groups) if any(_brought(group, name) is not None for group in groups)]
    if not names:
        return None
    names.sort(key=lambda name: -(_brought(groups[0], name) or 0.0))
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": group.label,
            "y": [name.removeprefix(TERM) for name in names],
            "x": [_brought(group, name) for name in names],
            "marker": {"color": series(i)[0]},
        }
        for i, group in enumerate(groups)
    ]
    layout = {
        "xaxis": {"title": {"text": "mean of a step, weighted"}},
        "yaxis": {"showgrid": False, "autorange": "reversed"},
        "hovermode": "y",
        "showlegend": len(groups) > 1,
    }
    height = 90 + 22 * len(names) * max(1.0, 0.5 * len(groups))
    caption = f"Over the last {WINDOW} iterations; the sum of all is multiplied by reward_scale."
    return Figure({"data": traces, "layout": layout}, "Reward terms at the end", caption, round(height), wide=True)


def _traces(group: Group, name: str, index: int) -> list[dict[str, Any]]:
    found = band([run.rows for run in group.runs], name)
    if found is None:
        return []
    colour, dash = series(index)
    x = found.steps / 1e6
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": group.label,
        "x": x,
        "y": found.mean,
        "line": {"color": colour, "dash": dash, "width": 2},
    }
    if len(group.runs) > 1:  # two edges with the area between them
        edge = {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        low = edge | {"y": found.low}
        high = edge | {"y": found.high, "fill": "tonexty", "fillcolor": faded(colour, 0.22)}
        return [low, high, line]
    steps, values = raw(group.runs[0].rows, name)
    thin = {"color": faded(colour, 0.3), "width": 1}
    behind = {"type": "scatter", "mode": "lines", "x": steps / 1e6, "y": values, "line": thin}
    return [behind | {"hoverinfo": "skip", "showlegend": False}, line]


def _brought(group: Group, name: str) -> float | None:
    found = [value for run in group.runs if (value := last_mean(run.rows, name, WINDOW)) is not None]
    return sum(found) / len(found) if found else None


def _weight(group: Group, term: str) -> str:
    config = group.runs[0].config
    weight = config.amp.amp_reward_weight if term == "amp_style" else config.rewards.get(term)
    return "none" if weight is None else f"{weight:g}"
