"""A gamepad as a hand: the kernel's input events (evdev, linux/input.h) become events of the mapping.

Read as the kernel writes them, 24 bytes each, so that a robot needs no compiled package for it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.teleop_mapping import Act, Axes, End, Event, Faster, Grip, Lost, Stick

HELP = """\
  left bumper (L1)    hold it, or the robot stands; it has to be pressed anew after a break
  left stick          forward and back, step left and right
  right stick         turn
  cross up, down      faster, slower
  B (circle)          stop: crouch, then torque off
  Select (Back)       torque off NOW: a standing robot falls
  Start               end: the robot stays as it is, at zero velocity"""

INPUT_EVENT = struct.Struct("llHHi")  # seconds, microseconds, type, code, value
ABS_INFO = struct.Struct("6i")  # value, least, most, fuzz, flat, resolution
EV_SYN, EV_KEY, EV_ABS = 0, 1, 3
SYN_DROPPED = 3
BTN_GAMEPAD, BTN_EAST, BTN_TL, BTN_SELECT, BTN_START = 0x130, 0x131, 0x136, 0x13A, 0x13B
ABS_X, ABS_Y, ABS_RX, ABS_HAT0Y = 0, 1, 3, 0x11
STICKS = (ABS_X, ABS_Y, ABS_RX)
DEAD_ZONE = 0.1
"""Share of a stick's way that counts as its middle."""

_ENDS = {BTN_EAST: Act.STOP, BTN_SELECT: Act.ESTOP, BTN_START: Act.QUIT}
_CLASS = Path("/sys/class/input")
_WORD_BITS = 8 * struct.calcsize("l")
Ask = Callable[[int, int, bytes], bytes]


class Range(NamedTuple):
    """Least and most value of an axis."""

    least: int
    most: int

    def share(self, value: int) -> float:
        """In [-1, 1]; 0 in the dead zone around the middle."""
        share = 2 * (value - self.least) / (self.most - self.least) - 1
        beyond = (min(abs(share), 1.0) - DEAD_ZONE) / (1 - DEAD_ZONE)
        return 0.0 if beyond <= 0 else beyond if share > 0 else -beyond


class Gamepad:
    """An open input device.

    Args:
        fd: where its events come from; reading must not block.
        ranges: of the axes in STICKS.
    """

    def __init__(self, fd: int, ranges: dict[int, Range]) -> None:
        self.fd = fd
        self._ranges = ranges
        self._shares = dict.fromkeys(STICKS, 0.0)
        self._begun = b""  # of an input event

    def read(self) -> list[Event]:
        """What has happened on it; Lost where it is gone."""
        try:
            data = os.read(self.fd, 64 * INPUT_EVENT.size)
        except BlockingIOError:
            return []
        except OSError as problem:
            return [Lost(f"the gamepad is gone: {problem.strerror}")]
        if not data:
            return [Lost("the gamepad is gone")]
        data = self._begun + data
        whole = len(data) - len(data) % INPUT_EVENT.size
        self._begun = data[whole:]
        events = [event for input_ in INPUT_EVENT.iter_unpack(data[:whole]) for event in self._events(*input_[2:])]
        return [*events, Axes(self._stick())] if whole else []

    def _events(self, kind: int, code: int, value: int) -> Iterator[Event]:
        if kind == EV_KEY and code == BTN_TL and value in (0, 1):
            yield Axes(self._stick())
            yield Grip(value == 1)
        elif kind == EV_KEY and code in _ENDS and value == 1:
            yield End(_ENDS[code])
        elif kind == EV_ABS and code in self._ranges:
            self._shares[code] = self._ranges[code].share(value)
        elif kind == EV_ABS and code == ABS_HAT0Y and value:
            yield Faster(-value)
        elif kind == EV_SYN and code == SYN_DROPPED:  # what happened meanwhile is not known
            self._shares = dict.fromkeys(STICKS, 0.0)
            yield Grip(False)

    def _stick(self) -> Stick:
        """Sticks count right and down as positive."""
        x, y, rx = (self._shares[axis] for axis in STICKS)
        return Stick(forward=-y, sideways=-x, turn=-rx)


def open_gamepad(path: Path, ask: Ask = fcntl.ioctl) -> Gamepad:
    """Open an event device and ask the kernel for the ranges of its axes.

    Raises:
        Refusal: it is no gamepad, or this user may not read it; Unreachable: it is not there.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise Refusal(f"{path}: permission denied; join the group input, or ask root") from None
    except OSError as problem:
        raise Unreachable(f"{path}: {problem.strerror}; plug the gamepad in, or see ls /dev/input/event*") from None
    try:
        if not stat.S_ISCHR(os.fstat(fd).st_mode):
            raise Refusal(f"{path}: found no device, expected a gamepad's /dev/input/event*")
        return Gamepad(fd, {axis: _range(fd, path, axis, ask) for axis in STICKS})
    except Refusal:
        os.close(fd)
        raise


def gamepads(folder: Path = _CLASS) -> list[tuple[Path, str]]:
    """Event device and name of each gamepad that the kernel knows of, in the order of their numbers."""
    found = []
    for device in sorted(folder.glob("event*"), key=lambda path: int(path.name.removeprefix("event"))):
        words = (device / "device/capabilities/key").read_text().split()
        bits = sum(int(word, 16) << place * _WORD_BITS for place, word in enumerate(reversed(words)))
        if bits >> BTN_GAMEPAD & 1:
            found.append((Path("/dev/input") / device.name, (device / "device/name").read_text().strip()))
    return found


def _range(fd: int, path: Path, axis: int, ask: Ask) -> Range:
    """EVIOCGABS: a read of 24 bytes from 'E', number 0x40 + axis."""
    request = 2 << 30 | ABS_INFO.size << 16 | ord("E") << 8 | 0x40 + axis
    try:
        _, least, most, *_ = ABS_INFO.unpack(ask(fd, request, bytes(ABS_INFO.size)))
    except OSError:
        raise Refusal(f"{path}: found no axis {axis}, expected a gamepad with two sticks; try another event*") from None
    if most <= least:
        raise Refusal(f"{path}: found axis {axis} from {least} to {most}, expected a stick; try another event*")
    return Range(least, most)
