"""Progress while something takes its time: one line that renews itself on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_TERMINAL_PAUSE_S, _PLAIN_PAUSE_S = 0.1, 2.0


class Progress:
    """Shows the newest text on `stream`, seldom enough to cost nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._next_s = 0.0
        self._open = False

    def show(self, text: str) -> None:
        """Offer the newest text; it is dropped where the last one was shown a moment ago."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + (_TERMINAL_PAUSE_S if self._terminal else _PLAIN_PAUSE_S)
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
        self._open = self._terminal

    def say(self, text: str) -> None:
        """A line that stays."""
        self.end()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Clear the line that renews itself, if there is one."""
        if self._open:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._open = False


class Pace:
    """Words for how much of something is done: '3000 of 29868 ticks, 0:12 left'.

    Args:
        what: is counted, as `ticks`.
    """

    def __init__(self, total: int, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._what, self._clock = total, what, clock
        self._begun_s = clock()

    def text(self, done: int) -> str:
        """The time left is what the rest takes at the pace so far."""
        words = f"{done} of {self._total} {self._what}"
        if not 0 < done < self._total:
            return words
        left_s = (self._clock() - self._begun_s) / done * (self._total - done)
        minutes, seconds = divmod(round(left_s), 60)
        return f"{words}, {minutes}:{seconds:02d} left"
