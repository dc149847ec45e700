"""How a series of episodes went: figures of each and of all, under the names that `trainer eval` has for the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robotd.ctl.outcome import Ages, Quantiles, ages_of, quantiles_of
from robotd.ctl.series import Episode
from robotd.ctl.witness import Witness
from robotd.safety import Fault

SETTLED_S = 1.0
"""Velocity counts from here on, as in `trainer eval`: an episode begins from rest."""
SUCCESS_SHARE = 0.8
"""An episode that lasts longer than this share of its time is a success, as in `trainer eval`."""


class Figures(NamedTuple):
    """One episode. None: nothing measures it. All but faults, overruns, lateness and ages ends where the robot fell.

    survived: active for the whole time, no fall, no fault; verdict: the same in a few words; ticks: active ones;
    success: active for more than 80 % of the time;
    forward_velocity_m_s: mean of the base along the robot's own heading after the first second, as far as it goes;
    distance_m: horizontally from start to end; lateral_drift_m: to the left of where it looked at the start;
    heading_drift_deg: left positive, whole turns included; torques: of all joints in all ticks, absolute.
    """

    survived: bool
    success: bool
    verdict: str
    ticks: int
    pushes: int
    forward_velocity_m_s: float | None
    distance_m: float | None
    lateral_drift_m: float | None
    heading_drift_deg: float | None
    mean_abs_torque_nm: float | None
    p99_abs_torque_nm: float | None
    faults: list[str]
    overruns: int
    lateness_us: Quantiles
    feedback_age_ms: Ages | None

    def to_json(self) -> dict[str, Any]:
        """Plain data for json.dumps."""
        ages = self.feedback_age_ms
        plain = {"lateness_us": self.lateness_us._asdict(), "feedback_age_ms": ages and ages._asdict()}
        return self._asdict() | plain


class Tally(NamedTuple):
    """All episodes together. survived: how many of the trials; success_rate: the part that lasted for more than 80 % of
    its time; push_survival: the part of those with a push that survived, None where there is none; forward velocity
    and torques over all ticks; both drifts are means of absolute values."""

    trials: int
    survived: int
    success_rate: float
    push_survival: float | None
    episode_length_mean: float
    forward_velocity_m_s: float | None
    mean_abs_torque_nm: float | None
    p99_abs_torque_nm: float | None
    heading_drift_deg: float | None
    lateral_drift_m: float | None
    overruns: int
    lateness_us: Quantiles
    feedback_age_ms: Ages | None

    def to_json(self) -> dict[str, Any]:
        """Plain data for json.dumps."""
        ages = self.feedback_age_ms
        plain = {"lateness_us": self.lateness_us._asdict(), "feedback_age_ms": ages and ages._asdict()}
        return self._asdict() | plain


def figures_of(episode: Episode, ctrl_dt: float, timed: bool = True) -> Figures:
    """Sum up what the witness saw of one episode; not `timed`: its clock was no real one, so nothing was late."""
    director, witness = episode.director, episode.witness
    ticks = _judged(witness)
    undisturbed = witness.fell_at is None and not witness.faults and not director.interrupted
    survived = undisturbed and ticks >= director.ticks_wanted
    torque_nm = _torques(witness)
    return Figures(
        survived=survived,
        success=ticks > SUCCESS_SHARE * director.ticks_wanted,
        verdict="survived" if survived else _why(episode, ctrl_dt),
        ticks=ticks,
        pushes=director.pushes,
        **_motion(witness),
        mean_abs_torque_nm=_finite(np.mean(torque_nm)) if torque_nm.size else None,
        p99_abs_torque_nm=_finite(np.percentile(torque_nm, 99)) if torque_nm.size else None,
        faults=list(witness.faults.names),
        overruns=witness.overruns,
        lateness_us=quantiles_of(witness.lateness_s if timed else []),
        feedback_age_ms=ages_of(witness.feedback_age_s) if witness.judges_feedback else None,
    )


def tally(episodes: Sequence[Episode], figures: Sequence[Figures], timed: bool = True) -> Tally:
    """Sum up all episodes, at least one."""
    pushed = [figure.survived for figure in figures if figure.pushes]
    torque_nm = np.concatenate([_torques(episode.witness).ravel() for episode in episodes])
    ages_s = [age for episode in episodes for age in episode.witness.feedback_age_s]
    steps = [step for episode in episodes for step in _settled_steps(episode.witness)]
    return Tally(
        trials=len(figures),
        survived=sum(figure.survived for figure in figures),
        success_rate=float(np.mean([figure.success for figure in figures])),
        push_survival=float(np.mean(pushed)) if pushed else None,
        episode_length_mean=float(np.mean([figure.ticks for figure in figures])),
        forward_velocity_m_s=_speed(steps),
        mean_abs_torque_nm=_finite(np.mean(torque_nm)) if torque_nm.size else None,
        p99_abs_torque_nm=_finite(np.percentile(torque_nm, 99)) if torque_nm.size else None,
        heading_drift_deg=_mean_size([figure.heading_drift_deg for figure in figures]),
        lateral_drift_m=_mean_size([figure.lateral_drift_m for figure in figures]),
        overruns=sum(figure.overruns for figure in figures),
        lateness_us=quantiles_of([late for e in episodes for late in e.witness.lateness_s] if timed else []),
        feedback_age_ms=ages_of(ages_s) if episodes[0].witness.judges_feedback else None,
    )


def tally_table(figures: Sequence[Figures], total: Tally) -> str:
    """The figures for people."""
    head = ("", "result", "ticks", "pushes", "forward", "distance", "lateral", "heading", "torque", "p99")
    rows: list[tuple[str, ...]] = [head, ("", "", "", "", "m/s", "m", "m", "deg", "Nm", "Nm")]
    for number, figure in enumerate(figures, 1):
        numbers = (figure.forward_velocity_m_s, figure.distance_m, figure.lateral_drift_m)
        torques = (_text(figure.mean_abs_torque_nm), _text(figure.p99_abs_torque_nm))
        texts = (*map(_text, numbers), _text(figure.heading_drift_deg, ".1f"), *torques)
        rows.append((str(number), figure.verdict, str(figure.ticks), str(figure.pushes), *texts))
    rate = f"{total.survived}/{total.trials} survived"
    means = (_text(total.forward_velocity_m_s), "", _text(total.lateral_drift_m), _text(total.heading_drift_deg, ".1f"))
    torques = (_text(total.mean_abs_torque_nm), _text(total.p99_abs_torque_nm))
    rows.append(("all", rate, f"{total.episode_length_mean:.1f}", "", *means, *torques))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = []
    for row in rows:
        left = f"  {row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}"
        lines.append(left + "".join(f"  {text:>{width}}" for text, width in zip(row[2:], widths[2:], strict=True)))
    return "\n".join([*lines, *_timing_lines(total)])


def _timing_lines(total: Tally) -> list[str]:
    late, ages = total.lateness_us, total.feedback_age_ms
    lines = [f"  of those with pushes {total.push_survival:.0%} survived"] if total.push_survival is not None else []
    if late.p50 is not None:
        text = f"p50 {late.p50:.0f} us, p99 {late.p99:.0f} us, max {late.max:.0f} us, {total.overruns} overruns"
        lines.append(f"  lateness      {text}")
    if ages is not None and ages.p50 is not None:
        lines.append(f"  leg feedback  age p50 {ages.p50:.0f} ms, p95 {ages.p95:.0f} ms, max {ages.max:.0f} ms")
    return lines


def _why(episode: Episode, ctrl_dt: float) -> str:
    witness = episode.witness
    if witness.fell_at is not None:
        return f"fell after {witness.fell_at * ctrl_dt:.1f} s"
    if witness.faults & ~Fault.OPERATOR:
        return f"stopped: {', '.join(witness.faults.names)}"
    if episode.director.interrupted:
        return "interrupted"
    return "ended early" if witness.tick_s else "never active"


def _judged(witness: Witness) -> int:
    """Active ticks before a fall."""
    return len(witness.tick_s) if witness.fell_at is None else witness.fell_at


def _torques(witness: Witness) -> NDArray[np.float64]:
    """|torque| (T, J) Nm before a fall, empty where there is none."""
    return np.array(witness.torque_nm[: _judged(witness)], np.float64)


def _motion(witness: Witness) -> dict[str, float | None]:
    """Where the base went before a fall; it takes two ticks to move."""
    names = ("forward_velocity_m_s", "distance_m", "lateral_drift_m", "heading_drift_deg")
    ticks = _judged(witness)
    if ticks < 2 or not witness.base_m:
        return dict.fromkeys(names)
    heading = np.unwrap(witness.heading_rad[:ticks])
    moved = witness.base_m[ticks - 1][:2] - witness.base_m[0][:2]
    lateral = moved[1] * np.cos(heading[0]) - moved[0] * np.sin(heading[0])
    values = (np.hypot(*moved), lateral, np.degrees(heading[-1] - heading[0]))
    far = {name: _finite(value) for name, value in zip(names[1:], values, strict=True)}
    return {names[0]: _speed(_settled_steps(witness)), **far}


def _settled_steps(witness: Witness) -> list[tuple[float, float]]:
    """From tick to tick before a fall and after the first second: metres along the own heading, and the time in s."""
    ticks = _judged(witness)
    if ticks < 2 or not witness.base_m:
        return []
    base, time_s = np.array(witness.base_m[:ticks])[:, :2], np.array(witness.time_s[:ticks])
    heading = np.unwrap(witness.heading_rad[:ticks])
    steps, middle = np.diff(base, axis=0), (heading[1:] + heading[:-1]) / 2
    forward = steps[:, 0] * np.cos(middle) + steps[:, 1] * np.sin(middle)
    settled = time_s[:-1] - time_s[0] > SETTLED_S - 1e-6
    return list(zip(forward[settled].tolist(), np.diff(time_s)[settled].tolist(), strict=True))


def _speed(steps: Sequence[tuple[float, float]]) -> float | None:
    """m/s over all steps, None where there is none."""
    metres, seconds = (sum(step[column] for step in steps) for column in (0, 1))
    return _finite(metres / seconds) if seconds > 0 else None


def _mean_size(values: Sequence[float | None]) -> float | None:
    found = [abs(value) for value in values if value is not None]
    return float(np.mean(found)) if found else None


def _finite(value: Any) -> float | None:
    """JSON has no NaN; physics that blew up gives one."""
    return float(value) if np.isfinite(value) else None


def _text(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)
