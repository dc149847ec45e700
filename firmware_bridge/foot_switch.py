"""Four foot switches on GPIO: levels polled, debounced 2 of 3, with age and a count of chatter.

Normally-open micro switches to ground with the Pi's pull-up: pressed = low. Levels are polled, since edge detection of
RPi.GPIO is broken on kernel 6.6. RPi.GPIO (Pi 4) and rpi-lgpio (Pi 5) have the same import name and face. Reading a
level takes microseconds, so `poll` may be called from an event loop.
A broken wire reads as a foot in the air: no driver can tell them apart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from .gpio import failures, import_gpio, refusals

PINS = {"left_toe": 5, "left_heel": 6, "right_toe": 13, "right_heel": 19}
"""BCM numbers, in the order of the contract's FOOT_SWITCHES."""
POLL_S = 0.004


class FootSwitchError(RuntimeError):
    """The switches cannot be opened: one sentence."""


class Debounce(NamedTuple):
    """Two of the last three samples decide.

    chatter: samples that came back to the decided level after they had left it.
    """

    samples: tuple[bool, bool, bool]
    pressed: bool
    chatter: int

    @classmethod
    def at(cls, level: bool) -> Debounce:
        """At rest at a level."""
        return cls((level, level, level), level, 0)

    def take(self, level: bool) -> Debounce:
        """After one more sample."""
        samples = (self.samples[1], self.samples[2], level)
        pressed = sum(samples) >= 2
        returned = level == self.pressed and self.samples[2] != self.pressed
        return Debounce(samples, pressed, self.chatter + returned)


class FootSwitchReading(NamedTuple):
    """pressed and chatter per switch, in the order of the pins; stamp_s: when last polled, monotonic."""

    pressed: tuple[bool, ...]
    chatter: tuple[int, ...]
    stamp_s: float

    def age_s(self, now_s: float) -> float:
        """How old the levels are at now_s."""
        return now_s - self.stamp_s


class FootSwitches:
    """The switches of one robot.

    Args:
        gpio: the module `RPi.GPIO`, or an emulated one.
        pins: BCM number by name, in the order in which readings are wanted.
        clock: monotonic time in s.

    Raises:
        FootSwitchError: a pin cannot be set up.
    """

    def __init__(self, gpio: Any, pins: Mapping[str, int] = PINS, clock: Callable[[], float] = time.monotonic) -> None:
        self._gpio, self._clock = gpio, clock
        self.failed = 0
        """Polls of `run` that pins or kernel did not answer."""
        self.names, self._pins = tuple(pins), tuple(pins.values())
        if len(set(self._pins)) != len(self._pins):
            raise FootSwitchError(
                f"foot switches: pins {list(self._pins)}, expected each GPIO once; correct the config"
            )
        try:
            gpio.setmode(gpio.BCM)
            for pin in self._pins:
                gpio.setup(pin, gpio.IN, pull_up_down=gpio.PUD_UP)
        except refusals(gpio) as problem:
            raise FootSwitchError(
                f"foot switches: GPIO {', '.join(map(str, self._pins))} cannot be set up ({problem}); put the user "
                "into the group gpio, and on a Pi 5 install the extra pi5 in place of pi4"
            ) from None
        self._states = [Debounce.at(level) for level in self.levels()]
        self._stamp_s = clock()

    @classmethod
    def open(cls, pins: Mapping[str, int] = PINS) -> FootSwitches:
        """On the Raspberry Pi's own pins. Raises FootSwitchError."""
        try:
            gpio = import_gpio()
        except (ImportError, RuntimeError, OSError) as problem:
            raise FootSwitchError(
                f"foot switches: {problem}; on a Raspberry Pi 4 `pip install 'wildrobot[pi4]'`, on a Pi 5 "
                "`pip install 'wildrobot[pi5]'`"
            ) from None
        return cls(gpio, pins)

    def poll(self) -> FootSwitchReading:
        """Sample all levels once. A change is believed at its second sample."""
        self._states = [state.take(level) for state, level in zip(self._states, self.levels(), strict=True)]
        self._stamp_s = self._clock()
        return self.newest()

    def newest(self) -> FootSwitchReading:
        """What the last poll found."""
        return FootSwitchReading(
            tuple(state.pressed for state in self._states),
            tuple(state.chatter for state in self._states),
            self._stamp_s,
        )

    async def run(self, period_s: float = POLL_S) -> None:
        """Poll for ever, as a task of an event loop; cancel it to end. Levels that cannot be read grow old."""
        while True:
            try:
                self.poll()
            except failures(self._gpio):
                self.failed += 1
            await asyncio.sleep(period_s)

    def close(self) -> None:
        """Let go of the pins, as far as they let themselves be told."""
        for pin in self._pins:
            with suppress(*failures(self._gpio)):
                self._gpio.cleanup(pin)

    @property
    def pins(self) -> tuple[int, ...]:
        """BCM numbers in the order of the readings."""
        return self._pins

    def levels(self) -> Sequence[bool]:
        """Whether each pin is low at this moment, bouncing or not."""
        return [bool(self._gpio.input(pin) == self._gpio.LOW) for pin in self._pins]
