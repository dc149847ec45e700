"""How a demo went: the numbers, one object of JSON, a table for people, and a verdict in a word or two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from contract.frames import Array
from robotd.ctl.director import Director, Script
from robotd.ctl.witness import Witness
from robotd.loop import RunSummary
from robotd.safety import Fault

EXIT_OK, EXIT_STOPPED, EXIT_INTERRUPTED = 0, 1, 130


class Quantiles(NamedTuple):
    """Of the active ticks, microseconds; None where there were none."""

    p50: float | None
    p99: float | None
    max: float | None


class Ages(NamedTuple):
    """Of the leg joints' feedback in the active ticks, milliseconds; None where there were none."""

    p50: float | None
    p95: float | None
    max: float | None


class Outcome(NamedTuple):
    """The result of a demo, in the order of its JSON. None: nothing measures it.

    ticks, overruns and all means count the active time; distance_m is how far the base came, horizontally, and
    mean_velocity_m_s how fast it went along the world's x, where it looked at the start. feedback_age_ms is in the
    JSON only where feedback comes over wires.
    """

    ticks: int
    overruns: int
    fell: bool
    faults: list[str]
    distance_m: float | None
    mean_velocity_m_s: float | None
    mean_abs_torque_nm: float | None
    max_abs_torque_nm: float | None
    lateness_us: Quantiles
    tick_us: Quantiles
    command: dict[str, Any]
    bundle: str
    hal: str
    feedback_age_ms: Ages | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data for json.dumps."""
        plain = self._asdict() | {"lateness_us": self.lateness_us._asdict(), "tick_us": self.tick_us._asdict()}
        ages = plain.pop("feedback_age_ms")
        return plain if ages is None else plain | {"feedback_age_ms": ages._asdict()}


def make_outcome(witness: Witness, script: Script, ctrl_dt: float, bundle: str, hal: str) -> Outcome:
    """Sum up what the witness saw."""
    ticks = len(witness.tick_s)
    distance_m = velocity_m_s = None
    if witness.base_m:
        moved = witness.base_m[-1] - witness.base_m[0]
        distance_m = _finite(float(np.hypot(moved[0], moved[1])))
        velocity_m_s = _finite(float(moved[0]) / max((ticks - 1) * ctrl_dt, ctrl_dt))
    return Outcome(
        ticks=ticks,
        overruns=witness.overruns,
        fell=witness.fell_at is not None,
        faults=list(witness.faults.names),
        distance_m=distance_m,
        mean_velocity_m_s=velocity_m_s,
        mean_abs_torque_nm=_finite(float(np.mean(witness.torque_nm))) if witness.torque_nm else None,
        max_abs_torque_nm=_finite(float(np.max(witness.max_torque_nm))) if witness.max_torque_nm else None,
        lateness_us=quantiles_of(witness.lateness_s),
        tick_us=quantiles_of(witness.tick_s),
        command={"velocity": [script.velocity_x, 0.0, 0.0]},
        bundle=bundle,
        hal=hal,
        feedback_age_ms=ages_of(witness.feedback_age_s) if witness.judges_feedback else None,
    )


def exit_code(outcome: Outcome, summary: RunSummary, director: Director) -> int:
    """0 only where the robot was active for the whole time, did not fall, and nothing stopped it."""
    if director.interrupted:
        return EXIT_INTERRUPTED
    whole = outcome.ticks >= director.ticks_wanted
    well = whole and not outcome.fell and not outcome.faults and summary.error is None
    return EXIT_OK if well else EXIT_STOPPED


def verdict(outcome: Outcome, summary: RunSummary, witness: Witness, ctrl_dt: float, interrupted: bool) -> str:
    """The result in a few words."""
    if summary.error is not None:
        return f"robotd failed: {summary.error}"
    if witness.fell_at is not None:
        return f"fell after {witness.fell_at * ctrl_dt:.1f} s"
    if witness.faults & ~Fault.OPERATOR:
        return f"stopped: {', '.join(outcome.faults)}"
    if not outcome.ticks:
        return "never active"
    if interrupted:
        return "interrupted"
    return "stayed up" if witness.base_m else "ran to the end"


def table(outcome: Outcome, result: str, pushes: str, worst_tilt_rad: float | None, ctrl_dt: float) -> str:
    """The summary for people."""
    rows = [
        ("result", result),
        ("active", f"{outcome.ticks * ctrl_dt:.1f} s, {outcome.ticks} ticks, {outcome.overruns} overruns"),
        ("faults", ", ".join(outcome.faults) or "none"),
    ]
    if worst_tilt_rad is not None:
        rows += [("pushes", pushes), ("worst tilt", f"{np.degrees(worst_tilt_rad):.1f} deg")]
    if outcome.distance_m is not None and outcome.mean_velocity_m_s is not None:
        rows.append(("distance", f"{outcome.distance_m:.3f} m, mean {outcome.mean_velocity_m_s:+.3f} m/s forward"))
    if outcome.mean_abs_torque_nm is not None and outcome.max_abs_torque_nm is not None:
        text = f"mean {outcome.mean_abs_torque_nm:.2f} Nm, largest {outcome.max_abs_torque_nm:.2f} Nm"
        rows.append(("torque", text))
    for name, times in (("lateness", outcome.lateness_us), ("tick", outcome.tick_us)):
        if times.p50 is not None:
            rows.append((name, f"p50 {times.p50:.0f} us, p99 {times.p99:.0f} us, max {times.max:.0f} us"))
    ages = outcome.feedback_age_ms
    if ages is not None and ages.p50 is not None:
        rows.append(("leg feedback", f"age p50 {ages.p50:.0f} ms, p95 {ages.p95:.0f} ms, max {ages.max:.0f} ms"))
    rows += [("bundle", outcome.bundle), ("hal", outcome.hal)]
    return "\n".join(f"  {name:<14}{text}" for name, text in rows)


def quantiles_of(durations_s: Sequence[float]) -> Quantiles:
    """Of durations in s."""
    if not durations_s:
        return Quantiles(None, None, None)
    return Quantiles(*(round(float(q), 1) for q in np.quantile(durations_s, (0.5, 0.99, 1.0)) * 1e6))


def ages_of(ages_s: Sequence[Array]) -> Ages:
    """Of ages in s, (J,) for each tick."""
    if not ages_s:
        return Ages(None, None, None)
    return Ages(*(round(float(q), 1) for q in np.quantile(np.stack(ages_s), (0.5, 0.95, 1.0)) * 1e3))


def _finite(value: float) -> float | None:
    """JSON has no NaN; physics that blew up gives one."""
    return value if np.isfinite(value) else None
