"""A clock for a twin, whose time stands still while the machine is busy: missed deadlines are counted, not feared.

On a robot the world moves on while a tick is late, so robotd stops it after a few (OVERRUN). The twin's world moves
only with the ticks, and a demo runs on desktops and build machines that have other things to do.
"""

from __future__ import annotations

from robotd.clock import Clock, Deadline, Ticker


class PatientClock:
    """Another clock with its missed deadlines taken out. `take_missed` tells how many there were."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._missed = 0

    def now_s(self) -> float:
        """The other clock's time."""
        return self._clock.now_s()

    def ticker(self, period_s: float) -> PatientTicker:
        """The other clock's deadlines."""
        return PatientTicker(self._clock.ticker(period_s), self)

    def miss(self, periods: int) -> None:
        """Count missed deadlines."""
        self._missed += periods

    def take_missed(self) -> int:
        """Deadlines missed since the last call."""
        missed, self._missed = self._missed, 0
        return missed


class PatientTicker:
    """Hands on another ticker's deadlines and keeps the missed ones for its clock."""

    def __init__(self, ticker: Ticker, clock: PatientClock) -> None:
        self._ticker, self._clock = ticker, clock

    async def wait(self) -> Deadline:
        """The next deadline; none was missed."""
        deadline = await self._ticker.wait()
        self._clock.miss(deadline.skipped)
        return deadline._replace(skipped=0)

    def close(self) -> None:
        """Free the timer."""
        self._ticker.close()
