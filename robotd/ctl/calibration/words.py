"""What people call the two ways in which a joint turns; the first is where its angle grows. As the MJCF has it."""

from __future__ import annotations

WAYS = {
    "hip_pitch": (("forward", "backward"), "the leg swings forward or backward"),
    "hip_roll": (("outward", "inward"), "the leg spreads outward or inward"),
    "knee_pitch": (("bends", "straightens"), "the knee bends or straightens"),
    "ankle_pitch": (("up", "down"), "the toes go up or down"),
    "foot_roll": (("up", "down"), "the outer edge of the foot goes up or down"),
    "waist_yaw": (("left", "right"), "the chest turns to the robot's left or right"),
}
UNNAMED = (("positive", "negative"), "the joint turns to where its angle grows (positive), or back (negative)")


def words_of(joint: str) -> tuple[str, str]:
    """The words for growing and for shrinking."""
    return _way(joint)[0]


def question_of(joint: str) -> str:
    """What to look at."""
    return _way(joint)[1]


def _way(joint: str) -> tuple[tuple[str, str], str]:
    return WAYS.get(joint.removeprefix("left_").removeprefix("right_"), UNNAMED)
