"""The rehearsed gap between simulation and robot: what `trainer eval` promised against what robotd's side showed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from contract import ConfigError
from robotd.ctl.tally import Tally

LARGEST_DROP = 0.2
SLOWEST_M_S = 0.05
"""Below this a part of a velocity says nothing."""
_VELOCITY = "forward_velocity_m_s"
_SURVIVALS = ("push_survival", "survival", "success_rate")
_OTHERS = (
    "episode_length_mean",
    "mean_abs_torque_nm",
    "p99_abs_torque_nm",
    "heading_drift_deg",
    "lateral_drift_m",
)


class Row(NamedTuple):
    """One figure there and here. drop: the part of the promise that is missing, negative where it is better here;
    passed: None where the figure is only told."""

    figure: str
    trainer_eval: float
    here: float | None
    drop: float | None
    passed: bool | None


class Gap(NamedTuple):
    """The whole comparison; section: the part of the file that was taken."""

    section: str
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether velocity and survival both dropped by less than a fifth."""
        return all(row.passed is not False for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Plain data for json.dumps."""
        rows = [
            {
                "figure": row.figure,
                "trainer_eval": row.trainer_eval,
                "here": row.here,
                "drop_percent": None if row.drop is None else 100 * row.drop,
                "passed": row.passed,
            }
            for row in self.rows
        ]
        return {"passed": self.passed, "section": self.section, "rows": rows}


class Reference(NamedTuple):
    """The figures of one section of a file that `trainer eval --json` printed, by name."""

    path: Path
    section: str
    figures: dict[str, float]


def read_reference(path: Path, pushed: bool) -> Reference:
    """Read what a run is to be compared with, before it is run.

    The file is one JSON object, either flat or {"undisturbed": {...}, "pushed": {...}} ("pushed 10 N" also counts),
    whose figures have the names of `Tally`. Of the two sections the one that was pushed as this run is counts; a figure
    that it lacks is looked for at the top. Survival is push_survival of a pushed run, else survived / trials, else
    success_rate; here the same is taken.

    Raises:
        ConfigError: the file cannot be read, has no velocity or survival, or one of which no part can be taken.
    """
    data = _read(path)
    sections = {name: value for name, value in data.items() if isinstance(value, Mapping)}
    word = "pushed" if pushed else "undisturbed"
    section = next((name for name in sections if name.startswith(word)), "")
    if not section and any(name.startswith(("pushed", "undisturbed")) for name in sections):
        raise ConfigError(
            f"{path}: found the sections {', '.join(sections)}, expected {word!r} because this run is {word}; "
            f"{'evaluate with pushes too' if pushed else 'evaluate without pushes too'}"
        )
    merged = {**data, **sections.get(section, {})}
    names = (_VELOCITY, _survival(merged, pushed, str(path)), *_OTHERS)
    figures = {name: _number(merged[name], f"{path}: {name}") for name in names if merged.get(name) is not None}
    for name in names[:2]:
        if name not in figures:
            raise ConfigError(f"{path}: {name} is missing, expected what trainer eval --json prints; evaluate again")
    speed, survival = figures[_VELOCITY], figures[names[1]]
    if abs(speed) < SLOWEST_M_S:
        raise ConfigError(
            f"{path}: {_VELOCITY}: found {speed:g}, expected at least {SLOWEST_M_S:g} m/s; evaluate a policy that walks"
        )
    if not 0 < survival <= 1:
        raise ConfigError(f"{path}: {names[1]}: found {survival:g}, expected a part above 0 and at most 1")
    return Reference(path, section or "whole file", figures)


def measure_gap(reference: Reference, total: Tally) -> Gap:
    """Compare; a figure that could not be measured here is a miss where it counts."""
    here = total._asdict() | {"survival": total.survived / total.trials}
    gates = [name for name in reference.figures if name in (_VELOCITY, *_SURVIVALS)]
    rows = []
    for name, promised in reference.figures.items():
        found = here[name]
        drop = None if found is None or promised == 0 else 1 - found / promised
        passed = (drop is not None and drop < LARGEST_DROP) if name in gates else None
        rows.append(Row(name, promised, found, drop, passed))
    return Gap(reference.section, tuple(rows))


def gap_table(gap: Gap) -> str:
    """The comparison for people."""
    words = {True: "ok", False: "MISSED", None: ""}
    lines = [f"  {'figure':<22}{'trainer eval':>14}{'here':>10}{'drop':>10}   < {LARGEST_DROP:.0%}"]
    for row in gap.rows:
        here = "-" if row.here is None else f"{row.here:.3f}"
        drop = "-" if row.drop is None else f"{100 * row.drop:+.1f} %"
        lines.append(f"  {row.figure:<22}{row.trainer_eval:>14.3f}{here:>10}{drop:>10}   {words[row.passed]}")
    end = "passed" if gap.passed else f"MISSED: {', '.join(r.figure for r in gap.rows if r.passed is False)}"
    return "\n".join([*lines, f"  gap {end} (against {gap.section})"])


def _survival(figures: dict[str, Any], pushed: bool, where: str) -> str:
    """The name of the best measure of survival that there is; survived / trials is entered as `survival`."""
    if pushed and figures.get("push_survival") is not None:
        return "push_survival"
    if "survived" in figures and "trials" in figures:
        survived, trials = (_number(figures[name], f"{where}: {name}") for name in ("survived", "trials"))
        figures["survival"] = survived / trials if trials > 0 else 0.0
        return "survival"
    return "success_rate"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}, expected what trainer eval --json prints") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: not JSON, expected what trainer eval --json prints; save only its stdout") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: found a {type(data).__name__}, expected an object as trainer eval --json prints it")
    return data


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ConfigError(f"{where}: found {value!r}, expected a finite number; evaluate again")
    return float(value)
