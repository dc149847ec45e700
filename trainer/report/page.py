"""The page of one or more runs: what was trained, how it went, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from contract import ConfigError
from pages import Cell, Page, Section

from ..amp import monitor
from ..checkpoint import FOLDER, load_meta
from ..config import config_hash
from ..training_log import WINDOW
from .bands import last_mean
from .curves import AMP, LEARNING, curves, term_bars, terms
from .differences import differences, flat
from .findings import COLUMNS, gate_names, ladder_head, ladder_rows, number, read_findings, terms_sentence, trial_rows
from .gait import LOAD_HEAD, gait_figure, histograms, load_rows
from .runs import Group, Run, groups, not_finite
from .trials import PUSH_N, Trial


class Verdict(NamedTuple):
    """What `trainer eval --json` said of a run's policy."""

    run: Run
    findings: dict[str, Any]


class Watched(NamedTuple):
    """A trial and moments of it as pictures with words; no pictures and the reason where nothing draws here."""

    trial: Trial
    pictures: list[tuple[bytes, str]]
    reason: str = ""


def read_verdicts(paths: Sequence[Path], runs: Sequence[Run]) -> list[Verdict]:
    """Reports of evaluation, each beside the run that it is of. Raises ConfigError."""
    verdicts = []
    for path in paths:
        findings = read_findings(path)
        run = next((run for run in runs if _is_of(findings["policy"], run)), None)
        if run is None:
            raise ConfigError(
                f"{path}: policy: found {findings['policy']}, expected one of these runs; leave it out or add its run"
            )
        verdicts.append(Verdict(run, findings))
    return verdicts


def build(
    runs: Sequence[Run],
    verdicts: Sequence[Verdict] = (),
    watched: Sequence[Watched] = (),
    notes: Sequence[str] = (),
    refresh_s: int | None = None,
) -> Page:
    """The whole page.

    Args:
        notes: what people should know, said at the top.
        refresh_s: a browser reads the file anew that often.
    """
    found = groups(runs)
    title = "Training of " + ", ".join(group.label for group in found)
    page = Page(title, "written while training goes on" if refresh_s else "", refresh_s)
    _summary(page.section("Runs"), runs, [*notes, *_health(runs)])
    if verdicts:
        _gate(page.section("Gate"), verdicts)
    learning = page.section("Learning")
    learning.text(_reading(found)).figure(*curves(found, LEARNING))
    _rewards(page, found)
    styled = curves(found, AMP)
    if styled:
        page.section("AMP").figure(*styled)
    if watched:
        _watched(page, watched)
    _configs(page.section("Configs"), found)
    return page


def _summary(section: Section, runs: Sequence[Run], notes: Sequence[str]) -> None:
    head = ("run", "state", "seed", "iterations", "env steps", "wall time", "steps/s", "episode reward", "length")
    rows: list[list[str | Cell]] = []
    for run in runs:
        last = run.rows[-1] if run.rows else {}
        state = Cell("complete", "good") if run.complete else Cell(_unfinished(run), "muted")
        wall = last.get("wall_s")
        figures = (
            f"{run.iteration} of {run.config.iterations}",
            f"{last.get('env_steps', 0):,}",
            f"{wall:,.0f} s" if wall else "-",
            f"{last['env_steps'] / wall:,.0f}" if wall else "-",
            number(last_mean(run.rows, "episode_reward", WINDOW)),
            number(last_mean(run.rows, "episode_length", WINDOW)),
        )
        rows.append([run.name, state, *(Cell(text, "number") for text in (str(run.config.seed), *figures))])
    section.table(head, rows, f"Episode reward and length are means over the last {WINDOW} iterations.")
    for note in notes:
        section.text(note)


def _unfinished(run: Run) -> str:
    if (run.folder / "dump").is_dir():
        return "diverged"
    return "stopped or running" if run.rows else "not begun"


def _health(runs: Sequence[Run]) -> list[str]:
    """What is wrong with runs, one sentence each."""
    said = []
    for run in runs:
        said += not_finite(run)
        styled = [row for row in run.rows if "disc_accuracy" in row]
        warning = monitor.warning(styled)
        said += [f"{run.name}: {warning}"] if warning else []
    return said


def _gate(section: Section, verdicts: Sequence[Verdict]) -> None:
    rows = []
    for name in gate_names([verdict.findings for verdict in verdicts]):
        lines = [verdict.findings["gate"].get(name) for verdict in verdicts]
        target = next(line["target"] for line in lines if line)
        rows.append((name, target, *(_verdict(line) for line in lines)))
    section.table(("line", "target", *(_name(verdict) for verdict in verdicts)), rows)
    for verdict in verdicts:
        section.table(("", *COLUMNS.values()), _numbers(trial_rows(verdict.findings)), f"{_name(verdict)}: trials")
        ladder = verdict.findings["ladder"]
        if ladder:
            caption = f"{_name(verdict)}: survival of one push, {ladder['trials_each']} robots each"
            section.table(ladder_head(ladder), _numbers(ladder_rows(ladder)), caption)
        section.text(f"{_name(verdict)}: {terms_sentence(verdict.findings)}")


def _numbers(rows: Sequence[Sequence[str]]) -> list[list[str | Cell]]:
    return [[first, *(Cell(text, "number") for text in rest)] for first, *rest in rows]


def _verdict(line: dict[str, Any] | None) -> Cell:
    if line is None:
        return Cell("-", "muted")
    return Cell(f"{number(line['value'])} {'pass' if line['pass'] else 'MISS'}", "good" if line["pass"] else "bad")


def _name(verdict: Verdict) -> str:
    step = str(verdict.findings["policy"]["checkpoint_id"]).rpartition("/")[2]
    return verdict.run.name if _is_last(verdict.run, step) else f"{verdict.run.name} at {step}"


def _is_last(run: Run, step: str) -> bool:
    return run.checkpoint is not None and run.checkpoint.name == step


def _is_of(policy: Any, run: Run) -> bool:
    """Whether a report's policy is one of the run's: at a step that it reached, and of its config.

    The config's hash is today's or the one in the checkpoint: a newer trainer reads more keys out of an old config.
    """
    if not isinstance(policy, dict):
        return False
    task, _, step = str(policy.get("checkpoint_id")).rpartition("/")
    if task != run.config.task or step not in {str(row["env_steps"]) for row in run.rows}:
        return False
    kept = run.folder / FOLDER / step
    hashes = {config_hash(run.config)} | ({load_meta(kept).get("config_hash")} if kept.is_dir() else set())
    return policy.get("training_config_hash") in hashes


def _reading(found: Sequence[Group]) -> str:
    banded = any(len(group.runs) > 1 for group in found)
    alone = any(len(group.runs) == 1 for group in found)
    parts = ["Lines are smoothed over 10 iterations."]
    parts += (
        ["Of several seeds the line is the mean and the band reaches from the lowest to the highest."] if banded else []
    )
    parts += ["Of a single run the faint line behind is what was logged."] if alone else []
    return " ".join(parts)


def _rewards(page: Page, found: Sequence[Group]) -> None:
    bars, named = term_bars(found), terms(found)
    if bars is None:
        return
    page.section("Rewards").figure(bars, *curves(found, named))


def _watched(page: Page, watched: Sequence[Watched]) -> None:
    trials = [one.trial for one in watched]
    section = page.section("Gait")
    first = trials[0]
    vx, vy, yaw = first.command
    section.text(
        f"The last checkpoint, asked for {vx:g} and {vy:g} m/s and {yaw:g} rad/s and pushed by {PUSH_N:g} N x 0.2 s "
        f"every 2-4 s, in full MuJoCo at 2 ms on {first.robots} robots as different as in training. This is for the "
        "eye: the gate's figures are those of trainer eval."
    )
    for one in watched:
        section.text(f"{one.trial.run.name}: {one.trial.survived} of {one.trial.robots} robots did not fall.")
        section.figure(gait_figure(one.trial))
        if one.pictures:
            section.strip(f"Moments of {one.trial.run.name}", one.pictures)
        else:
            section.text(f"No pictures: {one.reason}")
    section.text("In the pictures loaded joints are orange, soles that touch are blue, and a push is a red arrow.")
    page.section("Torque").text(
        "What the servos held against, as shares of the time. The robots' servos are up to a tenth stronger or weaker "
        "than the limit, as in training."
    ).figure(*histograms(trials, "torque")).table(LOAD_HEAD, load_rows(trials))
    page.section("Speed").text("Joint speeds against the servos' speed without load.").figure(
        *histograms(trials, "speed")
    )


def _configs(section: Section, found: Sequence[Group]) -> None:
    labels = [group.label for group in found]
    rows = [(key, *values) for key, values in differences([group.runs[0].config for group in found]).items()]
    if len(found) == 1:
        section.text("All runs have one config but for the seed.")
    elif rows:
        section.table(("key", *labels), rows, "Keys in which the configs differ.")
    for group in found:
        section.folded(
            f"Config of {group.label}", ("key", ""), list(flat(group.runs[0].config.model_dump(mode="json")).items())
        )
