"""What every backend can do. The loop knows this face and nothing else of a robot."""

from __future__ import annotations

from typing import Protocol

from contract import Signals
from contract.frames import Array
from robotd.health import Health


class HardwareError(RuntimeError):
    """A backend cannot be opened: one sentence with cause and cure."""


class UnreachableError(HardwareError):
    """Devices do not answer, or are not there: the same sentence, but nothing that was asked for is wrong."""


class Hardware(Protocol):
    """One robot, real or not; J joints in policy order. No method blocks for longer than a fraction of a tick.

    The loop calls `read` exactly once a tick, then `leave_out` where a bus died, then at most one of `write` and
    `disable`. To power up it writes the pose first and enables afterwards, so that no joint ever moves to an old
    target. A new backend starts disabled.
    Between opening and `close` there is one `start` and one `stop`, in the event loop that runs the ticks.
    """

    async def start(self) -> None:
        """Torque off, whoever left it on, and begin to sample; comes back once every servo has said that it is off and
        every sensor has answered. Takes its time.

        Raises:
            HardwareError: something does not answer; `stop` and `close` are still to be called.
        """
        ...

    async def stop(self) -> None:
        """Limp, verify it within a bounded time, stop to sample. Harmless where nothing was started."""
        ...

    def read(self) -> Signals:
        """The newest samples and how old they are. Ages count from the start where nothing was sampled yet.

        A driver that sees a frozen payload under a moving sequence number lets the age grow: frozen is stale.
        """
        ...

    def health(self) -> Health:
        """What servos and buses last said of themselves. Called once a tick, after `read`; never waits."""
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

    def leave_out(self, buses: int) -> None:
        """Keep what is written from these buses, bits in the order of `health`, until the next `disable`."""
        ...

    def close(self) -> None:
        """Let go of all devices, and limp before that what `stop` did not find limp. The object is dead afterwards."""
        ...
