"""What a step of the calibration works with, and what a step is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import click

from contract.robot_config import RobotConfig
from robotd.ctl.calibration.draft import Draft
from robotd.ctl.calibration.prompts import DONE, Person, Prompt
from robotd.ctl.calibration.robot import BenchRobot, Servo
from robotd.ctl.refusal import CheckFailed
from robotd.hal.servo_frame import ServoFrame, servo_frame
from robotd.wiring import JointCalibration, Wiring


class Bench(NamedTuple):
    """One robot on the bench, and the person beside it.

    wiring: robotd.yaml's own, which says where buses, IMU and pins are; what the draft knows stands above it.
    """

    robot: BenchRobot
    config: RobotConfig
    wiring: Wiring
    draft: Draft
    person: Person

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


class Step(NamedTuple):
    """One step. run: asks, moves and measures, and puts what it finds into the draft as soon as it is found, so that
    called again after a kill it leaves out what is there. Raises CheckFailed, Refusal, Unreachable."""

    name: str
    help: str
    run: Callable[[Bench], None]
