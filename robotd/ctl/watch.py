"""What `robotctl status --watch` sees: samples of a daemon that may go and come back, and their plain lines."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from robotd.ctl.client import Client
from robotd.ctl.fault_fixes import fault_lines
from robotd.ctl.refusal import Unreachable
from robotd.messages import AskStatus, AskTiming, Durations, Status, Timing
from robotd.timing import Histogram

PERIOD_S = 0.5
RECENT_S = 10.0
KINDS = ("lateness", "tick", "slack")


class Sample(NamedTuple):
    """at_s: when it was taken; timing: since the daemon's start."""

    at_s: float
    status: Status
    timing: Timing


class Pace(NamedTuple):
    """How deadlines were kept in the last `seconds`. rate_hz: ticks; skipped: periods; ms: of each of KINDS, median,
    99th percentile and the extreme end, in ms, exact to 2 %."""

    seconds: float
    rate_hz: float
    skipped: int
    ms: dict[str, tuple[float, float, float]]


class Recent:
    """Remembers samples of the last RECENT_S, and forgets all when the daemon was started anew."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> Pace:
        """Take the newest in, and say how the daemon has kept its deadlines since the oldest."""
        samples = self._samples
        if samples and sample.status.tick < samples[-1].status.tick:
            samples.clear()
        samples.append(sample)
        while sample.at_s - samples[0].at_s > RECENT_S:
            samples.popleft()
        return pace(samples[0], sample)


def pace(old: Sample, new: Sample) -> Pace:
    """How deadlines were kept between two samples; NaN where there was no tick."""
    seconds = new.at_s - old.at_s
    ticks = new.status.tick - old.status.tick
    ms = {kind: _between(getattr(old.timing, kind), getattr(new.timing, kind), kind) for kind in KINDS}
    rate_hz = ticks / seconds if seconds > 0 else float("nan")
    return Pace(seconds, rate_hz, new.timing.overruns - old.timing.overruns, ms)


def samples(
    socket: Path | None, now_s: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Sample | str]:
    """A sample twice a second; a sentence in its place while the daemon does not answer, then samples again.

    Raises:
        Unreachable: there is no daemon in the beginning; Refusal: this user may not ask.
    """
    client: Client | None = Client(socket)
    try:
        while True:
            found: Sample | str
            try:
                client = client or Client(socket)
                found = Sample(now_s(), client.ask(AskStatus(), Status), client.ask(AskTiming(), Timing))
            except Unreachable as problem:
                if client is not None:
                    client.close()
                client, found = None, problem.message
            yield found
            sleep(PERIOD_S)
    finally:
        if client is not None:
            client.close()


class Lines:
    """Samples as lines for a pipe: one each, and below it what is new about faults."""

    def __init__(self) -> None:
        self._recent = Recent()
        self._faults: tuple[str, ...] = ()

    def __call__(self, sample: Sample | str) -> list[str]:
        """The lines to print."""
        if isinstance(sample, str):
            return [f"no connection: {sample}"]
        status, before = sample.status, self._faults
        self._faults = status.faults
        new = [name for name in status.faults if name not in before]
        return [_line(status, self._recent.add(sample)), *(f"  {line}" for line in fault_lines(new))]


def hottest(status: Status) -> str:
    """The hottest servo, and how hot it is."""
    degc, name = max(zip(status.temperature_degc, status.joints, strict=False), default=(float("nan"), "no servo"))
    return f"{degc:.0f} C in {name}"


def _line(status: Status, now: Pace) -> str:
    vx, vy, yaw = status.command
    late_ms = now.ms["lateness"][2]
    late = "" if math.isnan(late_ms) else f", late {late_ms:.1f} ms at most, {now.skipped} periods skipped"
    return (
        f"{status.mode} tick {status.tick}, faults {' '.join(status.faults) or 'none'}, "
        f"command {vx:.2f} {vy:.2f} m/s {yaw:.2f} rad/s, IMU {status.imu_age_s * 1e3:.0f} ms, "
        f"joints {status.joint_age_s * 1e3:.0f} ms, {hottest(status)}, {status.voltage_v:.1f} V{late}"
    )


def _between(old: Durations, new: Durations, kind: str) -> tuple[float, float, float]:
    """Of the durations that were counted after `old`. Late and long are the bad ends; of slack it is the short one."""
    before = (*old.counts, *(0 for _ in range(len(new.counts) - len(old.counts))))
    counts = [count - earlier for count, earlier in zip(new.counts, before, strict=True)]
    histogram = Histogram.of(counts, new.max_us)
    if not histogram.total:
        return (float("nan"),) * 3
    quantiles = (0.5, 0.01, 0.0) if kind == "slack" else (0.5, 0.99, 1.0)
    median, most, end = (histogram.quantile_us(fraction) / 1e3 for fraction in quantiles)
    return median, most, end
