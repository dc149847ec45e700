"""Time as an argument: the machine's monotonic clock with timerfd deadlines, and a simulated one for tests."""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import sys
import time
from typing import NamedTuple, Protocol


class Deadline(NamedTuple):
    """at_s: when the tick was due; lateness_s: how much later it began; skipped: whole periods missed before it."""

    at_s: float
    lateness_s: float
    skipped: int


class Ticker(Protocol):
    """Deadlines one period apart, on one grid for ever."""

    async def wait(self) -> Deadline:
        """Sleep until the next deadline. Those that passed meanwhile are skipped and counted, never made up for."""
        ...

    def close(self) -> None:
        """Free the timer."""
        ...


class Clock(Protocol):
    """Where the loop gets its time from."""

    def now_s(self) -> float:
        """Monotonic time."""
        ...

    def ticker(self, period_s: float) -> Ticker:
        """Deadlines every `period_s`, the first one period from now. Call it inside a running event loop."""
        ...


class MonotonicClock:
    """CLOCK_MONOTONIC. Its tickers wake `early_s` before a deadline and look at the clock until it has come."""

    def __init__(self, early_s: float = 0.0) -> None:
        self._early_ns = round(early_s * 1e9)

    def now_s(self) -> float:
        """Monotonic time of this machine."""
        return time.monotonic()

    def ticker(self, period_s: float) -> TimerfdTicker:
        """A timerfd on absolute deadlines in the running event loop."""
        return TimerfdTicker(round(period_s * 1e9), self._early_ns)


class TimerfdTicker:
    """A periodic timerfd that wakes asyncio through add_reader. Reading it tells how many deadlines have come.

    It expires `early_ns` before each deadline. The way from there through kernel, event loop and task takes a time
    that varies; what is left of it is passed by looking at the clock, so that the tick begins on time.
    """

    def __init__(self, period_ns: int, early_ns: int = 0) -> None:
        self._period_ns = period_ns
        self._first_ns = time.monotonic_ns() + period_ns
        self._passed = 0  # deadlines that the timer has reported
        self._served = 0  # the last of them that began a tick
        self._waiter: asyncio.Future[None] | None = None
        self._fd = _timerfd(self._first_ns - min(early_ns, period_ns - 1), period_ns)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._expired)

    async def wait(self) -> Deadline:
        """The next deadline that lies in the future."""
        self._drain()  # deadlines that passed while the last tick was still at work
        if self._passed > self._served and time.monotonic_ns() < self._due_ns():
            await asyncio.sleep(0)  # the timer has announced a deadline that is still to come
        else:
            waiter = self._waiter = self._loop.create_future()
            try:
                await waiter
            finally:
                self._waiter = None
        at_ns = self._due_ns()
        while (lateness_ns := time.monotonic_ns() - at_ns) < 0:
            pass
        skipped = self._passed - self._served - 1
        self._served = self._passed
        return Deadline(at_ns / 1e9, lateness_ns / 1e9, skipped)

    def close(self) -> None:
        """Free the timer."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _due_ns(self) -> int:
        """The last deadline that the timer has reported."""
        return self._first_ns + (self._passed - 1) * self._period_ns

    def _expired(self) -> None:
        # Without a waiter the deadline fell into a tick that awaits something: the next `wait` counts it as missed.
        if self._drain() and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _drain(self) -> int:
        try:
            count = int.from_bytes(os.read(self._fd, 8), "little")
        except BlockingIOError:
            return 0
        self._passed += count
        return count


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


_TFD_TIMER_ABSTIME = 1


def _timerfd(first_ns: int, period_ns: int) -> int:
    """A timerfd on CLOCK_MONOTONIC, first at the absolute time `first_ns`. Raises OSError where there is none."""
    if sys.version_info >= (3, 13):
        fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=first_ns, interval=period_ns)
        return fd
    libc = ctypes.CDLL(None, use_errno=True)
    fd = int(libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    setting = _Itimerspec(_Timespec(*divmod(period_ns, 10**9)), _Timespec(*divmod(first_ns, 10**9)))
    if fd < 0 or libc.timerfd_settime(fd, _TFD_TIMER_ABSTIME, ctypes.byref(setting), None) < 0:
        problem = ctypes.get_errno()
        raise OSError(problem, f"timerfd: {os.strerror(problem)}")
    return fd


class SimulatedClock:
    """Time that passes only when somebody says so: runs as fast as the machine can, and the same every time."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """Simulated time since the clock was made."""
        return self._now_s

    def advance(self, duration_s: float) -> None:
        """Let time pass, as slow work would."""
        self._now_s += duration_s

    def ticker(self, period_s: float) -> SimulatedTicker:
        """Deadlines on this clock."""
        return SimulatedTicker(self, period_s)


class SimulatedTicker:
    """Jumps to the next deadline at once."""

    def __init__(self, clock: SimulatedClock, period_s: float) -> None:
        self._clock, self._period_s, self._first_s, self._index = clock, period_s, clock.now_s() + period_s, -1

    async def wait(self) -> Deadline:
        """The next deadline that lies in the future."""
        await asyncio.sleep(0)
        before = self._index
        passed = (self._clock.now_s() - self._first_s) / self._period_s
        self._index = max(before + 1, math.ceil(passed - 1e-9))
        at_s = self._first_s + self._index * self._period_s
        self._clock.advance(max(0.0, at_s - self._clock.now_s()))
        return Deadline(at_s, self._clock.now_s() - at_s, self._index - before - 1)

    def close(self) -> None:
        """Nothing to free."""
