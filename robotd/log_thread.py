"""What robotd says on stderr is written by a thread of its own: whoever does not read it delays no tick and no stop.

A terminal after Ctrl-S or a pipe whose reader stands still blocks the thread and nothing else; what finds no room
in the queue meanwhile is dropped and counted. The thread writes to the file descriptor and takes no lock of Python's
or of logging's, so that the process can end while it waits.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from queue import SimpleQueue

STDERR = 2
WAITING = 1000
"""The most texts that wait to be written."""
LAST_WORDS_S = 1.0
"""How long the end waits for what is still to be written."""


class LogThread:
    """The log and `sys.stderr` of this process, from `__init__` to `close`.

    Made before `realtime.prepare`, so that its thread keeps the ordinary priority.

    Args:
        descriptor: where it is written to; waiting: the most texts that wait.
    """

    def __init__(self, descriptor: int = STDERR, waiting: int = WAITING) -> None:
        self._descriptor, self._most = descriptor, waiting
        self._waiting: SimpleQueue[str | None] = SimpleQueue()  # put never waits, also not for who takes
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()
        self._handler = _Handler(self)
        self._handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[self._handler])
        self._before, sys.stderr = sys.stderr, _Stderr(self)

    def say(self, text: str) -> None:
        """Have it written, sooner or later. Never waits."""
        if self._waiting.qsize() < self._most:
            self._waiting.put(text)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Let what waits be written, at most LAST_WORDS_S."""
        sys.stderr = self._before
        logging.getLogger().removeHandler(self._handler)
        self._waiting.put(None)
        self._thread.join(LAST_WORDS_S)

    def _write_all(self) -> None:
        while (text := self._waiting.get()) is not None:
            self._write(text)
            if self._waiting.empty():
                self._admit_gap()
        self._admit_gap()

    def _admit_gap(self) -> None:
        """Say that something is missing."""
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._write(f"WARNING nobody read this log for a while: {dropped} messages are missing\n")

    def _write(self, text: str) -> None:
        data = text.encode(errors="backslashreplace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:  # whoever listened is gone
            self._dropped += 1


class _Handler(logging.Handler):
    """Formats where the log is called and leaves the writing to the thread."""

    def __init__(self, thread: LogThread) -> None:
        super().__init__()
        self._to = thread

    def emit(self, record: logging.LogRecord) -> None:
        self._to.say(self.format(record) + "\n")


class _Stderr(io.TextIOBase):
    """`sys.stderr` for whatever else writes there: warnings, tracebacks, refusals."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, thread: LogThread) -> None:
        super().__init__()
        self._to = thread

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # click finds out in this way that it is no binary stream
            raise TypeError(f"expected text, found {type(text).__name__}")
        self._to.say(text)
        return len(text)
