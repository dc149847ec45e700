"""A BNO085 driver on an emulated chip, in simulated time: no thread, no waiting, the same every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware_bridge.bno085 import POLL_S, Bno085
from firmware_bridge.bno085_wire import Bno085Config, Bno085Wire
from firmware_bridge.emulator.bno085_chip import REST, Bno085Chip, Motion
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.imu_track import ImuHealth, ImuSample


class SimulatedClock:
    """Time that passes only in `sleep`."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s


class ImuRig:
    """Chip, wires and driver. `motion` may be set at any time; `chip` has the faults."""

    def __init__(self, config: Bno085Config | None = None, **chip: Any) -> None:
        self.clock, self.gpio = SimulatedClock(), EmulatedGpio()
        self.motion: Motion = REST
        self.chip = Bno085Chip(self.gpio, lambda: self.motion, clock=self.clock, **chip)
        self.config = config or Bno085Config()
        self.driver = Bno085(Bno085Wire(self.chip, self.gpio, self.config), self.config, self.clock, self.clock.sleep)

    def start(self) -> ImuRig:
        """Bring the driver up, without its thread."""
        self.driver.bring_up()
        return self

    def run(self, duration_s: float, until: Callable[[], bool] = lambda: False) -> float:
        """Serve for so long, or until something holds; how long it took, s."""
        begin_s = self.clock()
        while self.clock() - begin_s < duration_s and not until():
            self.driver.serve()
            self.clock.sleep(POLL_S)
        return self.clock() - begin_s

    def run_until(self, health: ImuHealth, at_most_s: float = 3.0) -> float:
        """Serve until the driver says so; how long it took, s. Fails when it never does."""
        took_s = self.run(at_most_s, lambda: self.driver.health() is health)
        assert self.driver.health() is health, f"still {self.driver.health()} after {took_s:.2f} s, expected {health}"
        return took_s

    @property
    def sample(self) -> ImuSample:
        """The newest sample, which must be there."""
        sample = self.driver.newest()
        assert sample is not None
        return sample

    @property
    def age_s(self) -> float:
        """How old the newest sample is."""
        return self.sample.age_s(self.clock())
