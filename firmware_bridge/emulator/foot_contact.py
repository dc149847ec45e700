"""Emulated foot switches on emulated pins: contacts to ground that bounce when they close, and break on demand."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from .fault import DELAY_S, SLOW_FACTOR, DelayLine, FaultKind, Intermittence
from .gpio import EmulatedGpio

PINS = (5, 6, 13, 19)
BOUNCE_S = 0.003
"""After a change the contact is open or closed by chance for this long."""
SETTLE_S = 0.005
"""Until a change is through: the time that `slow` makes ten times as long."""


class FootContacts:
    """The switches of both feet.

    Args:
        pressed: which soles touch now, in the order of the pins; called at each reading of a level.
        clock: monotonic time in s.
    """

    def __init__(
        self,
        gpio: EmulatedGpio,
        pressed: Callable[[], Sequence[bool]],
        *,
        pins: Sequence[int] = PINS,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        self._contacts = [_Contact(seed + n) for n in range(len(pins))]
        for n, pin in enumerate(pins):
            gpio.drive(pin, lambda n=n: self._contacts[n].level(bool(pressed()[n]), clock()))  # type: ignore[misc]

    def inject(self, kind: FaultKind, switch: int | None = None) -> None:
        """Misbehave from now on: one switch by index, or all."""
        for n, contact in enumerate(self._contacts):
            if switch in (None, n):
                contact.fault = kind


class _Contact:
    def __init__(self, seed: int) -> None:
        self.fault = FaultKind.OK
        self._random, self._losses = random.Random(seed), Intermittence(seed)
        self._past: DelayLine[bool] = DelayLine(DELAY_S)
        self._touch = self._shown = False
        self._changed_s = float("-inf")

    def level(self, touch: bool, now_s: float) -> int | None:
        """0 where the contact pulls to ground, None where the pull-up is left alone."""
        delayed = self._past.put(now_s, touch)
        closed = self._shown
        if self.fault is FaultKind.OFF:
            return None
        if self.fault is FaultKind.GARBAGE:
            closed = self._random.random() < 0.5
        elif self.fault is not FaultKind.STUCK:
            closed = self._settle(delayed if self.fault is FaultKind.DELAYED else touch, now_s)
        if self.fault is FaultKind.WRONG:
            closed = not closed
        if self.fault is FaultKind.INTERMITTENT and self._losses.loses():
            closed = False
        return 0 if closed else None

    def _settle(self, touch: bool, now_s: float) -> bool:
        if touch != self._touch:
            self._touch, self._changed_s = touch, now_s
        since_s = now_s - self._changed_s
        if since_s < BOUNCE_S:
            return self._random.random() < 0.5
        if since_s >= SETTLE_S * (SLOW_FACTOR if self.fault is FaultKind.SLOW else 1):
            self._shown = touch
        return self._shown
