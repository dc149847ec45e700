"""Progress of what takes its time: a line with the time left on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

import numpy as np

_BAR_WIDTH = 24
_TERMINAL_PAUSE_S, _PLAIN_PAUSE_S = 0.1, 10.0


class Progress:
    """Counts up to `total` pieces of work, on stderr unless told. What ends early may end below the total."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label, self._total = label, max(total, 1)
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._shown = time.monotonic()
        self._first: tuple[int, float] | None = None  # the first piece compiles, and says nothing about the others
        self._done = 0
        self._open = False

    def add(self, count: int = 1) -> None:
        """So much more is done."""
        self.reach(self._done + count)

    def reach(self, done: int) -> None:
        """So much is done in all."""
        now = time.monotonic()
        self._first = self._first or (done, now)
        self._done = done
        if now - self._shown >= (_TERMINAL_PAUSE_S if self._terminal else _PLAIN_PAUSE_S):
            self._shown = now
            self._show(now)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def counted(self, policy: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """A policy (B, O) -> (B, J) that counts a piece for each robot that it is asked for."""

        def ask(obs: np.ndarray) -> np.ndarray:
            action = policy(obs)
            self.add(len(obs))
            return action

        return ask

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._open:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._open = False

    def _show(self, now: float) -> None:
        share, left = min(self._done / self._total, 1.0), self._left(now)
        if self._terminal:
            full = int(_BAR_WIDTH * share)
            bar = "#" * full + "." * (_BAR_WIDTH - full)
            self._stream.write(f"\r\x1b[K{self._label} [{bar}] {share:4.0%}{left}")
        else:
            self._stream.write(f"{self._label}: {share:.0%}{left}\n")
        self._stream.flush()
        self._open = self._terminal

    def _left(self, now: float) -> str:
        """The time that the rest will take at the pace so far; nothing before there is a pace."""
        begun, since = self._first or (0, now)
        if self._done <= begun:
            return ""
        left = int((now - since) / (self._done - begun) * max(self._total - self._done, 0))
        return f", {left // 60}:{left % 60:02d} left"
