"""What every backend can do. The loop knows this face and nothing else of a robot."""

from __future__ import annotations

from typing import Protocol

from contract import Signals
from contract.frames import Array


class HardwareError(RuntimeError):
    """A backend cannot be opened: one sentence with cause and cure."""


class Hardware(Protocol):
    """One robot, real or not; J joints in policy order. No method blocks for longer than a fraction of a tick.

    The loop calls `read` exactly once a tick, then at most one of `write` and `disable`. To power up it writes the
    pose first and enables afterwards, so that no joint ever moves to an old target. A new backend starts disabled.
    """

    def read(self) -> Signals:
        """The newest samples and how old they are. Ages count from the start where nothing was sampled yet.

        A driver that sees a frozen payload under a moving sequence number lets the age grow: frozen is stale.
        """
        ...

    def write(self, target_rad: Array) -> None:
        """New joint targets (J,) rad; the latest wins. Remembered, not obeyed, while disabled."""
        ...

    def enable(self) -> None:
        """Torque on at every joint."""
        ...

    def disable(self) -> None:
        """Torque off at every joint: limp. May be called at any time and again."""
        ...

    def close(self) -> None:
        """Limp, then let go of all devices. The object is dead afterwards."""
        ...
