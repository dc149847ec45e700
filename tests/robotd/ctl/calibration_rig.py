"""A hidden robot calibrated in this process, with everything that reached its servos written down and judged."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from contract import assets_dir, load_robot_config
from contract.robot_config import RobotConfig
from robotd.calibration import Calibration, robot_identity
from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.draft import PARTS, Draft
from robotd.ctl.calibration.hidden_person import HiddenPerson
from robotd.ctl.calibration.hidden_robot import LAST_ID, HiddenRobot, HiddenTruth, draw_truth
from robotd.ctl.calibration.prompts import Prompt
from robotd.ctl.calibration.robot import SLOW_UNITS_PER_S, BenchRobot, Move
from robotd.ctl.calibration.steps import run_steps
from robotd.wiring import Wiring

SERVO_STEPS = ("servos", "direction", "offsets", "range")
OF_WILDROBOT: RobotConfig = load_robot_config(assets_dir() / "robot_config.yaml")
HARMLESS = {"move_time_write", "load_or_unload_write"}
"""All writes that a calibration may send; it stores nothing in a servo."""


class Announced(NamedTuple):
    """A move, how many commands the wires had seen when it was announced, and how far every joint had travelled."""

    move: Move
    seen: int
    travels: Mapping[str, float]


class Rehearsal(NamedTuple):
    """What is left of a calibration."""

    robot: HiddenRobot
    draft: Draft
    announced: list[Announced]
    asked: list[tuple[Prompt, str]]


def rehearse(
    folder: Path,
    seed: int,
    steps: Sequence[str] = tuple(PARTS),
    answers: Mapping[str, str] | None = None,
    robot: HiddenRobot | None = None,
    servo_ids: Iterable[int] = range(LAST_ID + 1),
) -> Rehearsal:
    """Calibrate the robot of a seed, or a given one, as `robotctl calibrate --hal emulated --ids 0-60` does."""
    wiring = Wiring()
    robot = robot or HiddenRobot(draw_truth(OF_WILDROBOT, wiring, seed), OF_WILDROBOT, wiring, seed)
    asked: list[tuple[Prompt, str]] = []
    announced: list[Announced] = []

    def announce(move: Move) -> None:
        announced.append(Announced(move, robot.witness.seen, robot.travels()))

    person = HiddenPerson(robot, seed, answers, lambda prompt, answer: asked.append((prompt, answer)))
    draft = Draft(folder / "calibration.yaml.draft", robot_identity(OF_WILDROBOT))
    rehearsal = Rehearsal(robot, draft, announced, asked)
    with BenchRobot(robot.lines, robot.senses, robot.time.world, announce) as bench:
        run_steps(Bench(bench, OF_WILDROBOT, wiring, draft, person, servo_ids), steps, lambda text: None)
    return rehearsal


def accusations(rehearsal: Rehearsal) -> list[str]:
    """What the witnesses hold against a calibration: empty if only the announced servo ever moved, slowly, and nothing
    was stored in any servo. One witness sees the commands on the wires, the other one the shafts."""
    robot, found = rehearsal.robot, []
    ends = [(*each[1:], each.move) for each in rehearsal.announced]
    ends.append((robot.witness.seen, robot.travels(), None))
    arrivals = robot.witness.since()
    if robot.witness.seen != len(arrivals):
        found.append("the witness has forgotten the beginning")
    before = [each for each in arrivals if each.number < ends[0][0] and each.command == "move_time_write"]
    found += [f"{each.bus}/{each.address} moves before anything is announced" for each in before]
    for (seen, travels, move), (next_seen, next_travels, _) in itertools.pairwise(ends):
        assert move is not None
        named = (move.servo.bus, move.servo.servo_id)
        at = move.start
        for each in arrivals[seen:next_seen]:
            if each.command != "move_time_write":
                continue
            units, time_ms = each.values
            if (each.bus, each.address) != named:
                found.append(f"{each.bus}/{each.address} moves while {move.servo.label} is announced")
            if abs(units - at) > SLOW_UNITS_PER_S * time_ms / 1000:
                found.append(f"{move.servo.label}: {abs(units - at)} units in {time_ms} ms")
            if not min(move.start, move.end) <= units <= max(move.start, move.end):
                found.append(f"{move.servo.label}: told {units}, announced {move.start} to {move.end}")
            at = units
        for joint, wire in robot.truth.wires.items():
            if next_travels[joint] > travels[joint] and (wire.bus, wire.servo_id) != named:
                found.append(f"{joint} turned while {move.servo.label} is announced")
    found += [f"{each.command} to {each.bus}/{each.address}" for each in arrivals if _stores(each.command)]
    for bus, joints in robot.shafts.items():
        fast = {i: speed for i, speed in joints.fastest.items() if speed > SLOW_UNITS_PER_S}
        found += [f"{bus}/{i} was told {speed:.1f} units/s" for i, speed in fast.items()]
    loaded = [servo for wire in robot.wires.values() for servo in wire.servos if servo.loaded]
    return found + [f"servo {servo.servo_id} is left with torque on" for servo in loaded]


def errors(rehearsal: Rehearsal) -> list[str]:
    """Where the servos' part of the draft is not the hidden truth."""
    found, truth = [], rehearsal.robot.truth
    for joint, wire in truth.wires.items():
        known, row = rehearsal.draft.joint(joint), truth.rows[joint]
        if (known.bus, known.servo_id, known.direction) != (wire.bus, wire.servo_id, row.direction):
            found.append(f"{joint}: {known}, expected {wire} and {row}")
        elif known.offset_units is None or abs(known.offset_units - row.offset_units) > 2:
            found.append(f"{joint}: offset {known.offset_units}, expected {row.offset_units} to 2 units")
        elif known.q_at_zero_rad != row.q_at_zero_rad:
            found.append(f"{joint}: q_at_zero_rad {known.q_at_zero_rad}, expected {row.q_at_zero_rad}")
        elif known.range_rad is None or any(
            abs(end - stop) > 0.02 for end, stop in zip(known.range_rad, truth.stops_rad[joint], strict=True)
        ):
            found.append(f"{joint}: stops {known.range_rad}, expected {truth.stops_rad[joint]}")
    return found


def _stores(command: str) -> bool:
    return not command.endswith("_read") and command not in HARMLESS


def calibration_of(truth: HiddenTruth) -> Calibration:
    """What a calibration without any error finds."""
    joints = {
        joint: {
            "bus": wire.bus,
            "servo_id": wire.servo_id,
            "range_rad": list(truth.stops_rad[joint]),
            **truth.rows[joint].model_dump(),
        }
        for joint, wire in truth.wires.items()
    }
    return Calibration.model_validate(
        {
            "robot": robot_identity(OF_WILDROBOT),
            "date": "2026-01-01T00:00:00+00:00",
            "joints": joints,
            "imu": {"mounting_wxyz": list(truth.mounting_wxyz)},
            "foot_switches": {name: wire.model_dump() for name, wire in truth.switches.items()},
            "doubts": [],
        }
    )


def offset_errors(found: Calibration, truth: HiddenTruth) -> list[str]:
    """Where a calibration's joints are not the truth."""
    wrong = []
    for joint, known in found.joints.items():
        wire, row = truth.wires[joint], truth.rows[joint]
        exact = (known.bus, known.servo_id, known.direction) == (wire.bus, wire.servo_id, row.direction)
        if not exact or abs(known.offset_units - row.offset_units) > 2:
            wrong.append(f"{joint}: {known}, expected {wire} and {row}")
    return wrong
