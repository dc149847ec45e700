"""Entry point of the console script `robotctl`: a bare `robotctl limp` goes ahead before anything slow is imported."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

LIMP_PRIORITY = 50
"""Of SCHED_FIFO: nothing that keeps the processors busy delays it."""


def main() -> None:
    """Run one verb and exit with its code."""
    if sys.argv[1:] == ["limp"]:
        with suppress(OSError):  # without the right to it, it takes its turn
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(LIMP_PRIORITY))
        from robotd.ctl.limp_now import left_by_a_dead_daemon

        code = left_by_a_dead_daemon()
        if code is not None:
            sys.exit(code)
    from robotd.ctl.cli import main as all_verbs

    all_verbs()


if __name__ == "__main__":
    main()
