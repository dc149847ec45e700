"""`trainer torque-test`."""

from __future__ import annotations

from .twin_test import twin_test

command = twin_test(
    "torque",
    """Torques of standing, squatting, standing on one leg and the reference gait, by inverse dynamics.

    Passes up to 2.5 Nm, fails above 3.5 Nm, with a weaker servo than 4 Nm at the same shares of it; a warning names the
    joint, and which link or mass to change by how much.

    \b
    Example:
      trainer torque-test --json

    Exit codes: 0 passed or warned, 1 failed, 2 refused.
    """,
)
