"""sd_notify: what a manager's socket really gets, and that a tick that did not finish does not feed the watchdog."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bundle_builder import real_spec
from robot_builder import signals_of

from contract import Command
from robotd.mode import Mode
from robotd.notify import LifeSigns, Notifier
from robotd.record import TickRecord
from robotd.safety import Fault

PERIOD_S = 0.02


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The receiving end, and its name as systemd writes it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@wildrobot-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.setblocking(False)
        yield listening, name


def heard(listening: socket.socket) -> list[str]:
    """All lines so far."""
    lines = []
    while True:
        try:
            lines += listening.recv(4096).decode().split("\n")
        except BlockingIOError:
            return lines


def record_of(number: int = 0, mode: Mode = Mode.IDLE, skipped: int = 0) -> TickRecord:
    """A tick in which nothing happened."""
    command = Command(np.zeros(3, np.float32))
    nothing = (None, None, None, None, None, None)
    return TickRecord(number, mode, signals_of(real_spec()), command, *nothing, Fault.NONE, Fault.NONE, skipped)


def test_ready_comes_with_the_first_finished_tick_and_pings_with_the_others(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())})
    assert notifier.watchdog_s == 0.5
    signs = LifeSigns(notifier, PERIOD_S)
    assert heard(listening) == []
    signs(record_of(number=0))
    assert heard(listening) == ["STATUS=idle, torque off", "READY=1", "WATCHDOG=1"]
    pings = []
    for number in range(1, 101):
        signs(record_of(number=number))
        pings.append(heard(listening))
    said = [line for lines in pings for line in lines]
    assert set(said) == {"WATCHDOG=1"}
    gaps = [number for number, lines in enumerate(pings) if lines]
    longest = max(after - before for before, after in pairwise(gaps))
    assert longest * PERIOD_S <= 0.5 / 4, "a watchdog wants to be fed well within its patience"
    notifier.close()


def test_after_skipped_periods_the_next_tick_feeds_at_once(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    signs = LifeSigns(Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "500000"}), PERIOD_S)
    signs(record_of(number=0))
    heard(listening)
    signs(record_of(number=1, skipped=10))
    assert heard(listening) == ["WATCHDOG=1"]


def test_status_follows_the_mode_and_the_end_gets_patience_only_without_torque(
    manager: tuple[socket.socket, str],
) -> None:
    listening, name = manager
    signs = LifeSigns(Notifier({"NOTIFY_SOCKET": name}), PERIOD_S)
    signs(record_of(mode=Mode.STANDBY))
    heard(listening)
    signs.stopping()
    signs(record_of(mode=Mode.STOPPING))
    assert heard(listening) == ["STOPPING=1", "STATUS=stopping, torque on", "WATCHDOG=1"]
    signs(record_of(mode=Mode.FAULT))
    assert heard(listening) == ["STATUS=fault, torque off", "WATCHDOG=1", "WATCHDOG_USEC=5000000", "WATCHDOG=1"]


@pytest.mark.parametrize(
    "environment",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "no number"}],
)
def test_without_a_manager_nothing_is_said_and_nothing_breaks(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)
    assert notifier.watchdog_s is None
    assert not notifier.tell("READY=1")
    LifeSigns(notifier, PERIOD_S)(record_of())
    notifier.close()


def test_a_watchdog_that_was_set_for_another_process_is_not_ours() -> None:
    assert Notifier({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "0"}).watchdog_s is None


def test_a_manager_that_does_not_read_never_makes_a_tick_wait(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    said = [notifier.tell("WATCHDOG=1") for _ in range(2000)]
    assert said[0] and not said[-1]
    assert heard(listening)
