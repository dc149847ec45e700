"""Changes of mode in the daemon's log."""

from __future__ import annotations

import logging

from robotd.mode import Mode
from robotd.record import TickRecord

log = logging.getLogger("robotd")


class ModeLog:
    """A hook that logs each change of mode, with the faults that are there then."""

    def __init__(self) -> None:
        self._mode: Mode | None = None

    def __call__(self, record: TickRecord) -> None:
        """Look at one tick."""
        if record.mode is not self._mode:
            self._mode = record.mode
            log.info("mode %s%s", record.mode.value, f" ({', '.join(record.faults.names)})" if record.faults else "")
