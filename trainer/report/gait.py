"""Figures of a watched policy: when the feet touch the floor, and what the servos are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from contract import FOOT_SWITCHES, RobotConfig
from pages import BAD, INK, MUTED, SERIES, Cell, Figure, faded

from ..tally import HIGH_TORQUE_NM
from ..view.frames import Frame
from .curves import series
from .trials import Trial

SHOWN_S = (1.0, 7.0)  # of the gait diagram: it walks by then, and a push comes within
BINS = 44
_OVER = 1.15  # histograms end this far beyond the limit


class Gait(NamedTuple):
    """Shares of the time with both feet, one foot and no foot on the floor; steps each second of both feet together."""

    both: float
    one: float
    none: float
    steps_per_s: float


def gait(frames: Sequence[Frame]) -> Gait:
    """How the feet took turns until a fall; a foot stands where its toe or its heel does."""
    steady = [f for f in frames if not f.fell and f.time_s > SHOWN_S[0]] or list(frames)
    touch = np.array([f.touch for f in steady], bool)
    feet = np.stack(
        [touch[:, [i for i, n in enumerate(FOOT_SWITCHES) if n.startswith(s)]].any(1) for s in ("left", "right")], 1
    )
    standing = feet.sum(1)
    landings = int((feet[1:] & ~feet[:-1]).sum())
    seconds = max(steady[-1].time_s - steady[0].time_s, 1e-9)
    both, one, none = (float((standing == n).mean()) for n in (2, 1, 0))
    return Gait(both, one, none, landings / seconds)


def gait_figure(trial: Trial) -> Figure:
    """Bars while a switch is closed, over six seconds; pushes are shaded."""
    frames = [f for f in trial.frames if SHOWN_S[0] <= f.time_s <= SHOWN_S[1]] or trial.frames
    dt = trial.run.config.env.ctrl_dt
    traces = []
    for i, name in enumerate(FOOT_SWITCHES):
        starts, lengths = spans(np.array([f.touch[i] for f in frames]))
        bars = {"type": "bar", "orientation": "h", "y": [_words(name)] * len(starts), "x": lengths * dt}
        colour = SERIES[0] if name.startswith("left") else SERIES[1]
        place = {"base": frames[0].time_s + (starts - 1) * dt, "marker": {"color": colour}, "width": 0.6}
        traces.append(
            bars | place | {"showlegend": False, "hovertemplate": "%{base:.2f} s, for %{x:.2f} s<extra></extra>"}
        )
    starts, lengths = spans(np.array([bool(np.any(f.push)) for f in frames]))
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        begin, size = frames[start].time_s - dt, float(np.linalg.norm(frames[start].push))
        box = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": begin, "x1": begin + length * dt}
        shapes.append(box | {"fillcolor": faded(BAD, 0.3), "line": {"width": 0}})
        late = begin > (frames[0].time_s + frames[-1].time_s) / 2
        note = {"x": box["x1"] if late else begin, "xanchor": "right" if late else "left", "showarrow": False}
        note |= {"y": 1, "yref": "paper", "yanchor": "bottom"}
        notes.append(note | {"text": f"push {size:.0f} N"})
    layout = {
        "xaxis": {"title": {"text": "s"}, "range": [frames[0].time_s - dt, frames[-1].time_s]},
        "yaxis": {"categoryorder": "array", "categoryarray": [_words(n) for n in reversed(FOOT_SWITCHES)]},
        "margin": {"t": 26},
        "hovermode": "closest",
        "barmode": "overlay",
        "shapes": shapes,
        "annotations": notes,
    }
    found = gait(trial.frames)
    caption = (
        f"A bar is a closed foot switch. Both feet stand {found.both:.0%} of the time, one {found.one:.0%}, none "
        f"{found.none:.0%}; {found.steps_per_s:.1f} steps each second."
    )
    return Figure({"data": traces, "layout": layout}, f"Feet of {trial.run.name}", caption, 230, wide=True)


def spans(closed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First indices and lengths of the runs of True in (T,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed.astype(bool), [False]]).astype(int)))
    return edges[::2], edges[1::2] - edges[::2]


def histograms(trials: Sequence[Trial], quantity: str) -> list[Figure]:
    """A figure for each pair of joints: `torque` in Nm or `speed` in rad/s, as shares of the time, with the limit."""
    config = trials[0].robot.config
    return [_histogram(trials, quantity, name, columns) for name, columns in joint_pairs(config).items()]


def joint_pairs(config: RobotConfig) -> dict[str, list[int]]:
    """Columns of a joint and its mirror image, by the name that both share."""
    pairs: dict[str, list[int]] = {}
    for i, name in enumerate(config.actuator_names):
        pairs.setdefault(_words(name.removeprefix("left_").removeprefix("right_")), []).append(i)
    return pairs


def load_rows(trials: Sequence[Trial]) -> list[tuple[str | Cell, ...]]:
    """Joint, run, mean and 99th percentile of torque, share above 2.5 Nm, 99th percentile of speed; with the limits."""
    config = trials[0].robot.config
    rows: list[tuple[str | Cell, ...]] = []
    for name, columns in joint_pairs(config).items():
        most, fastest = config.max_torque[columns[0]], config.max_velocity[columns[0]]
        for trial in trials:
            torque, speed = trial.torque_nm[:, columns], trial.speed_rad_s[:, columns]
            figures = (torque.mean(), np.percentile(torque, 99), most)
            high, p99 = float((torque > HIGH_TORQUE_NM).mean()), float(np.percentile(speed, 99))
            cells = [f"{x:.2f}" for x in figures] + [f"{high:.0%}", f"{p99:.2f}", f"{fastest:.2f}"]
            rows.append((name, trial.run.name, *(Cell(text, "number") for text in cells)))
    return rows


LOAD_HEAD = (
    "joint", "run", "mean, Nm", "p99, Nm", "limit, Nm", f"> {HIGH_TORQUE_NM:g} Nm", "p99, rad/s", "limit, rad/s",
)  # fmt: skip


def _histogram(trials: Sequence[Trial], quantity: str, name: str, columns: list[int]) -> Figure:
    config = trials[0].robot.config
    torque = quantity == "torque"
    limit = float((config.max_torque if torque else config.max_velocity)[columns[0]])
    edges = np.linspace(0, limit * _OVER, BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    traces, beyond = [], []
    for i, trial in enumerate(trials):
        values = (trial.torque_nm if torque else trial.speed_rad_s)[:, columns].ravel()
        counts = np.histogram(np.minimum(values, edges[-1]), edges)[0]
        colour, dash = series(i)
        line = {"color": colour, "dash": dash, "width": 2, "shape": "hvh"}
        fill = {"fill": "tozeroy", "fillcolor": faded(colour, 0.22)} if len(trials) == 1 else {}
        share = 100 * counts / max(len(values), 1)
        traces.append(
            {"type": "scatter", "mode": "lines", "name": trial.run.name, "x": middles, "y": share, "line": line} | fill
        )
        beyond.append(f"{(values > limit).mean():.1%}")
    marks = [_mark(limit, BAD, "dash")] + ([_mark(HIGH_TORQUE_NM, MUTED, "dot")] if torque else [])
    unit = "Nm" if torque else "rad/s"
    note = {"text": "limit", "font": {"color": INK}}
    layout = {
        "xaxis": {"title": {"text": unit}, "range": [0, edges[-1]]},
        "yaxis": {"title": {"text": "% of the time"}, "rangemode": "tozero"},
        "shapes": marks,
        "annotations": [note | {"x": limit, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}],
        "margin": {"t": 26},
        "showlegend": len(trials) > 1,
    }
    rest = "The last bin holds all beyond the axis."
    caption = f"Beyond the limit of {limit:g} {unit}: {', '.join(beyond)} of the time. {rest}"
    return Figure({"data": traces, "layout": layout}, f"{name}: {quantity}", caption, 220)


def _mark(x: float, colour: str, dash: str) -> dict[str, Any]:
    line = {"color": colour, "dash": dash, "width": 2}
    return {"type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}


def _words(name: str) -> str:
    return name.replace("_", " ")
