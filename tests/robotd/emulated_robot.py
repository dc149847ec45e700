"""The robot on emulated wires for tests: opened, started, limped and closed around what a test does with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from contract import Bundle, Signals
from robotd.hal.emulated import EmulatedHardware
from robotd.hal.sim import open_twin
from robotd.wiring import Wiring

LONG_S = 20.0
"""The most that a test waits for what comes in milliseconds: other work on this machine must not fail it."""


@contextmanager
def emulated(bundle: Bundle, wiring: Wiring | None = None, **options: Any) -> Iterator[EmulatedHardware]:
    """Open, and closed at the end; options as EmulatedHardware."""
    hardware = EmulatedHardware(bundle.spec, wiring or Wiring(), open_twin(bundle), **options)
    try:
        yield hardware
    finally:
        hardware.close()


def run_on(hardware: EmulatedHardware, main: Callable[[], Awaitable[None]]) -> None:
    """Start, do something, stop, in an event loop of its own."""

    async def inside() -> None:
        try:
            await hardware.start()
            await main()
        finally:
            await hardware.stop()

    asyncio.run(inside())


async def fresh(hardware: EmulatedHardware) -> Signals:
    """Signals of which every sample is younger than this call, foot switches debounced."""
    begin_s = time.monotonic()
    await asyncio.sleep(0.1)
    while True:
        signals = hardware.read()
        oldest_s = max(float(signals.joint_age_s.max()), float(signals.imu_age_s))
        if time.monotonic() - oldest_s > begin_s:
            return signals
        assert time.monotonic() < begin_s + LONG_S, "the samples do not become fresh"
        await asyncio.sleep(0.005)


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something that comes soon."""
    begin_s = time.monotonic()
    while not true():
        assert time.monotonic() < begin_s + LONG_S, what
        await asyncio.sleep(0.005)
