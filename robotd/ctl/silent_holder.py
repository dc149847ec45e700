"""Who holds the hardware and answers nothing is ended: he holds the ports too, so that nobody else turns torque off."""

from __future__ import annotations

import os
import re
import select
import signal
from contextlib import suppress
from pathlib import Path

from robotd.lock import HardwareHeldError, pid_of_holder

DEATH_S = 1.0
"""How long a killed process may take to let go of everything."""
LIMP = "robotctl limp"
_OURS = re.compile(r"^(\S*/)?robot(d|ctl)$|\brobotd\.(daemon|entry|ctl)\b|\bfrom robotd import daemon\b")


def end_silent_holder(held: HardwareHeldError) -> tuple[bool, str]:
    """SIGKILL for the robotd or bench verb that holds the hardware; whether it is gone, and what to say.

    Only for the process that really holds the lock and is ours by its command line, never for another limp.
    """
    said = f"{held.holder} holds the hardware ({held.path}) and answered no emergency stop"
    if held.holder.startswith(LIMP):
        return False, f"{said}; torque goes off beside it"
    with suppress(OSError):
        pid = pid_of_holder(held.path)
        if pid is None:
            return False, f"{said}; torque goes off beside it where its ports are free, else sudo robotctl limp ends it"
        descriptor = os.pidfd_open(pid)
        try:
            return _end(pid, descriptor, held.path, said)
        finally:
            os.close(descriptor)
    return False, f"{said}; torque goes off beside it"


def _end(pid: int, descriptor: int, path: Path, said: str) -> tuple[bool, str]:
    """The same, by a descriptor that never means another process. Raises OSError."""
    if pid == os.getpid() or not _is_ours(pid) or pid_of_holder(path) != pid:
        return False, f"{said}; it is no robotd, so torque goes off beside it"
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except PermissionError:
        return False, f"{said}, and you may not kill it: sudo robotctl limp, or sudo kill -9 {pid}"
    gone = bool(select.select([descriptor], [], [], DEATH_S)[0])
    return gone, f"{said}: killed (pid {pid}), torque goes off now"


def _is_ours(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return any(_OURS.search(word.decode(errors="replace")) for word in words)
