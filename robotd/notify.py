"""What robotd tells systemd: that it is ready, that its ticks still finish, that it stops: sd_notify datagrams."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence

from robotd.mode import Mode
from robotd.record import TickRecord
from robotd.torque_proof import Doubt, said_of_torque

LIMP_STOP_S = 5.0
"""The watchdog's patience once the robot is limp for good and only devices are still to be closed."""
PINGS_PER_TIMEOUT = 5


class Notifier:
    """Sends to the socket that systemd named in the environment; without one, says nothing.

    Nothing here waits or raises: a manager that does not listen must not stop a robot.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None
        self.watchdog_s = _watchdog_s(environment)
        """How often systemd wants to hear of a finished tick, s; None where it does not."""
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    def tell(self, *lines: str) -> bool:
        """Send assignments, as `READY=1`. Returns whether a manager took them."""
        if self._socket is None:
            return False
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """No more messages."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class LifeSigns:
    """A hook: the first finished tick makes the service ready, every further one feeds the watchdog.

    It is called by a tick that has been written to the bus, so that a hung loop, a hung bus and a hung process look
    the same to systemd: silent.

    Args:
        period_s: of the ticks.
        joints: names, J.
    """

    def __init__(self, notifier: Notifier, period_s: float, joints: Sequence[str] = ()) -> None:
        self._notifier, self._joints, self._doubt = notifier, joints, Doubt(period_s)
        self._every = max(1, int((notifier.watchdog_s or 0) / PINGS_PER_TIMEOUT / period_s))
        self._since = 0
        self._said: tuple[Mode, int, bool] | None = None  # mode, joints not proven, for long
        self._ready = self._stopping = False

    def stopping(self) -> None:
        """The end was asked for; the robot may still have to crouch. Safe from a signal handler of the event loop."""
        self._stopping = True
        self._notifier.tell("STOPPING=1")

    def __call__(self, record: TickRecord) -> None:
        self._since += 1 + record.skipped
        known = record.mode, record.health.torque_unproven, self._doubt.is_late(record)
        if known != self._said:
            self._said = known
            self._notifier.tell(f"STATUS={_status(record, self._joints, known[2])}")
        if not self._ready:
            self._ready = True
            self._notifier.tell("READY=1", "WATCHDOG=1")
        elif self._since >= self._every:
            self._since = 0
            self._notifier.tell("WATCHDOG=1")
        if self._stopping and not record.mode.powered:
            self._notifier.tell(f"WATCHDOG_USEC={LIMP_STOP_S * 1e6:.0f}", "WATCHDOG=1")


def _status(record: TickRecord, joints: Sequence[str], late: bool) -> str:
    faults = f" ({', '.join(record.faults.names)})" if record.faults else ""
    return f"{record.mode.value}{faults}, {said_of_torque(record, joints, late)}"


def _address(name: str) -> str:
    """A path, or a name in the abstract namespace, which systemd writes with an @."""
    return "\0" + name[1:] if name.startswith("@") else name


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """The timeout that was set for this very process, s."""
    pid, usec = environment.get("WATCHDOG_PID", ""), environment.get("WATCHDOG_USEC", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6
