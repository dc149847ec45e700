"""The layer below a sensor fails for a while: the driver counts it, tries again, and its sample grows old meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from imu_rig import ImuRig, SimulatedClock

from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_failure import Bno085Error, StartFailure
from firmware_bridge.bno085_wire import Bno085Config, Bno085Wire
from firmware_bridge.emulator.bno085_chip import REST, Bno085Chip
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.foot_switch import PINS, FootSwitches
from firmware_bridge.imu_track import ImuHealth


class LgpioError(Exception):
    """As lgpio's own, which is neither an OSError nor a RuntimeError."""


class Moody(EmulatedGpio):
    """Pins that raise `mood` where it is set."""

    lgpio = SimpleNamespace(error=LgpioError)
    mood: Exception | None = None

    def input(self, channel: int) -> int:
        if self.mood is not None:
            raise self.mood
        return super().input(channel)


MOODS = [OSError(5, "Input/output error"), RuntimeError("no access to the pins"), LgpioError("bad handle")]


@pytest.mark.parametrize("mood", MOODS, ids=lambda mood: type(mood).__name__)
def test_foot_switches_grow_old_while_pins_cannot_be_read_and_come_back(mood: Exception) -> None:
    clock, gpio = SimulatedClock(), Moody()
    gpio.setmode(gpio.BCM)
    touch = [False]
    gpio.drive(PINS["left_toe"], lambda: 0 if touch[0] else None)
    switches = FootSwitches(gpio, clock=clock)

    async def main() -> None:
        task = asyncio.create_task(switches.run(0.0))
        gpio.mood, touch[0] = mood, True
        clock.sleep(1.0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not task.done() and switches.failed >= 10
        assert not switches.newest().pressed[0] and switches.newest().age_s(clock()) == pytest.approx(1.0)
        gpio.mood = None
        failed = switches.failed
        for _ in range(20):
            await asyncio.sleep(0)
        assert switches.failed == failed
        assert switches.newest().pressed[0] and switches.newest().age_s(clock()) == 0
        task.cancel()

    asyncio.run(main())


def test_what_is_no_error_of_the_pins_is_not_hidden() -> None:
    gpio = Moody()
    switches = FootSwitches(gpio)
    gpio.mood = KeyError("a mistake in the program")
    with pytest.raises(KeyError):
        asyncio.run(switches.run(0.0))


@pytest.mark.parametrize("pin", ["int_pin", "wake_pin", "reset_pin"])
def test_an_imu_whose_pins_fail_grows_stale_and_comes_back(pin: str) -> None:
    rig = ImuRig().start()
    rig.run(0.2)
    if pin != "int_pin":
        rig.chip.int_connected = False  # so that the driver wants to reset the chip
    rig.gpio.refused.add(getattr(rig.config, pin))
    rig.run(1.0)
    assert rig.age_s > 0.9 and rig.driver.health() is ImuHealth.SILENT
    assert rig.driver.counters.bus_errors > 100
    rig.gpio.refused.clear()
    rig.chip.int_connected = True
    took_s = rig.run_until(ImuHealth.OK, 1.0)
    print(f"{pin}: back after {took_s:.2f} s")
    assert rig.driver.counters.hard_resets > 1 and rig.age_s < 0.02


def test_one_error_of_a_pin_costs_nothing() -> None:
    rig = ImuRig().start()
    rig.gpio.refused.add(rig.config.int_pin)
    rig.run(0.001)
    rig.gpio.refused.clear()
    rig.run(0.02)
    assert rig.age_s < 0.02 and rig.driver.counters.bus_errors in (1, 2)
    assert rig.driver.counters.hard_resets == 1 and rig.driver.health() is ImuHealth.OK


def test_an_imu_that_fails_on_the_bus_and_at_a_pin_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = ImuRig().start()

    def gone(values: object) -> None:
        raise OSError(19, "No such device")

    with monkeypatch.context() as patch:
        patch.setattr(rig.chip, "xfer2", gone)
        rig.gpio.refused.add(rig.config.wake_pin)
        rig.run(1.0)
    rig.gpio.refused.clear()
    rig.run_until(ImuHealth.OK, 1.0)


@pytest.mark.parametrize("pin", ["int_pin", "wake_pin", "reset_pin"])
def test_pins_that_fail_at_the_start_are_one_sentence(pin: str) -> None:
    rig = ImuRig()
    rig.gpio.refused.add(getattr(rig.config, pin))
    with pytest.raises(Bno085Error, match=r"GPIO 17, 27 or 25 .*cannot be used.*Input/output") as caught:
        rig.start()
    assert caught.value.failure is StartFailure.WIRES_FAIL
    assert "\n" not in str(caught.value)


def test_the_thread_lives_on() -> None:
    gpio, config = EmulatedGpio(), Bno085Config()
    driver = Bno085(Bno085Wire(Bno085Chip(gpio, lambda: REST), gpio, config), config)
    driver.start()
    try:
        gpio.refused.add(config.int_pin)
        until_s = time.monotonic() + 20
        while not driver.counters.bus_errors:
            assert time.monotonic() < until_s, "the thread has not met the error"
            time.sleep(0.001)
        gpio.refused.clear()
        assert "bno085" in [thread.name for thread in threading.enumerate()]
        begin_s = time.monotonic()
        while not (sample := driver.newest()) or sample.stamp_s < begin_s:
            assert time.monotonic() < begin_s + 20, "no sample comes any more"
            time.sleep(0.001)
    finally:
        driver.stop()
