"""`trainer reach-test`."""

from __future__ import annotations

from .twin_test import twin_test

command = twin_test(
    "reach",
    """Squat, stride, one-leg stand and the reference gait inside the joint ranges, with the weight over the soles.

    Names the joint that stops it and how far it would have to go.

    \b
    Example:
      trainer reach-test --json

    Exit codes: 0 passed or warned, 1 failed, 2 refused.
    """,
)
