"""Ctrl-C where an event loop is run many times for a moment: between two runs at once, in one of them at its end.

asyncio's Runner takes and gives back the signal at each run; one that comes in the midst of that ends in a traceback.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType, TracebackType
from typing import Any, TypeVar

Result = TypeVar("Result")


class Interrupt:
    """From `install` to `remove`, in the main thread. A context manager around each run, which Ctrl-C cancels."""

    def __init__(self) -> None:
        self._before: Any = None
        self._running = self._pressed = False
        self._cancel: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None

    def install(self) -> None:
        """Take the signal."""
        self._before = signal.signal(signal.SIGINT, self._press)

    def remove(self) -> None:
        """Give it back."""
        signal.signal(signal.SIGINT, self._before)

    async def cancels(self, work: Coroutine[Any, Any, Result]) -> Result:
        """`work`, cancelled by Ctrl-C."""
        task = asyncio.current_task()
        assert task is not None
        self._cancel = asyncio.get_running_loop(), task
        try:
            return await work
        finally:
            self._cancel = None

    def __enter__(self) -> None:
        self._running = True

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        """Raises KeyboardInterrupt where Ctrl-C was pressed meanwhile."""
        self._running = False
        if self._pressed:
            self._pressed = False
            raise KeyboardInterrupt from None

    def _press(self, number: int, frame: FrameType | None) -> None:
        if not self._running:
            raise KeyboardInterrupt
        self._pressed = True
        if self._cancel is not None:
            loop, task = self._cancel
            loop.call_soon_threadsafe(task.cancel)
