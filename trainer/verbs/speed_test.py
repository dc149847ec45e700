"""`trainer speed-test`."""

from __future__ import annotations

from .twin_test import twin_test

command = twin_test(
    "speed",
    """Joint speeds of the reference gait against the servos' no-load speed: passes to 90 % of it, fails above it.

    \b
    Example:
      trainer speed-test --config trainer/configs/walking.yaml

    Exit codes: 0 passed or warned, 1 failed, 2 refused.
    """,
)
