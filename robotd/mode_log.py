"""Changes of mode in the daemon's log, and torque that was not proven to be off."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from robotd.mode import Mode
from robotd.record import TickRecord
from robotd.torque_proof import Doubt, not_proven, unproven_joints

log = logging.getLogger("robotd")


class ModeLog:
    """A hook that logs each change of mode, with the faults that are there then, and torque that stays in doubt.

    Args:
        period_s: of the ticks.
        joints: names, J.
    """

    def __init__(self, period_s: float = 0.02, joints: Sequence[str] = ()) -> None:
        self._mode: Mode | None = None
        self._doubt, self._joints, self._warned = Doubt(period_s), joints, False

    def __call__(self, record: TickRecord) -> None:
        """Look at one tick."""
        if record.mode is not self._mode:
            self._mode = record.mode
            log.info("mode %s%s", record.mode.value, f" ({', '.join(record.faults.names)})" if record.faults else "")
        late = self._doubt.is_late(record) and not record.mode.powered
        if late and not self._warned:
            log.critical(not_proven(unproven_joints(record, self._joints)))
        self._warned = late
