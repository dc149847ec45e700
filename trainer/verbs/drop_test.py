"""`trainer drop-test`."""

from __future__ import annotations

from .twin_test import twin_test

command = twin_test(
    "drop",
    """Drop the robot from half a metre with its servos at home: it must come to stand where statics say.

    It fails if physics explodes, a sole is not flat on the floor, something jitters or the height is not that of
    kinematics.

    \b
    Example:
      trainer drop-test --model variant.xml --robot-config variant.yaml

    Exit codes: 0 passed or warned, 1 failed, 2 refused.
    """,
)
