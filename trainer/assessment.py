"""The whole report on a policy: trials, ladder, long run, floors and the gate, as JSON and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .config import TrainConfig, config_hash
from .evaluate import FLOORS, Policy, evaluate, evaluation_env, slope_of
from .exam import FLOOR_STEPS, Command3, Ladder, ladder_steps, long_run, long_run_steps, on_floor, push_ladder
from .gate import Line, departures, gate, gate_table
from .style import StyleJudge
from .tally import Evaluation


@dataclass(frozen=True)
class Terms:
    """What a report is to hold. floor: one of FLOORS, or None for the config's law of slopes."""

    command: Command3
    trials: int = 256
    steps: int = 500
    push_n: float = 10.0
    floor: str | None = None
    seed: int = 0
    ladder: bool = False
    long_run: bool = False
    floors: bool = False


@dataclass(frozen=True)
class Report:
    """What was found; ladder, long_run, floors and style are None where they were not asked for."""

    terms: Terms
    undisturbed: Evaluation
    pushed: Evaluation
    ladder: Ladder | None
    long_run: Evaluation | None
    floors: dict[str, Evaluation] | None
    style: dict[str, float] | None
    lines: dict[str, Line]
    departures: list[str]

    @property
    def passed(self) -> bool:
        """Whether every line of the gate was met."""
        return all(line.passed for line in self.lines.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON. style_reward and discriminator_accuracy are None without AMP."""
        style: dict[str, Any] = {"style_reward": None, "discriminator_accuracy": None} | (self.style or {})
        survival = self.pushed.survived / self.pushed.trials
        return {
            "undisturbed": self.undisturbed.as_dict() | style,
            "pushed": self.pushed.as_dict() | {"push_survival": survival},
            "ladder": self.ladder.as_dict() if self.ladder else None,
            "long_run": self.long_run.as_dict() if self.long_run else None,
            "floors": {n: x.as_dict() for n, x in self.floors.items()} if self.floors else None,
            "gate": {name: line.as_dict() for name, line in self.lines.items()},
            "gate_terms": not self.departures,
            "command": list(self.terms.command),
            "command_m_s": self.terms.command[0],
            "push_n": self.terms.push_n,
        }

    def table(self) -> str:
        """For people."""
        rows = [evaluation_text("undisturbed", self.undisturbed)]
        rows += [evaluation_text(f"pushed {self.terms.push_n:g} N", self.pushed)]
        rows += [evaluation_text(f"{name} floor", x) for name, x in (self.floors or {}).items()]
        if self.long_run:
            rows.append(evaluation_text("long run", self.long_run))
        if self.ladder:
            rows.append(self.ladder.table())
        rows.append(gate_table(self.lines))
        if self.departures:
            rows.append(f"not the gate's own terms: {'; '.join(self.departures)}")
        return "\n".join(rows)


def work(config: TrainConfig, terms: Terms) -> int:
    """Control steps of all robots that `assess` asks the policy for, where none falls."""
    plain = terms.trials * terms.steps
    lasting = long_run_steps(config.env.ctrl_dt) if terms.long_run else 0
    ladder = ladder_steps(config.env.ctrl_dt) if terms.ladder else 0
    return 2 * plain + lasting + ladder + (len(FLOORS) * terms.trials * FLOOR_STEPS if terms.floors else 0)


def assess(config: TrainConfig, policy: Policy, terms: Terms, judge: StyleJudge | None = None) -> Report:
    """Run all that `terms` ask for."""
    t = terms

    def env(push_n: float) -> Any:
        return evaluation_env(config, t.trials, t.steps, push_n, t.command, floor=t.floor)

    calm = evaluate(env(0.0), policy, t.seed, slope_rad=slope_of(t.floor), on_pair=judge)
    pushed = evaluate(env(t.push_n), policy, t.seed, slope_rad=slope_of(t.floor))
    style = judge.figures() if judge else None
    lasting = long_run(config, policy, t.command, seed=t.seed) if t.long_run else None
    return Report(
        terms=t,
        undisturbed=calm,
        pushed=pushed,
        ladder=push_ladder(config, policy, t.command, seed=t.seed) if t.ladder else None,
        long_run=lasting,
        floors={f: on_floor(config, policy, t.command, f, t.trials, t.seed) for f in FLOORS} if t.floors else None,
        style=style,
        lines=gate(config.task, calm, pushed, lasting, style),
        departures=departures(config.task, t.command, t.push_n, t.steps, t.floor),
    )


def policy_origin(config: TrainConfig, checkpoint_id: str) -> dict[str, str]:
    """What tells one policy from another in a report: its checkpoint's task and step, and its config's hash."""
    return {"checkpoint_id": checkpoint_id, "training_config_hash": config_hash(config)}


def evaluation_text(name: str, r: Evaluation) -> str:
    """The figures that people look at first, in three lines."""
    low, high = r.survived_interval
    return (
        f"{name:14s} reward_per_step {r.reward_per_step:.4f}  success_rate {r.success_rate:.3f}  survived "
        f"{r.survived}/{r.trials} ({low:.0%} to {high:.0%})  length {r.episode_length_mean:.1f} of {r.steps}\n"
        f"{'':14s} velocity {r.forward_velocity_m_s:.3f} m/s, error {r.velocity_error_m_s:.3f}  drift "
        f"{r.lateral_drift_m:.2f} m, {r.heading_drift_deg:.1f} deg  torque mean {r.mean_abs_torque_nm:.2f} "
        f"p99 {r.p99_abs_torque_nm:.2f} Nm\n"
        f"{'':14s} action rate {r.action_rate:.3f}, smoothness {r.action_smoothness:.3f}  "
        f"gait symmetry {r.gait_symmetry:.3f}"
    )
