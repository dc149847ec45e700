"""One emulated servo with known mechanics, identified in simulated time: real driver, bytes on a wire, no waiting.

`python tests/robotd/ctl/sysid_rig.py 12` prints twelve draws as a table for docs/sysid.md.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from typing import NamedTuple

from firmware_bridge.emulator.joints import FirstOrderJoints, Mechanics
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.servo_wire import ServoWire
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.hiwonder import Packet
from firmware_bridge.servo_bus import ServoBus
from robotd.clock import SimulatedClock
from robotd.ctl.calibration.simulated_loop import SimulatedLoop, SimulatedWorld, WireLine
from robotd.ctl.identification.excitation import bounds_of, duration_s, excitation
from robotd.ctl.identification.fit import Fit, Record, fit_servo
from robotd.ctl.identification.joint_trial import try_joint, where_is
from robotd.ctl.identification.session import turns_of
from robotd.hal.servo_frame import servo_frame, to_rad
from robotd.wiring import UNITS_PER_RAD, JointCalibration

SERVO_ID = 3
TOP_SPEED_RAD_S = 7.5
BOUNDS = bounds_of((-0.7, 1.0), 0.1, 0.25, 0.05, TOP_SPEED_RAD_S, 5.0)
TOLERANCE = 0.15


class LossyServo(EmulatedServo):
    """Hears, and is heard, most of the time."""

    loss, dice = 0.0, random.Random(7)

    def hear(self, packet: Packet) -> tuple[bool, bytes]:
        """As the other one."""
        if self.dice.random() < self.loss:
            return False, b""
        obeyed, said = super().hear(packet)
        return obeyed, b"" if self.dice.random() < self.loss else said


class World:
    """A servo on a wire, and the loop that its driver lives in."""

    def __init__(self, mechanics: Mechanics, units: float = 520.0, direction: int = 1, seed: int = 0) -> None:
        self.clock, self.witness = SimulatedClock(), Witness()
        self.joints = FirstOrderJoints([SERVO_ID], units, {SERVO_ID: mechanics}, self.clock.now_s)
        self.servo = LossyServo(SERVO_ID, self.joints, seed, self.clock.now_s)
        self.wire = ServoWire("leg", [self.servo], self.witness, seed=seed)
        self.frame = servo_frame([JointCalibration.model_validate({"direction": direction})])
        self._line = WireLine(self.wire, self.clock)

    def record(self, objection: Callable[[], str | None] = lambda: None) -> Record:
        """The whole trial of the joint."""
        world = SimulatedWorld(self.clock, [self._line])
        with asyncio.Runner(loop_factory=lambda: SimulatedLoop(world)) as runner:
            return runner.run(self._try(objection))

    async def _try(self, objection: Callable[[], str | None]) -> Record:
        bus = ServoBus("leg", self._line)
        found = await where_is(bus, SERVO_ID)
        targets = excitation(BOUNDS, float(to_rad(self.frame, [found])[0]))
        turns = turns_of(targets, self.frame, BOUNDS.top_speed_rad_s, found)
        return await try_joint(bus, SERVO_ID, turns, duration_s(targets), objection)


class Draw(NamedTuple):
    """A servo by chance, and what was found of it."""

    true: Mechanics
    fit: Fit

    @property
    def rows(self) -> dict[str, tuple[float, float]]:
        """True and found: delay in ms, speed in units/s, half of the play in units, lag in ms."""
        return {
            "delay ms": (1e3 * self.true.delay_s, 1e3 * self.fit.servo.delay_s),
            "speed units/s": (self.true.units_per_s, self.fit.servo.speed_units_s),
            "backlash units": (self.true.backlash_units, self.fit.hysteresis_units[0]),
            "lag ms": (1e3 * self.true.time_constant_s, 1e3 * self.fit.servo.lag_s),
        }

    @property
    def errors(self) -> dict[str, float]:
        """Relative."""
        return {name: abs(found / true - 1) for name, (true, found) in self.rows.items()}


def draw(seed: int) -> Draw:
    """Mechanics by chance, identified."""
    dice = random.Random(seed)
    true = Mechanics(
        delay_s=dice.uniform(0.008, 0.06),
        units_per_s=dice.uniform(400, 1300),
        time_constant_s=dice.uniform(0.015, 0.05),
        backlash_units=dice.uniform(1.5, 8),
    )
    world = World(true, units=dice.uniform(430, 570), direction=dice.choice((-1, 1)), seed=seed)
    return Draw(true, fit_servo(world.record(), TOP_SPEED_RAD_S * UNITS_PER_RAD))


def markdown(draws: list[Draw]) -> str:
    """A table with true, found and error of each draw."""
    names = list(draws[0].rows)
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for number, each in enumerate(draws):
        cells = [f"{true:.1f}, {found:.1f} ({abs(found / true - 1):.1%})" for true, found in each.rows.values()]
        lines.append(f"| {number} | " + " | ".join(cells) + " |")
    worst = {name: max(each.errors[name] for each in draws) for name in names}
    lines.append("| worst | " + " | ".join(f"{error:.1%}" for error in worst.values()) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown([draw(seed) for seed in range(int(sys.argv[1]))]))
