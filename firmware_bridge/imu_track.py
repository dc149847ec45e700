"""From reports to attitude: the newest trustworthy sample of an IMU, its age, what is wrong with the stream. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from . import sh2
from .mounting import Mounting, Quat, Vector

NORM_TOLERANCE = 0.1
MAX_RATE_RAD_S = 36.0
"""Above what the chip can measure (2000 deg/s = 34.9 rad/s)."""
MAX_AGE_S = 1.0
"""A time base that claims more is believed to mean this much."""
TURNING_RAD_S = 0.2
"""At this rate an attitude cannot stay the same for `frozen_after_s`."""
_SMOOTHING = 1 / 16


class ImuHealth(StrEnum):
    """What a driver says of its IMU now; the first that applies."""

    STARTING = "starting"  # no sample yet
    GARBLED = "garbled"  # samples stopped, rubbish comes in their place
    SILENT = "silent"  # samples stopped
    FROZEN = "frozen"  # samples come in sequence, and their payload does not change
    LOSSY = "lossy"  # more than a tenth of the samples is lost
    SLOW = "slow"  # samples come at less than half the rate asked for
    OK = "ok"


class ImuSample(NamedTuple):
    """quat_wxyz world<-body, unit; gyro_rad_s body frame; stamp_s when it was measured (the older of the two), on the
    driver's monotonic clock. While the payload is frozen, stamp_s stays at its last change: frozen is stale.
    """

    quat_wxyz: Quat
    gyro_rad_s: Vector
    stamp_s: float

    def age_s(self, now_s: float) -> float:
        """How old the sample is at now_s."""
        return now_s - self.stamp_s


@dataclass
class Stream:
    """One kind of report as it comes in.

    fresh_s: when its payload last changed; stamp_s: when its newest report was measured; interval_s and loss: means
    over about 16 reports.
    """

    report: sh2.Report
    stamp_s: float
    fresh_s: float
    interval_s: float
    loss: float = 0.0
    count: int = 1

    def advance(self, report: sh2.Report, stamp_s: float) -> int:
        """Take the next report; how many were lost before it. The same sequence number again is the caller's matter."""
        lost = (report.sequence - self.report.sequence - 1) & 0xFF
        interval_s = (stamp_s - self.stamp_s) / (lost + 1) if lost < 16 else self.interval_s
        self.interval_s += _SMOOTHING * (interval_s - self.interval_s)
        self.loss += _SMOOTHING * (lost / (lost + 1) - self.loss)
        if report.values != self.report.values:
            self.fresh_s = stamp_s
        self.report, self.stamp_s = report, stamp_s
        self.count += 1
        return lost


@dataclass
class ImuTrack:
    """Newest gyro and attitude together.

    Args:
        rotation: report id of the attitude, as `sh2.GAME_ROTATION_VECTOR`.
        interval_s: asked of the chip.
        frozen_after_s: a real gyro's noise moves its lowest bit between any two of several samples; one that repeats
            itself for this long is frozen, and so is an attitude that stays while the gyro turns.
        silent_after_s: no trustworthy sample for this long.
    """

    mounting: Mounting
    rotation: int
    interval_s: float
    frozen_after_s: float = 0.04
    silent_after_s: float = 0.06
    sample: ImuSample | None = None
    implausible: int = 0
    lost: int = 0
    repeated: int = 0
    _streams: dict[int, Stream] = field(default_factory=dict)
    _turning_since_s: float | None = None

    def forget(self) -> None:
        """The chip has restarted: its sequence numbers begin anew. The last sample stays, and ages."""
        self._streams.clear()
        self._turning_since_s = None

    def take(self, report: sh2.Report, interrupt_s: float) -> bool:
        """Take one report that was announced at interrupt_s; whether `sample` is newer than before."""
        if report.id not in (sh2.GYRO, self.rotation):
            return False
        if not _plausible(report):
            self.implausible += 1
            return False
        stamp_s = interrupt_s - min(max(report.age_s, 0.0), MAX_AGE_S)
        stream = self._streams.get(report.id)
        if stream is None:
            self._streams[report.id] = Stream(report, stamp_s, stamp_s, self.interval_s)
        elif report.sequence == stream.report.sequence:
            self.repeated += 1
            return False
        else:
            self.lost += stream.advance(report, max(stamp_s, stream.stamp_s))
        return self._publish()

    def last_heard_s(self, report: int) -> float | None:
        """When the newest plausible report of this kind was measured; None before the first."""
        stream = self._streams.get(report)
        return None if stream is None else stream.stamp_s

    @property
    def frozen(self) -> bool:
        """Whether sequence numbers move and the payload does not."""
        return self._frozen_since_s() is not None

    def health(self, now_s: float, rejected_s: float = -math.inf) -> ImuHealth:
        """One word on the stream at now_s; rejected_s is when a packet was last rejected."""
        if self.sample is None:
            return ImuHealth.STARTING
        streams = [self._streams.get(kind) for kind in (sh2.GYRO, self.rotation)]
        heard_s = min((s.stamp_s if s else -math.inf) for s in streams)
        if now_s - heard_s > self.silent_after_s:
            return ImuHealth.GARBLED if now_s - rejected_s < self.silent_after_s else ImuHealth.SILENT
        if self.frozen:
            return ImuHealth.FROZEN
        if any(s.loss > 0.1 for s in streams if s):
            return ImuHealth.LOSSY
        if any(s.interval_s > 2 * self.interval_s for s in streams if s):
            return ImuHealth.SLOW
        return ImuHealth.OK

    def _frozen_since_s(self) -> float | None:
        gyro, attitude = self._streams.get(sh2.GYRO), self._streams.get(self.rotation)
        if gyro and gyro.stamp_s - gyro.fresh_s >= self.frozen_after_s:
            return gyro.fresh_s
        if attitude and self._turning_since_s is not None:
            since_s = max(attitude.fresh_s, self._turning_since_s)
            if attitude.stamp_s - since_s >= self.frozen_after_s:
                return attitude.fresh_s
        return None

    def _publish(self) -> bool:
        gyro, attitude = self._streams.get(sh2.GYRO), self._streams.get(self.rotation)
        if gyro is None or attitude is None:
            return False
        rate = sh2.gyro_rad_s(gyro.report)
        if math.hypot(*rate) < TURNING_RAD_S:
            self._turning_since_s = None
        elif self._turning_since_s is None:
            self._turning_since_s = gyro.stamp_s
        w, x, y, z = sh2.quat_wxyz(attitude.report)
        norm = math.hypot(w, x, y, z)
        stamp_s = min(gyro.stamp_s, attitude.stamp_s)
        frozen_s = self._frozen_since_s()
        newer = self.sample is None or stamp_s > self.sample.stamp_s
        self.sample = ImuSample(
            self.mounting.attitude((w / norm, x / norm, y / norm, z / norm)),
            self.mounting.vector(rate),
            stamp_s if frozen_s is None else min(stamp_s, frozen_s),
        )
        return newer and frozen_s is None


def _plausible(report: sh2.Report) -> bool:
    if report.id == sh2.GYRO:
        return math.hypot(*sh2.gyro_rad_s(report)) <= MAX_RATE_RAD_S
    return abs(math.hypot(*sh2.quat_wxyz(report)) - 1) <= NORM_TOLERANCE
