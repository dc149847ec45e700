"""The physics twin with troubles on demand, and a witness at the hardware's own face that judges what it is told.

The witness has rules of its own: targets finite, inside the range less the margin, no faster than the speed limits, the
first one where the joints say that they are; torque only after somebody armed, and off in time once a trouble is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from contract import PolicySpec, Signals
from contract.frames import Array
from robotd.clock import SimulatedClock
from robotd.hal.sim import SimHardware
from robotd.health import Health

World = tuple[Signals, Health]
START_RAD = 0.1
CROUCH_S = 2.3
"""A crouch of 1.5 s and what the speed limits make of it."""


class Trouble(NamedTuple):
    """Something that must stop the robot. changes: what the sensors say meanwhile; stop_s: from the first such tick to
    the last one of HOMING, STANDBY and ACTIVE at most; off_s: to torque off."""

    name: str
    changes: Callable[[World], World]
    stop_s: float
    off_s: float


def _signals(**changes: Callable[[Array], Array]) -> Callable[[World], World]:
    def change(world: World) -> World:
        signals, health = world
        new = {name: np.asarray(how(getattr(signals, name).copy()), np.float32) for name, how in changes.items()}
        return signals._replace(**new), health

    return change


def _health(**changes: Callable[[Array], object]) -> Callable[[World], World]:
    def change(world: World) -> World:
        signals, health = world
        return signals, health._replace(**{name: how(getattr(health, name)) for name, how in changes.items()})

    return change


def _put(place: int, value: float) -> Callable[[Array], Array]:
    def put(array: Array) -> Array:
        array[place] = value
        return array

    return put


def _crouch(name: str, debounce_s: float, changes: Callable[[World], World]) -> Trouble:
    return Trouble(name, changes, debounce_s + 0.04, debounce_s + 0.04 + CROUCH_S)


SIDEWAYS = np.array((np.cos(0.6), np.sin(0.6), 0, 0), np.float32)  # 69 deg
TROUBLES = (
    _crouch("nan in the gyro", 0.0, _signals(gyro_rad_s=_put(1, np.nan))),
    _crouch("inf in a joint", 0.0, _signals(joint_pos_rad=_put(3, np.inf))),
    _crouch("nan in a temperature", 0.0, _health(temperature_degc=lambda t: np.full_like(t, np.nan))),
    Trouble("tilted", _signals(quat_wxyz=lambda q: SIDEWAYS), 0.1, 0.1),
    _crouch("IMU stale", 0.0, _signals(imu_age_s=lambda age: np.float32(0.1))),
    Trouble("IMU lost", _signals(imu_age_s=lambda age: np.float32(0.4)), 0.04, 0.04),
    _crouch("leg joint stale", 0.0, _signals(joint_age_s=_put(2, 0.3))),
    _crouch("joint beyond its range", 0.06, _signals(joint_pos_rad=_put(7, 3.0))),
    _crouch("joint off its target", 0.3, _signals(joint_pos_rad=lambda q: np.where(q > 0.2, q - 0.5, q + 0.5))),
    _crouch("bus silent", 0.0, _health(bus_errors_in_a_row=lambda errors: (0, 9, 0))),
    _crouch("servo hot", 1.0, _health(temperature_degc=lambda t: t + 60)),
    _crouch("supply weak", 1.0, _health(voltage_v=lambda v: np.asarray(8.0, np.float32))),
)


class TroubledTwin:
    """robotd's Hardware: the twin, with a trouble in what it says where there is one.

    Attributes:
        trouble: what is wrong now; None: nothing. armed: somebody has armed since the torque went off last.
        unsafe: what the witness saw, a sentence each.
    """

    def __init__(self, twin: SimHardware, spec: PolicySpec, clock: SimulatedClock, margin_rad: float) -> None:
        self.twin, self._clock, self._period_s = twin, clock, spec.runtime.ctrl_dt
        self._low, self._high = spec.robot.range_min + margin_rad - 1e-5, spec.robot.range_max - margin_rad + 1e-5
        self._step = spec.robot.max_velocity * self._period_s + 1e-5
        self.trouble: Trouble | None = None
        self.armed = False
        self.unsafe: list[str] = []
        self.fastest = 0.0  # share of the speed limit that a target took
        self.stall_s = 0.0  # how much later than it should the next reading is
        self._last: Array | None = None
        self._measured = np.zeros(spec.num_joints, np.float32)
        self._powered = False

    def accuse(self, text: str) -> None:
        """Note what must not be; the first hundred are enough."""
        if len(self.unsafe) < 100:
            self.unsafe.append(f"at {self._clock.now_s():.2f} s: {text}")

    # robotd's Hardware

    async def start(self) -> None:
        """As the twin."""
        await self.twin.start()

    async def stop(self) -> None:
        """As the twin."""
        await self.twin.stop()

    def read(self) -> Signals:
        """What the twin says, with the trouble in it."""
        self._clock.advance(self.stall_s)
        self.stall_s = 0.0
        signals = self.twin.read()
        health = self.twin.health()._replace(bus_errors_in_a_row=(0, 0, 0))
        signals, self._health = (signals, health) if self.trouble is None else self.trouble.changes((signals, health))
        self._measured = signals.joint_pos_rad
        return signals

    def health(self) -> Health:
        """Of the last reading."""
        return self._health

    def write(self, target_rad: Array) -> None:
        """Judge a target, then hand it on."""
        if not self.armed:
            self.accuse("a target came, and nobody had armed")
        if not np.all(np.isfinite(target_rad)):
            self.accuse(f"a target is not finite: {target_rad}")
        elif np.any(target_rad < self._low) or np.any(target_rad > self._high):
            self.accuse(f"a target lies outside the limits: {target_rad}")
        if self._last is None:
            here = np.clip(self._measured, self._low, self._high)
            if not np.max(np.abs(here - target_rad)) < START_RAD:
                self.accuse("the first target is not where the joints are")
        else:
            speed = float(np.max(np.abs(target_rad - self._last) / self._step))
            self.fastest = max(self.fastest, speed)
            if not speed <= 1:
                self.accuse(f"a target moves at {speed:.2f} of the speed limit")
        self._last = np.array(target_rad)
        self.twin.write(target_rad)

    def enable(self) -> None:
        """Torque on."""
        if not self.armed or self._last is None:
            self.accuse("torque came on, and nobody had armed or no target was there")
        self._powered = True
        self.twin.enable()

    def disable(self) -> None:
        """Torque off: the next one needs somebody who arms."""
        self._powered = self.armed = False
        self._last = None
        self.twin.disable()

    def leave_out(self, buses: int) -> None:
        """As the twin."""
        self.twin.leave_out(buses)

    def close(self) -> None:
        """As the twin."""
        self.twin.close()

    @property
    def powered(self) -> bool:
        """Whether the joints hold torque."""
        return self._powered
