"""What a policy must show before it is worth a robot: the roadmap's criteria as named lines."""

from __future__ import annotations

from typing import NamedTuple

from .evaluate import Evaluation

WALKING_COMMAND = (0.4, 0.0, 0.0)
STANDING_COMMAND = (0.0, 0.0, 0.0)


class Line(NamedTuple):
    """One criterion: what was measured, the target in words, and whether it was met."""

    value: float
    target: str
    passed: bool


def gate(task: str, undisturbed: Evaluation, pushed: Evaluation) -> dict[str, Line]:
    """The criteria of a task; `pushed` is under pushes of 0.2 s in random directions every 2-4 s."""
    survival = pushed.survived / pushed.trials
    lines = {
        "success_rate": Line(undisturbed.success_rate, ">= 0.95", undisturbed.success_rate >= 0.95),
        "push_survival": Line(survival, ">= 0.95", survival >= 0.95),
        "mean_abs_torque_nm": _below(undisturbed.mean_abs_torque_nm, 2.5),
        "p99_abs_torque_nm": _below(undisturbed.p99_abs_torque_nm, 2.5),
    }
    if task == "walking":
        speed = undisturbed.forward_velocity_m_s
        lines["forward_velocity_m_s"] = Line(speed, "0.3 to 0.8 at command 0.4", 0.3 <= speed <= 0.8)
    return lines


def _below(value: float, bound: float) -> Line:
    return Line(value, f"< {bound:g}", value < bound)
