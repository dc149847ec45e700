"""An emulated BNO085: an object with the interface of `spidev.SpiDev`, and pins INT, RST and WAKE on emulated GPIO.

It speaks SHTP as the chip does: after a reset it announces itself (advertisement, initialised, reset complete), answers
product id and feature requests, and sends reports with a time base. INT falls when something waits and rises when it
is read. There is no thread: state advances whenever the host looks at a pin or clocks the bus, so any clock will do.
"""

from __future__ import annotations

import errno
import math
import random
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from .bno085_boot import ADVERTISEMENT, INITIALIZED, PRODUCT_IDS, RESET_COMPLETE
from .bno085_sensor import REST, Bno085Sensor, Motion
from .fault import SLOW_FACTOR, FaultKind, Intermittence
from .gpio import EmulatedGpio

BOOT_S = 0.1
REPLY_S = 0.002
WAKE_S = 0.0002
INT_HIGH_S = 0.0001
MAX_SPEED_HZ = 3_000_000
QUEUE = 32
"""Cargos that wait for the host; more push the oldest out."""


class Bno085Chip:
    """One chip, powered from the start, waiting for its reset.

    Attributes for tests:
        int_connected, miso_connected: wires that can be cut.
        leading_zeros: the first packet after a reset comes behind two zero bytes.
        freezes_unserved: hang until the next reset if INT is not served within one report interval.
        extra_cargo: bytes of unknown reports put before the reports of every cargo.
        received: cargos of the host, in order, as (channel, cargo).

    Args:
        motion: how the body moves now, see `Bno085Sensor`.
        clock: monotonic time in s.
    """

    def __init__(
        self,
        gpio: EmulatedGpio,
        motion: Callable[[], Motion] = lambda: REST,
        *,
        clock: Callable[[], float] = time.monotonic,
        mounting_wxyz: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0),
        int_pin: int = 17,
        reset_pin: int = 27,
        wake_pin: int = 25,
        seed: int = 0,
    ) -> None:
        self.mode, self.max_speed_hz, self.bits_per_word = 0, 500_000, 8
        self.int_connected = self.miso_connected = True
        self.leading_zeros = self.freezes_unserved = False
        self.extra_cargo = b""
        self.received: deque[tuple[int, bytes]] = deque(maxlen=1000)
        self.sensor = Bno085Sensor(motion, mounting_wxyz, seed=seed)
        self._clock, self._lock = clock, threading.RLock()
        self._random, self._losses = random.Random(seed), Intermittence(seed + 1)
        self._open, self._reset_held, self._reset_cause = False, False, 1
        self._power_up(math.inf)
        self._wake_s = math.inf
        gpio.drive(int_pin, self._int_level)
        gpio.listen(reset_pin, self._on_reset)
        gpio.listen(wake_pin, self._on_wake)

    # Faults

    @property
    def fault(self) -> FaultKind:
        """How the chip misbehaves."""
        return self.sensor.fault

    def inject(self, kind: FaultKind) -> None:
        """Misbehave from now on; OK after OFF is a power-up."""
        with self._lock:
            before, self.sensor.fault = self.sensor.fault, kind
            if before is FaultKind.OFF and kind is not FaultKind.OFF:
                self._reset_cause = 1
                self._power_up(self._clock())

    def restart(self) -> None:
        """A reset that nobody asked for: a brown-out, or the chip's own watchdog."""
        with self._lock:
            self._reset_cause = 3
            self._power_up(self._clock())

    # spidev.SpiDev

    def open(self, bus: int, device: int) -> None:
        """Open /dev/spidev{bus}.{device}; the chip is on 0.0."""
        if (bus, device) != (0, 0):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        self._open = True

    def close(self) -> None:
        """Close the device."""
        self._open = False

    def xfer2(self, values: Sequence[int]) -> list[int]:
        """One transaction, chip select low throughout: as many bytes in as out."""
        if not self._open:
            raise OSError(errno.EBADF, "Bad file descriptor")
        with self._lock:
            sent = bytes(values)
            answer = self._transact(sent)
            if self.fault is FaultKind.OFF or not self.miso_connected:
                return [0xFF] * len(sent)
            if self.fault is FaultKind.GARBAGE or self.mode != 3 or self.max_speed_hz > MAX_SPEED_HZ:
                return list(self._random.randbytes(len(sent)))
            return list(answer)

    def readbytes(self, count: int) -> list[int]:
        """A transaction that sends zeros."""
        return self.xfer2([0] * count)

    def writebytes(self, values: Sequence[int]) -> None:
        """A transaction whose answer is dropped."""
        self.xfer2(values)

    # Pins

    def _int_level(self) -> int | None:
        with self._lock:
            self._advance()
            if self.fault is FaultKind.OFF or not self.int_connected:
                return None
            now_s = self._clock()
            woken = self._awake and not self._hung and now_s >= self._wake_s
            return 0 if now_s >= self._int_high_until_s and (self._waiting(now_s) or woken) else 1

    def _on_reset(self, level: int) -> None:
        with self._lock:
            if level == 0:
                self._power_up(math.inf)
            elif self._reset_held:
                self._reset_cause = 4
                self._power_up(self._clock() if self._wake_s == math.inf else math.inf)  # PS0 low: not SPI
            self._reset_held = level == 0

    def _on_wake(self, level: int) -> None:
        with self._lock:
            self._wake_s = math.inf if level else self._clock() + WAKE_S

    # Inside the chip

    def _power_up(self, at_s: float) -> None:
        self.sensor.forget()
        self._boot_s = at_s + BOOT_S * self._pace
        self._queue: deque[tuple[float, int, bytes]] = deque(maxlen=QUEUE)  # ready at, channel, cargo
        self._rest: tuple[int, bytes] | None = None  # channel, cargo not yet clocked out
        self._sequence = [0] * 6
        self._int_high_until_s = -math.inf
        self._fresh_boot, self._awake, self._hung = True, False, False

    @property
    def _pace(self) -> int:
        return SLOW_FACTOR if self.fault is FaultKind.SLOW else 1

    def _advance(self) -> None:
        now_s = self._clock()
        if self.fault is FaultKind.OFF or self._hung:
            return
        if now_s >= self._boot_s:
            self._boot_s, self._awake = math.inf, True
            self._say(now_s, 0, ADVERTISEMENT)
            self._say(now_s, 2, INITIALIZED)
            self._say(now_s, 1, RESET_COMPLETE)
        if self.freezes_unserved and self._queue:
            waiting_s = now_s - self._queue[0][0]
            self._hung = self._queue[0][1] == 3 and waiting_s > self.sensor.shortest_interval_s
        for due_s, cargo in self.sensor.cargos(now_s):
            self._queue.append((due_s, 3, self.extra_cargo + cargo))

    def _waiting(self, now_s: float) -> bool:
        ready = self._rest is not None or bool(self._queue and self._queue[0][0] <= now_s)
        return ready and not self._hung

    def _transact(self, sent: bytes) -> bytes:
        listening = self._int_level() == 0
        now_s = self._clock()
        answer = b""
        if self._waiting(now_s):
            answer = self._answer(len(sent), now_s)
        self._int_high_until_s = now_s + INT_HIGH_S
        if listening and not self._hung:
            self._hear(sent, now_s)
        return answer.ljust(len(sent), b"\0")[: len(sent)]

    def _answer(self, size: int, now_s: float) -> bytes:
        """Header and cargo, as much as is clocked; the rest stays for the next transaction."""
        continued = self._rest is not None
        if self._rest is None:
            ready_s, channel, cargo = self._queue.popleft()
            if channel == 3:
                cargo = struct.pack("<Bi", 0xFB, round((now_s - ready_s) / 1e-4)) + cargo
        else:
            channel, cargo = self._rest
        zeros = b"\0\0" if self._fresh_boot and self.leading_zeros else b""
        self._fresh_boot = False
        header = struct.pack("<HBB", len(cargo) + 4 | (0x8000 if continued else 0), channel, self._sequence[channel])
        self._sequence[channel] = (self._sequence[channel] + 1) & 0xFF
        room = max(size - len(zeros) - 4, 0)
        self._rest = (channel, cargo[room:]) if len(cargo) > room else None
        return zeros + header + cargo[:room]

    def _hear(self, sent: bytes, now_s: float) -> None:
        if len(sent) < 4:
            return
        length, channel, _ = struct.unpack_from("<HBB", sent)
        if not 4 < length <= len(sent) or (self.fault is FaultKind.INTERMITTENT and self._losses.loses()):
            return
        cargo = sent[4:length]
        self.received.append((channel, cargo))
        if (channel, cargo) == (1, b"\1"):
            self._reset_cause = 5
            self._power_up(now_s)
        elif channel == 2 and cargo[0] == 0xF9:
            for part in PRODUCT_IDS:
                self._say(now_s, 2, struct.pack("<BB", 0xF8, self._reset_cause) + part)
        elif channel == 2 and cargo[0] == 0xFD and len(cargo) == 17:
            kept_us = self.sensor.enable(cargo[1], struct.unpack_from("<I", cargo, 5)[0], now_s)
            self._say(now_s, 2, bytes((0xFC,)) + cargo[1:5] + struct.pack("<I", kept_us) + cargo[9:])

    def _say(self, now_s: float, channel: int, cargo: bytes) -> None:
        if not (self.fault is FaultKind.INTERMITTENT and self._losses.loses()):
            self._queue.append((now_s + (REPLY_S * self._pace if channel == 2 else 0.0), channel, cargo))
