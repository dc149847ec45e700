"""robotctl calibrate on hidden robots: ids, directions and offsets are found, and no joint moves that was not named."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from calibration_rig import OF_WILDROBOT, SERVO_STEPS, Rehearsal, accusations, errors, rehearse

from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.hiwonder import Command, write
from firmware_bridge.servo_limp import limp
from robotd.calibration import robot_identity
from robotd.ctl.calibration.draft import Draft
from robotd.ctl.calibration.hidden_robot import HiddenRobot, draw_truth
from robotd.ctl.calibration.robot import BenchRobot, Servo
from robotd.ctl.refusal import CheckFailed, Refusal
from robotd.wiring import Wiring


def test_a_hidden_robots_servos_are_found_and_nothing_else_ever_moved(tmp_path: Path) -> None:
    """Many robots, and their senses too, are in test_calibrate_senses."""
    rehearsal = rehearse(tmp_path, 11, SERVO_STEPS, servo_ids=range(254))
    assert errors(rehearsal) == []
    assert len(rehearsal.announced) >= 4 * len(OF_WILDROBOT.joints), "every joint turned there and back twice"
    assert accusations(rehearsal) == []


def hidden(seed: int = 0) -> HiddenRobot:
    return HiddenRobot(draw_truth(OF_WILDROBOT, Wiring(), seed), OF_WILDROBOT, Wiring(), seed)


def test_the_witnesses_would_see_another_joint_a_jump_and_a_stored_register(tmp_path: Path) -> None:
    rehearsal = rehearse(tmp_path, 0, ("servos",))
    assert accusations(rehearsal) == []
    robot = rehearsal.robot
    waist = robot.truth.wires["waist_yaw"]
    wire = robot.lines[waist.bus]
    now_s = robot.clock.now_s()
    for packet in (
        write(waist.servo_id, Command.MOVE_TIME_WRITE, 900, 100),
        write(waist.servo_id, Command.ID_WRITE, 99),
    ):
        wire.wire.receive(packet.encode(), now_s, wire.baud)
    robot.time.sleep(0.1)
    said = " ".join(accusations(rehearsal))
    for part in ("units in 100 ms", "turned while", "units/s", "id_write", "torque on"):
        assert part in said, said


def test_a_joint_that_is_blocked_goes_limp_and_is_named(tmp_path: Path) -> None:
    robot = hidden()
    servo = min(robot.wires["upper"].servos, key=lambda each: each.servo_id)
    stuck = robot.shafts["upper"].read(servo.servo_id)
    robot.shafts["upper"].read = lambda servo_id: stuck  # type: ignore[method-assign]
    with pytest.raises(CheckFailed, match=rf"^servo {servo.servo_id} on upper: \d+ units behind its target"):
        rehearse(tmp_path, 0, ("servos",), robot=robot)
    assert not servo.loaded


def wrong(rehearsal: Rehearsal) -> str:
    """A joint that was asked about."""
    return next(prompt.name for prompt, _ in rehearsal.asked if prompt.name.startswith("servos."))


def test_a_servo_that_nobody_saw_leaves_a_joint_without_one(tmp_path: Path) -> None:
    first = wrong(rehearse(tmp_path / "well", 1, ("servos",)))
    with pytest.raises(CheckFailed, match=r"^no servo turns .*--undo servos"):
        rehearse(tmp_path / "ill", 1, ("servos",), {first: "none"})


def test_too_few_servos_and_two_with_one_id_are_refused_before_anything_moves(tmp_path: Path) -> None:
    robot = hidden()
    robot.wires["upper"].servos[0].inject(FaultKind.OFF)
    with pytest.raises(CheckFailed, match=r"^10 servos answer, expected 11"):
        rehearse(tmp_path / "few", 0, ("servos",), robot=robot)
    assert not robot.witness.since(command="move_time_write")
    robot = hidden()
    first, second, *_ = robot.wires["left_leg"].servos
    second.servo_id = first.servo_id
    with pytest.raises(CheckFailed, match=f"^left_leg: more than one servo answers to id {first.servo_id}"):
        rehearse(tmp_path / "two", 0, ("servos",), robot=robot)
    assert not robot.witness.since(command="move_time_write")


def test_a_wrong_zero_is_refused_at_the_stops_with_the_joints_name(tmp_path: Path) -> None:
    rehearse(tmp_path, 0, SERVO_STEPS[:3])
    draft = Draft(tmp_path / "calibration.yaml.draft", robot_identity(OF_WILDROBOT))
    offset = draft.joint("left_knee_pitch").offset_units
    assert offset is not None
    draft.keep_joint("left_knee_pitch", offset_units=offset + 40)
    with pytest.raises(CheckFailed, match=r"^left_knee_pitch: stops at .* expected to reach"):
        rehearse(tmp_path, 0, ("range",))


def test_a_wrong_direction_is_refused_at_the_stops_with_the_joints_name(tmp_path: Path) -> None:
    lie = {"direction.left_foot_roll": "up"}
    truthful = rehearse(tmp_path / "truth", 0, SERVO_STEPS[:2])
    said = dict((prompt.name, answer) for prompt, answer in truthful.asked)["direction.left_foot_roll"]
    if said == "up":
        lie = {"direction.left_foot_roll": "down"}
    with pytest.raises(CheckFailed, match=r"^left_foot_roll: stops at .*the wrong way round; --undo direction"):
        rehearse(tmp_path / "lie", 0, SERVO_STEPS, lie)


def test_a_step_whose_ground_is_missing_says_what_to_run_first(tmp_path: Path) -> None:
    with pytest.raises(
        Refusal, match=r"^offsets needs servos, direction first; run robotctl calibrate servos direction"
    ):
        rehearse(tmp_path, 0, ("offsets",))


def test_a_move_is_bounded_by_the_robot_whatever_a_step_asks_for(tmp_path: Path) -> None:
    robot = hidden()
    wire = robot.truth.wires["waist_yaw"]
    waist = Servo(wire.bus, wire.servo_id, "waist_yaw")
    with BenchRobot(robot.lines, robot.senses, robot.time.world, lambda move: None) as bench:
        here = bench.units(waist)
        bench.move(waist, here + 40, speed=5000)
        assert abs(bench.units(waist) - here - 40) <= 3
    assert 40 < max(robot.shafts[wire.bus].fastest.values()) <= 60


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_what_is_asked_and_never_keeps_a_servo_loaded(
    presses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot, limped, before = hidden(), [], signal.getsignal(signal.SIGINT)

    async def asked() -> None:
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)

    async def pressed(*words: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        limped.append(await limp(*words))

    monkeypatch.setattr("robotd.ctl.calibration.robot.limp", pressed)
    with (
        pytest.raises(KeyboardInterrupt),
        BenchRobot(robot.lines, robot.senses, robot.time.world, lambda move: None) as bench,
    ):
        bench._run(asked())
    assert len(limped) == 1 and signal.getsignal(signal.SIGINT) is before and robot.clock.now_s() < 10


def test_ctrl_c_between_two_questions_is_an_interrupt_at_once() -> None:
    robot = hidden()
    with (
        pytest.raises(KeyboardInterrupt),
        BenchRobot(robot.lines, robot.senses, robot.time.world, lambda move: None) as bench,
    ):
        bench.sleep(0.1)
        signal.raise_signal(signal.SIGINT)
        bench.sleep(60)
    assert robot.clock.now_s() < 10
