"""Driver of the BNO085: starts the chip, keeps its reports enabled, and hands over the newest sample.

`serve` is one pass: read what INT announces, send what waits, ask again for what was not confirmed. `start` calls it
until the first sample is there, then a thread of its own does: the SPI API blocks, and a chip whose INT is not served
within a report interval can freeze. A chip that restarts is told again what to send; one that says nothing for
`SILENCE_S` is restarted by its RST pin. The thread writes `_sample`, anybody reads it: the latest wins.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from . import sh2, shtp
from .bno085_failure import Bno085Error, StartFailure, start_failure
from .bno085_wire import Bno085Config, Bno085Wire, open_wire
from .imu_track import ImuHealth, ImuSample, ImuTrack
from .shtp import NoPacket, Packet

CHUNK_BYTES = 64
"""Clocked in every transaction: more than a batch of our reports (31). The advertisement (276) takes five."""
POLL_S = 0.001
ASK_AGAIN_S = 0.1
SILENCE_S = 0.5
"""Longer than the chip's start after a reset (about 0.1 s, and its messages)."""
_BURST = 8


@dataclass
class Bno085Counters:
    """Since start. packets_lost: skipped in sequence; rejected: transactions by reason; unknown: reports of unknown id
    by id; lost: reports missing in sequence; implausible: reports whose values cannot be; chip_resets: restarts of the
    chip that were not asked for; hard_resets: restarts by the RST pin.
    """

    packets: int = 0
    packets_lost: int = 0
    reports: int = 0
    samples: int = 0
    rejected: Counter[NoPacket] = field(default_factory=Counter)
    unknown: Counter[int] = field(default_factory=Counter)
    interrupted: int = 0
    lost: int = 0
    repeated: int = 0
    implausible: int = 0
    chip_resets: int = 0
    hard_resets: int = 0
    bus_errors: int = 0


class Bno085:
    """One chip on its wires.

    Args:
        wire: open wires; `Bno085.open` makes the real ones. Closed by `stop`.
        clock: monotonic time in s, the clock of all stamps.
        sleep: waits so many s of that clock.
    """

    def __init__(
        self,
        wire: Bno085Wire,
        config: Bno085Config | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = config or Bno085Config()
        self.product: sh2.ProductId | None = None
        self._wire, self._clock, self._sleep = wire, clock, sleep
        self._track = ImuTrack(self.config.mounting, self.config.rotation, self.config.interval_us / 1e6)
        self._wanted = (sh2.GYRO, self.config.rotation)
        self._assembler = shtp.Assembler()
        self._counts = Bno085Counters()
        self._out: deque[bytes] = deque()
        self._out_sequence = 0
        self._confirmed: dict[int, int] = {}  # report id: interval in us
        self._ready = self._booting = False
        self._ask_s = self._heard_s = -math.inf
        self._rejected_s = -math.inf
        self._transactions = 0
        self._problem: Exception | None = None  # of bus or pins, in the last pass
        self._halt = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def open(cls, config: Bno085Config) -> Bno085:
        """The driver on a Raspberry Pi's own SPI and pins. Raises Bno085Error."""
        return cls(open_wire(config), config)

    def start(self) -> sh2.ProductId:
        """Reset the chip, enable gyro and attitude, wait for the first sample, leave a thread at work. Blocks about
        0.3 s, at most 3 s: in an event loop, call it in a thread.

        Raises:
            Bno085Error: the chip does not come up; the wires are closed.
        """
        try:
            self.bring_up()
        except Bno085Error:
            self._wire.close()
            raise
        self._thread = threading.Thread(target=self._run, name="bno085", daemon=True)
        self._thread.start()
        assert self.product is not None
        return self.product

    def stop(self) -> None:
        """End the thread, let go of the wires. Once; the driver is dead afterwards."""
        self._halt.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._wire.close()

    def newest(self) -> ImuSample | None:
        """The newest sample; None before the first. Never blocks."""
        return self._track.sample

    def health(self) -> ImuHealth:
        """One word on the stream now."""
        return self._track.health(self._clock(), self._rejected_s)

    @property
    def counters(self) -> Bno085Counters:
        """What happened so far."""
        counts, track = self._counts, self._track
        counts.lost, counts.repeated, counts.implausible = track.lost, track.repeated, track.implausible
        counts.interrupted = self._assembler.interrupted
        return counts

    @property
    def intervals_us(self) -> dict[int, int]:
        """What the chip keeps, by report id, of what was asked for."""
        return dict(self._confirmed)

    def serve(self) -> None:
        """One pass, 1 to 8 transactions at most; call it at least once in a report interval. What fails of bus and pins
        is counted and tried again in the next pass; the sample ages meanwhile.
        """
        try:
            self._serve()
            self._problem = None
        except self._wire.failures as problem:
            self._counts.bus_errors += 1
            self._problem = problem

    def _run(self) -> None:
        while not self._halt.is_set():
            self.serve()
            self._sleep(POLL_S)

    def _serve(self) -> None:
        now_s = self._clock()
        if now_s - self._heard_s > SILENCE_S:
            self._reset(now_s)
        for _ in range(_BURST):
            now_s = self._clock()
            if not self._wire.interrupted():
                break
            self._exchange(now_s)
        self._keep_going(self._clock())

    def _exchange(self, now_s: float) -> None:
        out = b""
        if self._out:
            out = shtp.encode_packet(shtp.CONTROL, self._out_sequence, self._out.popleft())
            self._out_sequence = (self._out_sequence + 1) & 0xFF
        try:
            data = self._wire.exchange(out, CHUNK_BYTES)
        finally:
            self._wire.wake(False)
        self._transactions += 1
        result = self._assembler.accept(data)
        if isinstance(result, Packet):
            self._counts.packets += 1
            if result.channel != shtp.COMMAND:  # an advertisement begins a new count
                self._counts.packets_lost += result.lost
            self._heard_s = now_s
            self._take(result, now_s)
        elif result.is_error:
            self._counts.rejected[result] += 1
            self._rejected_s = now_s

    def _take(self, packet: Packet, now_s: float) -> None:
        if packet.channel == shtp.COMMAND and packet.cargo[:1] == b"\0":
            self._restarted()
        elif packet.channel == shtp.EXECUTABLE and packet.cargo[:1] == b"\1":
            self._restarted()
            self._ready, self._booting = True, False
        elif packet.channel == shtp.CONTROL:
            for message in sh2.decode_control(packet.cargo):
                if isinstance(message, sh2.ProductId):
                    self.product = self.product or message
                elif isinstance(message, sh2.Feature) and message.interval_us:
                    self._confirmed[message.report] = message.interval_us
        elif packet.channel in (shtp.INPUT, shtp.WAKE_INPUT):
            cargo = sh2.decode_input(packet.cargo)
            self._counts.unknown.update(cargo.unknown)
            self._counts.reports += len(cargo.reports)
            for report in cargo.reports:
                self._counts.samples += self._track.take(report, now_s)

    def _restarted(self) -> None:
        """The chip says that it has just started: nothing of what was asked for holds."""
        if self._booting:
            return
        self._counts.chip_resets += 1
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._assembler.forget()
        self._track.forget()
        self._confirmed.clear()
        self._out.clear()
        self._out_sequence = 0
        self._ready, self._booting = False, True
        self._ask_s = -math.inf

    def _keep_going(self, now_s: float) -> None:
        for kind in tuple(self._confirmed):
            heard_s = self._track.last_heard_s(kind)
            if heard_s is not None and now_s - heard_s > SILENCE_S / 2:
                del self._confirmed[kind]
        if self._ready and not self._out and now_s - self._ask_s >= ASK_AGAIN_S:
            if self.product is None:
                self._out.append(sh2.product_request())
            missing = [kind for kind in self._wanted if kind not in self._confirmed]
            self._out.extend(sh2.feature_request(kind, self.config.interval_us) for kind in missing)
            self._ask_s = now_s
        if self._out:
            self._wire.wake(True)

    def _reset(self, now_s: float) -> None:
        self._wire.reset(self._sleep)
        self._counts.hard_resets += 1
        self._begin_anew()
        self._heard_s = now_s

    def bring_up(self) -> None:
        """What `start` does before it leaves a thread at work: the caller goes on with `serve`. Raises Bno085Error."""
        rejected = self._counts.rejected
        if not self._wait(lambda: self._transactions > 0):
            raise self._failure(StartFailure.NO_INTERRUPT)
        if not self._wait(lambda: self._ready):
            if rejected[NoPacket.FLOATING]:
                raise self._failure(StartFailure.FLOATING_MISO)
            if not self._counts.packets and not rejected.total():
                raise self._failure(StartFailure.DEAD_MISO)
            raise self._failure(StartFailure.NO_BOOT)
        if not self._wait(lambda: self.product is not None):
            raise self._failure(StartFailure.NO_PRODUCT_ID)
        if not self._wait(lambda: all(kind in self._confirmed for kind in self._wanted)):
            raise self._failure(StartFailure.NO_FEATURE)
        if not self._wait(lambda: self._track.sample is not None):
            raise self._failure(StartFailure.NO_REPORTS)

    def _wait(self, done: Callable[[], bool]) -> bool:
        """Serve until `done` or for longer than the chip may be silent."""
        until_s = self._clock() + 0.6
        while not done():
            if self._clock() > until_s:
                return False
            self.serve()
            self._sleep(POLL_S)
        return True

    def _failure(self, failure: StartFailure) -> Bno085Error:
        if self._problem is not None:
            return start_failure(StartFailure.WIRES_FAIL, problem=self._problem, **vars(self.config))
        rejected = ", ".join(f"{count} {reason}" for reason, count in self._counts.rejected.items())
        missing = " and ".join(sh2.REPORT_NAMES[kind] for kind in self._wanted if kind not in self._confirmed)
        return start_failure(failure, rejected=rejected or "none came", missing=missing, **vars(self.config))
