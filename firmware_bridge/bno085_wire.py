"""The wires of a BNO085: SPI through spidev, INT, RST and WAKE through RPi.GPIO. Emulators with the same faces fit in.

Mode 3, up to 3 MHz, chip select by the kernel (GPIO8 = CE0). INT is polled as a level: edge detection of RPi.GPIO is
broken on kernel 6.6. PS1 is strapped high and PS0 is the WAKE pin: it must be high while RST rises, or the chip comes
up with I2C or UART in place of SPI.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import sh2
from .bno085_failure import Bno085Error, StartFailure, start_failure
from .gpio import failures, import_gpio, refusals
from .mounting import Mounting

MAX_SPEED_HZ = 3_000_000
SPI_MODE = 3
RESET_LOW_S = 0.002


@dataclass(frozen=True)
class Bno085Config:
    """Pins are BCM numbers. rate_hz: 100 to 200, of gyro and attitude each; rotation: report id of the attitude, the
    game rotation vector (gravity and gyro, heading drifts) or the rotation vector (with magnetometer).
    """

    spi_bus: int = 0
    spi_device: int = 0
    int_pin: int = 17
    reset_pin: int = 27
    wake_pin: int = 25
    speed_hz: int = MAX_SPEED_HZ
    rate_hz: float = 200.0
    rotation: int = sh2.GAME_ROTATION_VECTOR
    mounting: Mounting = field(default_factory=Mounting)

    def __post_init__(self) -> None:
        """Raises Bno085Error (BAD_CONFIG)."""
        if not 100 <= self.rate_hz <= 200:
            raise _bad(f"rate_hz {self.rate_hz}: expected 100 to 200")
        if not 0 < self.speed_hz <= MAX_SPEED_HZ:
            raise _bad(f"speed_hz {self.speed_hz}: expected at most {MAX_SPEED_HZ}, which is all the chip takes")
        if self.rotation not in (sh2.GAME_ROTATION_VECTOR, sh2.ROTATION_VECTOR):
            raise _bad(f"rotation {self.rotation}: expected 8 (game rotation vector) or 5 (rotation vector)")
        if len({self.int_pin, self.reset_pin, self.wake_pin}) != 3:
            raise _bad("pins: INT, RST and WAKE must be three different GPIOs")

    @property
    def interval_us(self) -> int:
        """Time between two reports of a kind."""
        return round(1e6 / self.rate_hz)


class Spi(Protocol):
    """What is used of `spidev.SpiDev`."""

    mode: int
    max_speed_hz: int

    def open(self, bus: int, device: int) -> None: ...
    def xfer2(self, values: Sequence[int]) -> Sequence[int]: ...
    def close(self) -> None: ...


class Bno085Wire:
    """Opens and holds the bus and the three pins.

    Args:
        spi: a `spidev.SpiDev`, not yet open, or an emulated one.
        gpio: the module `RPi.GPIO`, or an emulated one.

    Raises:
        Bno085Error: SPI or pins cannot be opened.
    """

    def __init__(self, spi: Spi, gpio: Any, config: Bno085Config) -> None:
        self._spi, self._gpio, self._config = spi, gpio, config
        self.failures = failures(gpio)
        """What the methods raise where bus or pins fail."""
        device = f"/dev/spidev{config.spi_bus}.{config.spi_device}"
        try:
            spi.open(config.spi_bus, config.spi_device)
            spi.mode, spi.max_speed_hz = SPI_MODE, config.speed_hz
        except OSError as problem:
            raise start_failure(
                StartFailure.SPI_NOT_OPENED, device=device, problem=problem.strerror or problem
            ) from None
        try:
            gpio.setmode(gpio.BCM)
            gpio.setup(config.int_pin, gpio.IN, pull_up_down=gpio.PUD_UP)
            gpio.setup(config.reset_pin, gpio.OUT, initial=gpio.HIGH)
            gpio.setup(config.wake_pin, gpio.OUT, initial=gpio.HIGH)
        except refusals(gpio) as problem:
            spi.close()
            pins = f"{config.int_pin}, {config.reset_pin} and {config.wake_pin}"
            raise start_failure(StartFailure.PINS_NOT_OPENED, pins=pins, problem=problem) from None

    def interrupted(self) -> bool:
        """Whether the chip wants to be read: INT is low."""
        return bool(self._gpio.input(self._config.int_pin) == self._gpio.LOW)

    def exchange(self, out: bytes, size: int) -> bytes:
        """One transaction of at least `size` bytes, both ways at once; `out` first, then zeros. Raises OSError."""
        return bytes(self._spi.xfer2(list(out.ljust(size, b"\0"))))

    def wake(self, on: bool) -> None:
        """Ask the chip to listen (it answers with INT), or stop asking."""
        self._gpio.output(self._config.wake_pin, self._gpio.LOW if on else self._gpio.HIGH)

    def reset(self, sleep: Callable[[float], None]) -> None:
        """Restart the chip by its RST pin, with PS0 high so that it comes up with SPI."""
        self.wake(False)
        self._gpio.output(self._config.reset_pin, self._gpio.LOW)
        sleep(RESET_LOW_S)
        self._gpio.output(self._config.reset_pin, self._gpio.HIGH)

    def close(self) -> None:
        """Let go of bus and pins, as far as they let themselves be told."""
        with suppress(*self.failures):
            self._spi.close()
        for pin in (self._config.int_pin, self._config.reset_pin, self._config.wake_pin):
            with suppress(*self.failures):
                self._gpio.cleanup(pin)


def open_wire(config: Bno085Config) -> Bno085Wire:
    """The real wires. Raises Bno085Error; spidev is imported here and nowhere else."""
    try:
        spidev: Any = importlib.import_module("spidev")
        gpio = import_gpio()
    except (ImportError, RuntimeError, OSError) as problem:
        raise start_failure(StartFailure.LIBRARY_MISSING, problem=problem) from None
    return Bno085Wire(spidev.SpiDev(), gpio, config)


def _bad(what: str) -> Bno085Error:
    return start_failure(StartFailure.BAD_CONFIG, what=what)
