"""A demo of many episodes, from its first tick to what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import click

from robotd.clock import Clock, MonotonicClock, SimulatedClock
from robotd.ctl.director import Script, plan_pushes
from robotd.ctl.film import Film
from robotd.ctl.gap import Gap, Reference, gap_table, measure_gap
from robotd.ctl.outcome import EXIT_INTERRUPTED, EXIT_OK, EXIT_STOPPED
from robotd.ctl.patience import PatientClock
from robotd.ctl.progress import Progress
from robotd.ctl.series import Episode, Series, TimeLeft
from robotd.ctl.show import Announcer, Show, cast, film, play
from robotd.ctl.tally import Figures, Tally, figures_of, tally, tally_table
from robotd.hal.emulated import EmulatedHardware
from robotd.loop import RunSummary


class Plan(NamedTuple):
    """How many episodes, on what clock, and what they are compared with; physics is only for the report.

    fast: as fast as the machine can, on a simulated clock, for hardware that has no time of its own.
    """

    episodes: int
    fast: bool
    strict_timing: bool
    headless: bool
    reference: Reference | None
    physics: str


class Report(NamedTuple):
    """All that came out. stuck: why episodes are missing, else None."""

    figures: list[Figures]
    total: Tally
    gap: Gap | None
    stuck: str | None

    def exit_code(self, interrupted: bool) -> int:
        """0 where the gap is small enough, or without a reference where every episode survived."""
        if interrupted:
            return EXIT_INTERRUPTED
        well = self.total.survived == self.total.trials if self.gap is None else self.gap.passed
        return EXIT_OK if well and self.stuck is None else EXIT_STOPPED


def rehearse(show: Show, plan: Plan, progress: Progress, as_json: bool, hal: str, out: Path | None) -> int:
    """Run the episodes, print what came out, film one of them into the folder `out`; returns the exit code.

    Raises:
        robotd.daemon.Refusal: the hardware does not answer.
    """
    summary, series = _perform(show, plan, progress)
    report = _report(show, plan, summary, series)
    if as_json:
        click.echo(json.dumps(_to_json(show, plan, report, hal), allow_nan=False))
    else:
        click.echo(_to_text(show, plan, report, hal))
    code = report.exit_code(series.interrupted)
    if series.interrupted:
        progress.say("interrupted: no pictures")
    if series.interrupted or out is None:
        return code
    shown = next((number for number, figure in enumerate(report.figures) if not figure.survived), 0)
    figure, episode = report.figures[shown], series.episodes[shown]
    caption = f"{show.bundle.path.name}  ·  episode {shown + 1} of {plan.episodes}  ·  pushes: {figure.pushes}"
    tell(film(show, episode.witness, caption, figure.verdict, figure.survived, out), progress)
    return code


def tell(pictures: Film, progress: Progress) -> None:
    """Say which pictures there are."""
    for note in (pictures.note, f"wrote {', '.join(map(str, pictures.files))}" if pictures.files else None):
        if note:
            progress.say(note)


def script_of(script: Script, number: int) -> Script:
    """The script of one episode: pushes of its own, in random directions, at intervals that vary by a third."""
    seeds = script.seed if isinstance(script.seed, tuple) else (script.seed,)
    return script._replace(seed=(*seeds, number), push_spread_s=script.push_every_s / 3)


def pushes(script: Script, count: int) -> bool:
    """Whether any of the episodes has a push."""
    period_s = 0.02  # of any robot: it only rounds the times
    return any(plan_pushes(script_of(script, number), period_s) for number in range(count))


def _perform(show: Show, plan: Plan, progress: Progress) -> tuple[RunSummary, Series]:
    patient = PatientClock(MonotonicClock())
    clock: Clock = MonotonicClock() if plan.strict_timing or show.live else patient
    if plan.fast:
        clock = SimulatedClock()
    left = TimeLeft(plan.episodes, None if plan.fast else show.script.seconds)

    def begin(number: int) -> Episode:
        left.begin()
        director, witness = cast(show, script_of(show.script, number), patient.take_missed)
        return Episode(director, witness, Announcer(director, witness, show, progress, left.text))

    def put_back() -> None:
        if isinstance(show.hardware, EmulatedHardware):
            show.hardware.pick_up()
        elif show.twin is not None:
            show.twin.pick_up()

    series = Series(plan.episodes, begin, put_back, show.ctrl_dt)
    return play(show, series, series.interrupt, clock, [series.watch], progress, plan.headless), series


def _report(show: Show, plan: Plan, summary: RunSummary, series: Series) -> Report:
    figures = [figures_of(episode, show.ctrl_dt, not plan.fast) for episode in series.episodes]
    total = tally(series.episodes, figures, not plan.fast)
    stuck = f"robotd failed: {summary.error}" if summary.error is not None else None
    if series.stuck:
        stuck = f"the robot could not be cleared after episode {len(figures)}"
    gap = None if plan.reference is None else measure_gap(plan.reference, total)
    return Report(figures, total, gap, stuck)


def _to_json(show: Show, plan: Plan, report: Report, hal: str) -> dict[str, Any]:
    script = show.script
    data: dict[str, Any] = report.total.to_json()
    data["command"] = {"velocity": [script.velocity_x, 0.0, 0.0]}
    data |= {"seconds": script.seconds, "push_n": script.push_n, "push_s": script.push_s, "seed": script.seed}
    data |= {"bundle": str(show.bundle.path), "hal": hal, "physics": plan.physics, "stuck": report.stuck}
    data["episodes"] = [figure.to_json() for figure in report.figures]
    return data if report.gap is None else data | {"gap": report.gap.to_json()}


def _to_text(show: Show, plan: Plan, report: Report, hal: str) -> str:
    script = show.script
    words = [f"{script.seconds:g} s at {script.velocity_x:g} m/s", f"--hal {hal}", f"{plan.physics} physics"]
    words.append(f"pushes of {script.push_n:g} N for {script.push_s:g} s" if script.push_n else "no pushes")
    parts = [f"  {show.bundle.path}: {', '.join(words)}", tally_table(report.figures, report.total)]
    parts += [f"  {report.stuck}"] if report.stuck else []
    parts += [gap_table(report.gap)] if report.gap else []
    return "\n".join(parts)
