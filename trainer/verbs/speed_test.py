"""`trainer speed-test`."""

from __future__ import annotations

from .twin_test import twin_test

command = twin_test(
    "speed",
    """Joint speeds of the reference gait against the servos' no-load speed: passes to 90 % of it, fails above it.

    Example: trainer speed-test --config trainer/configs/walking.yaml
    """,
)
