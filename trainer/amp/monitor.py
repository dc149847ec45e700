"""Is the discriminator healthy? A pure look at the metrics of the last iterations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

WINDOW = 20
"""Iterations that are looked at together."""
ACCURACY_BAND = (0.55, 0.9)
SATURATED_ACCURACY, DEAD_REWARD = 0.95, 0.15
FULL_HANDICAP_SHARE = 0.95
WEAKEN = "lower amp.disc_learning_rate, raise amp.r1_gamma or amp.instance_noise, or set amp.target_accuracy"


def warning(recent: Sequence[Mapping[str, float]]) -> str | None:
    """One sentence with the cure, or None while all is well or fewer than WINDOW iterations are known.

    Args:
        recent: metrics of AmpStage.update, oldest first; the last WINDOW of them count.
    """
    if len(recent) < WINDOW:
        return None
    names = ("disc_accuracy", "amp_reward_mean", "disc_handicap")
    means = {name: sum(float(metrics[name]) for metrics in recent[-WINDOW:]) / WINDOW for name in names}
    found, reward, held_back = means["disc_accuracy"], means["amp_reward_mean"], means["disc_handicap"]
    over = f"over the last {WINDOW} iterations"
    low, high = ACCURACY_BAND
    for name, value in means.items():
        if not math.isfinite(value):
            return f"AMP: {name} is {value} {over}, expected a finite number; lower amp.disc_learning_rate"
    if found > SATURATED_ACCURACY and abs(reward) < DEAD_REWARD:
        return (
            f"AMP: the discriminator is saturated, accuracy {found:.2f} and style reward {reward:.3f} {over}: "
            f"the policy learns nothing from it; {WEAKEN}"
        )
    if found > high:
        return f"AMP: discriminator accuracy is {found:.2f} {over}, expected {low} to {high}; {WEAKEN}"
    if found < low:
        return (
            f"AMP: discriminator accuracy is {found:.2f} {over}, expected {low} to {high}: the agent moves like the "
            "expert or the discriminator is too weak; if it does not look alike, raise amp.disc_learning_rate or "
            "amp.disc_updates_per_iter, or lower amp.instance_noise"
        )
    if held_back > FULL_HANDICAP_SHARE:
        return (
            f"AMP: accuracy {found:.2f} is inside the band only because the discriminator is held back, handicap "
            f"{held_back:.2f} {over}; raise amp.amp_reward_weight, or take an expert that the robot can follow"
        )
    return None
