"""What `trainer eval --json` said, read back, as rows of plain text for a card or a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract import ConfigError

COLUMNS = {
    "survived": "survived",
    "success_rate": "> 80 % of the steps",
    "forward_velocity_m_s": "velocity, m/s",
    "velocity_error_m_s": "its error, m/s",
    "mean_abs_torque_nm": "mean torque, Nm",
    "p99_abs_torque_nm": "99th percentile, Nm",
    "heading_drift_deg": "heading drift, deg",
    "lateral_drift_m": "lateral drift, m",
}


def read_findings(path: Path) -> dict[str, Any]:
    """The report of one policy as plain data. Raises ConfigError where the file is not one."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}, expected what `trainer eval --json` said") from None
    except ValueError:
        raise ConfigError(f"{path}: not JSON, expected what `trainer eval --json` said") from None
    if not isinstance(said, dict) or not {"policy", "gate", "undisturbed", "pushed"} <= said.keys():
        raise ConfigError(f"{path}: found no policy and gate in it, expected what `trainer eval --json` said")
    return said


def trial_rows(findings: dict[str, Any]) -> list[tuple[str, ...]]:
    """A row for each kind of trial: its name, then COLUMNS."""
    named = {"undisturbed": findings["undisturbed"], f"pushed {findings['push_n']:g} N": findings["pushed"]}
    named |= {f"{name} floor": trials for name, trials in (findings["floors"] or {}).items()}
    if findings["long_run"]:
        named["long run"] = findings["long_run"]
    rows: list[tuple[str, ...]] = []
    for name, trials in named.items():
        low, high = trials["survived_interval"]
        survived = f"{trials['survived']} of {trials['trials']} ({low:.0%} to {high:.0%})"
        rest = [number(trials[column]) for column in COLUMNS if column != "survived"]
        rows.append((f"{name}, {trials['steps']} steps", survived, *rest))
    return rows


def ladder_head(ladder: dict[str, Any]) -> tuple[str, ...]:
    """What stands above the rows of the push ladder."""
    return ("0.2 s", *(f"{angle} deg" for angle in ladder["directions_deg"]), "all")


def ladder_rows(ladder: dict[str, Any]) -> list[tuple[str, ...]]:
    """A row for each size of push: its name, survival by direction, and of all."""
    return [
        (f"{size} N", *(f"{share:.0%}" for share in shares), f"{ladder['mean'][size]:.0%}")
        for size, shares in ladder["survival"].items()
    ]


def terms_sentence(findings: dict[str, Any]) -> str:
    """Under which terms the gate was asked."""
    terms = f"Command {findings['command']} m/s and rad/s, pushes of {findings['push_n']:g} N x 0.2 s every 2-4 s."
    return terms if findings["gate_terms"] else f"{terms} These are not the gate's own terms."


def gate_names(findings: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of the gate that any of the reports has, in their order."""
    return list(dict.fromkeys(name for found in findings for name in found["gate"]))


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"
