"""What a policy must show before it is worth a robot: the roadmap's criteria as named lines."""

from __future__ import annotations

from typing import Any, NamedTuple

from .tally import Evaluation

WALKING_COMMAND = (0.4, 0.0, 0.0)
STANDING_COMMAND = (0.0, 0.0, 0.0)
PUSH_N = 10.0
STEPS = 500


class Line(NamedTuple):
    """One criterion: what was measured, the target in words, and whether it was met."""

    value: float
    target: str
    passed: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"value": self.value, "target": self.target, "pass": self.passed}


def default_command(task: str) -> tuple[float, float, float]:
    """What a task is judged by: vx, vy m/s and yaw rate rad/s."""
    return WALKING_COMMAND if task == "walking" else STANDING_COMMAND


def gate(
    task: str,
    undisturbed: Evaluation,
    pushed: Evaluation,
    long_run: Evaluation | None = None,
    style: dict[str, float] | None = None,
) -> dict[str, Line]:
    """The criteria of a task.

    Args:
        pushed: under pushes of 0.2 s in random directions every 2-4 s.
        long_run: 120 s without pushes; None leaves its line out.
        style: style_reward and discriminator_accuracy of a policy trained with AMP; None leaves their lines out.
    """
    lines = {"push_survival": _at_least(pushed.survived / pushed.trials, 0.95)}
    if task != "walking":
        return lines
    lines = {
        "forward_velocity_m_s": _between(undisturbed.forward_velocity_m_s, 0.3, 0.8, " at command 0.4"),
        "mean_abs_torque_nm": _below(undisturbed.mean_abs_torque_nm, 2.5),
        "p99_abs_torque_nm": _below(undisturbed.p99_abs_torque_nm, 2.5),
        "success_rate": _at_least(undisturbed.success_rate, 0.95),
        **lines,
    }
    if long_run is not None:
        lines["long_run"] = _at_least(long_run.survived / long_run.trials, 1.0)
    if style is not None:
        worth = style["style_reward"]
        lines["style_reward"] = Line(worth, "> 0.7", worth > 0.7)
        lines["discriminator_accuracy"] = _between(style["discriminator_accuracy"], 0.55, 0.9)
    return lines


def departures(
    task: str, command: tuple[float, float, float], push_n: float, steps: int, floor: str | None
) -> list[str]:
    """In what a run differs from the gate's own terms, one phrase each; empty where its verdict is the gate's."""
    asked = default_command(task)
    found = {"command": (command, asked), "pushes in N": (push_n, PUSH_N), "steps": (steps, STEPS)}
    different = [f"{name} {is_!r} instead of {due!r}" for name, (is_, due) in found.items() if is_ != due]
    return different + ([] if floor is None else [f"the {floor} floor instead of the config's"])


def gate_table(lines: dict[str, Line]) -> str:
    """The lines for people."""
    return "\n".join(
        f"{'pass' if x.passed else 'MISS':6s}{name:24s}{x.value:8.3f}  {x.target}" for name, x in lines.items()
    )


def _below(value: float, bound: float) -> Line:
    return Line(value, f"< {bound:g}", value < bound)


def _at_least(value: float, bound: float) -> Line:
    return Line(value, f">= {bound:g}", value >= bound)


def _between(value: float, low: float, high: float, where: str = "") -> Line:
    return Line(value, f"{low:g} to {high:g}{where}", low <= value <= high)
