"""An adapter that vanishes while its port is being configured: the kernel's own error, and what comes of it."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import serial.serialposix
from servo_rig import bench_of

from firmware_bridge.serial_line import PortError, SerialLine
from firmware_bridge.servo_limp import limp_ports


class Loosening:
    """termios as pyserial sees it: when `call` is made on this port, its plug comes out first, or right afterwards."""

    def __init__(self, port: str, call: str, unplug: Callable[[], None], first: bool) -> None:
        self._port, self._call, self._unplug, self._first = port, call, unplug, first

    def __getattr__(self, name: str) -> Any:
        function = getattr(termios, name)
        if name != self._call:
            return function

        def called(fd: int, *values: Any) -> Any:
            mine = os.ttyname(fd) == self._port
            if mine and self._first:
                self._unplug()
            found = function(fd, *values)
            if mine and not self._first:
                self._unplug()
            return found

        return called


@pytest.fixture(params=[("tcgetattr", True), ("tcgetattr", False), ("tcflush", True)], ids=str)
def loose_port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    master, terminal = pty.openpty()
    port = os.ttyname(terminal)
    os.close(terminal)
    left = [master]

    def unplug() -> None:
        if left:
            os.close(left.pop())

    call, first = request.param
    monkeypatch.setattr(serial.serialposix, "termios", Loosening(port, call, unplug, first))
    yield port
    unplug()


def test_it_is_a_port_that_cannot_be_opened(loose_port: str) -> None:
    with pytest.raises(PortError, match=r"cannot be opened at 115200 baud|no such port"):
        SerialLine(loose_port, 115_200)


def test_the_other_buses_are_limped_all_the_same(loose_port: str) -> None:
    with bench_of(3, 4) as bench:
        servos = bench.wires["left"].servos
        with bench.lock:
            for servo in servos:
                servo._move(500, 0)
        reports = asyncio.run(limp_ports({"loose": (loose_port, (1, 2)), "left": (bench.ports["left"], (3, 4))}))
        assert reports["left"].verified and not reports["loose"].verified
        assert not any(servo.loaded for servo in servos)
