"""What a step of the calibration works with.

A step is a module with `run(bench)`: it asks, moves, measures, and puts what it finds into the draft at once, so that
called again after a kill it leaves out what is there. It raises CheckFailed, Refusal, Unreachable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import click

from contract.robot_config import RobotConfig
from firmware_bridge.hiwonder import MAX_ID
from robotd.ctl.calibration.draft import Draft
from robotd.ctl.calibration.prompts import DONE, Person, Prompt
from robotd.ctl.calibration.robot import BenchRobot, Servo
from robotd.ctl.refusal import CheckFailed
from robotd.hal.servo_frame import ServoFrame, servo_frame
from robotd.wiring import JointCalibration, Wiring


class Bench(NamedTuple):
    """One robot on the bench, and the person beside it.

    wiring: robotd.yaml's own, which says where buses, IMU and pins are; what the draft knows stands above it.
    servo_ids: where servos are looked for.
    """

    robot: BenchRobot
    config: RobotConfig
    wiring: Wiring
    draft: Draft
    person: Person
    servo_ids: Iterable[int] = range(MAX_ID + 1)

    @property
    def joints(self) -> tuple[str, ...]:
        """All joints, in policy order."""
        return self.config.actuator_names

    def ask(self, name: str, text: str, *choices: str) -> str:
        """Have the person do something, or say what was seen; without choices the answer is `done`."""
        return self.person.answer(Prompt(name, text, choices or (DONE,)))

    def say(self, text: str) -> None:
        """A line for the person, on stderr: stdout is for the result."""
        click.echo(f"  {text}", err=True)

    def servo(self, joint: str) -> Servo:
        """Where the servo of a joint answers, by the draft. Raises CheckFailed: the step `servos` is not done."""
        known = self.draft.joint(joint)
        if known.bus is None or known.servo_id is None:
            raise CheckFailed(f"{joint}: its servo is not known yet; run the step servos first")
        return Servo(known.bus, known.servo_id, joint)

    def frame(self, joint: str) -> ServoFrame:
        """Between units and rad of one joint (arrays of length 1), from what is known of it so far, the trim included;
        where the draft knows nothing, robotd.yaml counts."""
        known, usual = self.draft.joint(joint), self.wiring.calibration.get(joint, JointCalibration())
        zero_rad = usual.q_at_zero_rad if known.q_at_zero_rad is None else known.q_at_zero_rad
        row = JointCalibration(
            direction=known.direction or usual.direction,
            offset_units=usual.offset_units if known.offset_units is None else known.offset_units,
            q_at_zero_rad=zero_rad - self.draft.content.home_trim_rad.get(joint, 0.0),
        )
        return servo_frame([row])
