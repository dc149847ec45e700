"""Words for a person while a robot has torque, spoken by a thread of their own: a terminal that stands still, as after
Ctrl-S, delays no tick and no stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue

LAST_WORDS_S = 1.0
"""How long the end waits for what is still to be said."""


class Aside(AbstractContextManager["Aside"]):
    """Hands texts to `say`, in order. A thread that is made before `realtime.prepare` keeps the ordinary priority."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._texts: SimpleQueue[str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="aside", daemon=True)
        self._thread.start()

    def __call__(self, text: str) -> None:
        """Have it said, sooner or later. Never waits."""
        self._texts.put(text)

    def __exit__(self, *_: object) -> None:
        """Let what waits be said, at most LAST_WORDS_S."""
        self._texts.put(None)
        self._thread.join(LAST_WORDS_S)

    def _run(self) -> None:
        while (text := self._texts.get()) is not None:
            self._say(text)
