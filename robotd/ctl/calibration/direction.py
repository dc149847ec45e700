"""Step direction: to which side each joint turns as the units of its servo grow."""

from __future__ import annotations

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.swing import swing_back, swing_out
from robotd.ctl.calibration.words import question_of, words_of

AGAIN = "again"


def run(bench: Bench) -> None:
    """Turn each joint a little, ask to which side it went, turn it back."""
    for joint in bench.joints:
        if bench.draft.joint(joint).direction is None:
            direction = _look(bench, joint)
            bench.draft.keep_joint(joint, direction=direction)
            bench.say(f"{joint}: direction {direction:+d}")


def _look(bench: Bench, joint: str) -> int:
    servo, (grows, shrinks) = bench.servo(joint), words_of(joint)
    while True:
        start, now = swing_out(bench.robot, servo)
        said = bench.ask(
            f"direction.{joint}",
            f"{joint} has turned by a few degrees and stays there: {question_of(joint)}. To which side did it go?",
            grows,
            shrinks,
            AGAIN,
        )
        swing_back(bench.robot, servo, start)
        if said != AGAIN:
            return 1 if (said == grows) is (now > start) else -1
