"""Pins with the interface of the module RPi.GPIO (which rpi-lgpio shares), and emulated devices at their other end."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable


class EmulatedGpio:
    """Stands where `import RPi.GPIO as GPIO` would; refuses what the real one refuses, with the same exceptions."""

    BCM, BOARD = 11, 10
    OUT, IN = 0, 1
    LOW, HIGH = 0, 1
    PUD_OFF, PUD_DOWN, PUD_UP = 20, 21, 22

    def __init__(self) -> None:
        self.refused: set[int] = set()
        """Pins that the kernel does not let be read or set, until they are taken out of here."""
        self._mode: int | None = None
        self._direction: dict[int, int] = {}
        self._pull: dict[int, int] = {}
        self._level: dict[int, int] = {}
        self._sources: dict[int, Callable[[], int | None]] = {}
        self._listeners: dict[int, Callable[[int], None]] = {}

    # The device's end of the wire

    def drive(self, pin: int, source: Callable[[], int | None]) -> None:
        """`source` gives the level at an input each time it is read; None leaves the pin to its pull-up or -down."""
        self._sources[pin] = source

    def listen(self, pin: int, listener: Callable[[int], None]) -> None:
        """`listener` hears the level each time an output is set."""
        self._listeners[pin] = listener

    # The host's end: RPi.GPIO

    def setmode(self, mode: int) -> None:
        """How pins are numbered; only BCM has devices here."""
        if mode not in (self.BCM, self.BOARD):
            raise ValueError("An invalid mode was passed to setmode()")
        if self._mode not in (None, mode):
            raise ValueError("A different mode has already been set!")
        self._mode = mode

    def getmode(self) -> int | None:
        """How pins are numbered."""
        return self._mode

    def setup(
        self, channel: int | Iterable[int], direction: int, pull_up_down: int = PUD_OFF, initial: int | None = None
    ) -> None:
        """Make pins inputs or outputs."""
        if self._mode is None:
            raise RuntimeError("Please set pin numbering mode using GPIO.setmode(GPIO.BOARD) or GPIO.setmode(GPIO.BCM)")
        if direction not in (self.IN, self.OUT):
            raise ValueError("An invalid direction was passed to setup()")
        for pin in _pins(channel):
            if not 0 <= pin <= 27:
                raise ValueError("The channel sent is invalid on a Raspberry Pi")
            self._direction[pin], self._pull[pin] = direction, pull_up_down
            if direction == self.OUT and initial is not None:
                self.output(pin, initial)

    def input(self, channel: int) -> int:
        """The level at a pin now."""
        if channel not in self._direction:
            raise RuntimeError("You must setup() the GPIO channel first")
        self._refuse(channel)
        if self._direction[channel] == self.OUT:
            return self._level.get(channel, self.LOW)
        level = self._sources[channel]() if channel in self._sources else None
        if level is None:
            return self.HIGH if self._pull[channel] == self.PUD_UP else self.LOW
        return level

    def output(self, channel: int, value: int) -> None:
        """Set an output's level."""
        if self._direction.get(channel) != self.OUT:
            raise RuntimeError("The GPIO channel has not been set up as an OUTPUT")
        self._refuse(channel)
        self._level[channel] = self.HIGH if value else self.LOW
        if channel in self._listeners:
            self._listeners[channel](self._level[channel])

    def cleanup(self, channel: int | Iterable[int] | None = None) -> None:
        """Pins become inputs that nobody has set up; without a channel all of them, and the numbering goes too."""
        if channel is None:
            self._mode = None
        for pin in tuple(self._direction) if channel is None else _pins(channel):
            self._direction.pop(pin, None)
            self._level.pop(pin, None)

    def _refuse(self, pin: int) -> None:
        if pin in self.refused:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


def _pins(channel: int | Iterable[int]) -> list[int]:
    return [channel] if isinstance(channel, int) else list(channel)
