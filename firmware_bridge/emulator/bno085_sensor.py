"""The sensor half of an emulated BNO085: which reports are due, and the cargos they make. Knows nothing of SPI.

Bytes are packed here from the data sheet, not with the driver's codec: a shared mistake would hide itself.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

from .fault import DELAY_S, SLOW_FACTOR, DelayLine, FaultKind, Intermittence

Motion = tuple[tuple[float, float, float, float], tuple[float, float, float]]
"""Attitude world<-body wxyz, and angular rate in the body frame, rad/s."""

REST: Motion = ((1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
GYRO_NOISE_RAD_S = 0.003
"""One sigma per sample, about 0.17 deg/s as on a real BNO085 at rest: it moves the lowest bit (0.002)."""
MIN_INTERVAL_S = 0.0025
BACKLOG = 4
"""Sampling instants that are made up for when nobody read; older ones are lost."""
RATE_LIMIT_RAD_S = 34.9

_GYRO, _ROTATION, _GAME = 0x02, 0x05, 0x08
_ROTATED_90_ABOUT_X = (math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0)


@dataclass
class _Feature:
    interval_s: float
    due_s: float
    sequence: int = 0


class Bno085Sensor:
    """Reports at the rates asked for, with sequence numbers, noise and faults.

    Args:
        motion: how the body moves now; called at each sampling instant from whichever thread reads the chip.
        mounting_wxyz: body<-sensor; what the chip says is turned by its inverse.
    """

    def __init__(
        self,
        motion: Callable[[], Motion],
        mounting_wxyz: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0),
        seed: int = 0,
    ) -> None:
        self.motion = motion
        self.fault = FaultKind.OK
        self._mounting = mounting_wxyz
        self._random, self._losses = random.Random(seed), Intermittence(seed)
        self._features: dict[int, _Feature] = {}
        self._past: DelayLine[Motion] = DelayLine(DELAY_S)
        self._held: Motion = REST

    @property
    def shortest_interval_s(self) -> float:
        """Of all reports that are on; infinite when none is."""
        return min((feature.interval_s for feature in self._features.values()), default=math.inf)

    def forget(self) -> None:
        """After a restart nothing is on."""
        self._features.clear()

    def enable(self, report: int, interval_us: int, now_s: float) -> int:
        """Turn a report on, or off with 0; the interval in us that is kept, 0 for a report this chip has not got."""
        if report not in (_GYRO, _ROTATION, _GAME) or interval_us == 0:
            self._features.pop(report, None)
            return 0
        interval_s = max(interval_us * 1e-6, MIN_INTERVAL_S)
        sequence = self._features[report].sequence if report in self._features else 0
        due_s = next((other.due_s for other in self._features.values() if other.interval_s == interval_s), now_s)
        self._features[report] = _Feature(interval_s, max(due_s, now_s), sequence)
        return round(interval_s * 1e6)

    def cargos(self, now_s: float) -> list[tuple[float, bytes]]:
        """What fell due until now, oldest first: sampling instant and cargo. Reports of one instant share a cargo."""
        pace = SLOW_FACTOR if self.fault is FaultKind.SLOW else 1
        made: list[tuple[float, bytes]] = []
        while (due_s := min((feature.due_s for feature in self._features.values()), default=math.inf)) <= now_s:
            motion = self._measure(due_s)
            cargo = b""
            for report, feature in self._features.items():
                if feature.due_s <= due_s:
                    feature.due_s += feature.interval_s * pace
                    stale = now_s - due_s > BACKLOG * feature.interval_s * pace
                    cargo += b"" if stale else _report(report, feature.sequence, motion)
                    feature.sequence = (feature.sequence + 1) & 0xFF
            if cargo and not (self.fault is FaultKind.INTERMITTENT and self._losses.loses()):
                made.append((due_s, cargo))
        return made

    def _measure(self, now_s: float) -> Motion:
        """Attitude world<-sensor and rate in the sensor frame, with noise, as the fault leaves them."""
        motion = self.motion()
        delayed = self._past.put(now_s, motion)
        body_quat, body_rate = delayed if self.fault is FaultKind.DELAYED else motion
        if self.fault is FaultKind.STUCK:
            return self._held
        w, x, y, z = self._mounting
        quat = _product(body_quat, self._mounting)
        pure = _product(_product((w, -x, -y, -z), (0.0, *body_rate)), self._mounting)
        rate = [value + self._random.gauss(0.0, GYRO_NOISE_RAD_S) for value in pure[1:]]
        if self.fault is FaultKind.WRONG:
            quat, rate = _product(quat, _ROTATED_90_ABOUT_X), [value + 5.0 for value in rate]
        x, y, z = (max(-RATE_LIMIT_RAD_S, min(RATE_LIMIT_RAD_S, value)) for value in rate)
        self._held = (quat, (x, y, z))
        return self._held


def _report(report: int, sequence: int, motion: Motion) -> bytes:
    (w, x, y, z), rate = motion
    if report == _GYRO:
        data = struct.pack("<3h", *(_fixed(value, 9) for value in rate))
    else:
        data = struct.pack("<4h", *(_fixed(value, 14) for value in (x, y, z, w)))
    accuracy = struct.pack("<h", _fixed(0.05, 12)) if report == _ROTATION else b""
    return bytes((report, sequence, 3, 0)) + data + accuracy


def _fixed(value: float, fraction_bits: int) -> int:
    return max(-0x8000, min(0x7FFF, round(value * (1 << fraction_bits))))


def _product(
    p: tuple[float, float, float, float], q: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    pw, px, py, pz = p
    qw, qx, qy, qz = q
    return (
        pw * qw - px * qx - py * qy - pz * qz,
        pw * qx + px * qw + py * qz - pz * qy,
        pw * qy - px * qz + py * qw + pz * qx,
        pw * qz + px * qy - py * qx + pz * qw,
    )
