"""Opens the bench of a calibration: the robot's own devices, servos on ports alone, or a hidden robot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from contract.robot_config import RobotConfig
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_failure import Bno085Error
from firmware_bridge.foot_switch import FootSwitchError, FootSwitches
from firmware_bridge.serial_line import PortError
from firmware_bridge.servo_bus import REPLY_S
from robotd.ctl.bus_session import hardware_lock
from robotd.ctl.calibration.hidden_person import HiddenPerson
from robotd.ctl.calibration.hidden_robot import HiddenRobot, draw_truth
from robotd.ctl.calibration.prompts import Person, PersonAtTerminal, PersonOnPaper, read_answers, show
from robotd.ctl.calibration.robot import BenchRobot, Move, Senses, World
from robotd.ctl.refusal import Unreachable
from robotd.wiring import Wiring

BACKENDS = ("real", "bench", "emulated")
MACHINE = World(time.monotonic, time.sleep, asyncio.new_event_loop)
BENCH_REPLY_S = 0.02
"""Emulated servos on ports share this machine's cores with all that waits for them."""


@contextmanager
def open_robot(hal: str, wiring: Wiring, reply_s: float | None = None) -> Iterator[BenchRobot]:
    """The robot on its ports, with the hardware lock; limp at the end. Raises Refusal, Unreachable."""
    with hardware_lock("calibrate"), ExitStack() as opened:
        from robotd.hal.real import imu_config, open_lines

        senses = Senses(None, None)
        try:
            lines = open_lines(wiring, opened)
            if hal == "real":
                unturned = wiring.imu.model_copy(update={"mounting_wxyz": [1.0, 0.0, 0.0, 0.0]})
                switches = FootSwitches.open({name: wire.pin for name, wire in wiring.foot_switches.all.items()})
                senses = Senses(Bno085.open(imu_config(unturned)), switches)
        except (PortError, Bno085Error, FootSwitchError) as problem:
            raise Unreachable(f"--hal {hal}: {problem}") from None
        usual_s = REPLY_S if hal == "real" else BENCH_REPLY_S
        with BenchRobot(lines, senses, MACHINE, say_move, reply_s or usual_s) as robot:
            opened.pop_all()
            yield robot


@contextmanager
def open_hidden(
    config: RobotConfig, wiring: Wiring, seed: int, answers: Path | None
) -> Iterator[tuple[BenchRobot, Person]]:
    """A hidden robot and the person beside it, who says what the file of answers says, or else what is to be seen."""
    robot = HiddenRobot(draw_truth(config, wiring, seed), config, wiring, seed)
    person = HiddenPerson(robot, seed, read_answers(answers) if answers else None, show)
    with BenchRobot(robot.lines, robot.senses, robot.time.world, say_move) as bench:
        yield bench, person


def person_for(answers: Path | None) -> Person:
    """Who answers for a robot on its ports. Raises Refusal."""
    return PersonOnPaper(answers) if answers else PersonAtTerminal()


def say_move(move: Move) -> None:
    """On screen before anything turns."""
    way = "holds" if move.start == move.end else f"turns from {move.start} to {move.end}"
    click.echo(f"  {move.servo.label} {way}, at most {move.units_per_s:g} units/s", err=True)
