"""A robot that was calibrated wrongly does not arm, and is told the culprit: by its verification and by its signals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibration_rig import OF_WILDROBOT, accusations, calibration_of, rehearse
from emulated_robot import emulated, fresh, run_on
from robot_builder import setup_of, signals_of, zeros

from contract import FOOT_SWITCHES, Bundle, Signals
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.mounting import product
from robotd.arming import ArmingCheck, ArmingFacts, arming_checks, facts_of
from robotd.calibration import Calibration, save_calibration, standing_of
from robotd.config import RobotdConfig
from robotd.ctl import cli
from robotd.ctl.calibration.draft import DRAFT_SUFFIX, Draft
from robotd.ctl.calibration.hidden_robot import HiddenRobot, HiddenTruth, draw_truth
from robotd.hal.emulated import EmulatedHardware
from robotd.record import Orders
from robotd.tick import initial_tick_state, tick
from robotd.wiring import Wiring

DAY_S = 86400.0
NAMES = OF_WILDROBOT.actuator_names
SEED = 4


def of_truth(truth: HiddenTruth) -> Calibration:
    """The calibration that is all right, the bend of the frame trimmed away."""
    trim = dict.fromkeys(("left_ankle_pitch", "right_ankle_pitch"), -truth.bend_rad[0])
    return calibration_of(truth).model_copy(update={"home_trim_rad": trim})


def changed(calibration: Calibration, change: Callable[[dict[str, Any]], None]) -> Calibration:
    data = calibration.model_dump()
    change(data)
    return Calibration.model_validate(data)


def nothing(data: dict[str, Any]) -> None:
    """It stays right."""


def flip_the_left_knee(data: dict[str, Any]) -> None:
    data["joints"]["left_knee_pitch"]["direction"] *= -1


def swap_hip_and_knee(data: dict[str, Any]) -> None:
    hip, knee = data["joints"]["left_hip_pitch"], data["joints"]["left_knee_pitch"]
    hip["servo_id"], knee["servo_id"] = knee["servo_id"], hip["servo_id"]


def swap_the_knees(data: dict[str, Any]) -> None:
    left, right = data["joints"]["left_knee_pitch"], data["joints"]["right_knee_pitch"]
    for key in ("bus", "servo_id"):
        left[key], right[key] = right[key], left[key]


def shift_the_ankle(data: dict[str, Any]) -> None:
    data["joints"]["left_ankle_pitch"]["offset_units"] += 20


def turn_the_imu_over(data: dict[str, Any]) -> None:
    data["imu"]["mounting_wxyz"] = list(product((0.0, 1.0, 0.0, 0.0), tuple(data["imu"]["mounting_wxyz"])))


def turn_the_imu_round(data: dict[str, Any]) -> None:
    data["imu"]["mounting_wxyz"] = list(product((0.0, 0.0, 0.0, 1.0), tuple(data["imu"]["mounting_wxyz"])))


def swap_the_toes(data: dict[str, Any]) -> None:
    switches = data["foot_switches"]
    switches["left_toe"], switches["right_toe"] = switches["right_toe"], switches["left_toe"]


# what is wrong with the file, which switch is dead, what each doubt begins with
VERIFIED: list[tuple[Callable[[dict[str, Any]], None], str | None, list[str]]] = [
    (nothing, None, []),
    (flip_the_left_knee, None, ["left_knee_pitch has its direction flipped"]),
    (
        swap_hip_and_knee,
        None,
        ["left_hip_pitch and left_knee_pitch are swapped", "left_knee_pitch and left_hip_pitch are swapped"],
    ),
    (
        swap_the_knees,
        None,
        ["left_knee_pitch and right_knee_pitch are swapped", "right_knee_pitch and left_knee_pitch are swapped"],
    ),
    (shift_the_ankle, None, ["left_ankle_pitch reads"]),
    (turn_the_imu_over, None, ["the IMU's mounting is upside down", "the IMU's mounting is wrong"]),
    (turn_the_imu_round, None, ["the IMU's mounting is wrong: a tilt nose down is felt about an axis 1"]),
    (nothing, "right_heel", ["right_heel is dead"]),
    (swap_the_toes, None, ["left_toe was pressed, and right_toe answered", "right_toe was pressed, and left_toe"]),
]


@pytest.mark.parametrize("mistake, dead, culprits", VERIFIED)
def test_verification_names_the_culprit_and_arming_refuses_with_its_words(
    mistake: Callable[[dict[str, Any]], None],
    dead: str | None,
    culprits: list[str],
    tmp_path: Path,
    zero_bundle: Bundle,
) -> None:
    truth = draw_truth(OF_WILDROBOT, Wiring(), SEED)
    wrong = changed(of_truth(truth), mistake)
    robot = HiddenRobot(truth, OF_WILDROBOT, Wiring(), SEED)
    if dead is not None:
        robot.contacts.inject(FaultKind.OFF, list(truth.switches).index(dead))
    path = tmp_path / "calibration.yaml"
    Draft(path.with_name(path.name + DRAFT_SUFFIX), wrong.robot).begin_from(wrong, ("verify",))
    rehearsal = rehearse(tmp_path, SEED, ("verify",), robot=robot)
    verified = rehearsal.draft.calibration(wrong.date)
    assert verified.doubts is not None and len(verified.doubts) == len(culprits), verified.doubts
    for doubt, culprit in zip(verified.doubts, culprits, strict=True):
        assert doubt.startswith(culprit)
    if culprits:  # a robot that is not what its calibration says must not be moved by it
        assert not any(robot.travels().values())
    else:
        assert accusations(rehearsal) == [] and all(robot.travels().values())

    save_calibration(path, verified)
    standing = standing_of(Wiring(), OF_WILDROBOT, path)
    assert standing.calibration is not None
    facts = facts_of(zero_bundle, "real", (), DAY_S, standing.problem, standing.calibration.doubts)
    refused = failed(facts)
    assert [check.name for check in refused] == (["calibration"] if culprits else [])
    for check in refused:
        assert check.mandatory and all(culprit in check.found for culprit in culprits)


def failed(
    facts: ArmingFacts,
    config: RobotdConfig = RobotdConfig(),  # noqa: B008
    signals: Signals | None = None,
) -> list[ArmingCheck]:
    """What speaks against arming a robot that sensed so for a second, as at home and upright by default."""
    setup = setup_of(config=config)
    state = initial_tick_state(setup)
    for _ in range(60):
        seen = signals_of(setup.spec) if signals is None else signals
        state, _, record = tick(setup, state, seen, Orders(), zeros(setup.spec))
    return [check for check in arming_checks(setup, record, facts) if not check.ok]


def hang(hardware: EmulatedHardware) -> None:
    """Limp in the stand, until the legs hang straight."""
    hardware.twin.leap(1500)
    straight = [n for n, name in enumerate(NAMES) if name.endswith(("hip_pitch", "knee_pitch"))]
    assert np.all(abs(hardware.twin.sense().joint_pos_rad[straight]) < 0.1), "the legs do not hang"


def stand(hardware: EmulatedHardware) -> None:
    """On the ground at home, at the moment at which every sole feels it."""
    hardware.place(OF_WILDROBOT.home, supported=False)
    for _ in range(100):
        hardware.twin.leap(1)
        if np.all(hardware.twin.sense().foot_switches == 1):
            return
    raise AssertionError("it does not stand")


def flipped(wiring: dict[str, Any]) -> None:
    wiring["calibration"]["left_knee_pitch"]["direction"] *= -1


def swapped(wiring: dict[str, Any]) -> None:
    hip, knee = wiring["joints"]["left_hip_pitch"], wiring["joints"]["left_knee_pitch"]
    hip["servo_id"], knee["servo_id"] = knee["servo_id"], hip["servo_id"]


def turned_over(wiring: dict[str, Any]) -> None:
    wiring["imu"]["mounting_wxyz"] = [0.0, 1.0, 0.0, 0.0]


# pose, what is wrong in the wiring, which switch is dead, the check that refuses, words it must say
SIGNALLED: list[tuple[Any, Callable[[dict[str, Any]], None], str | None, str | None, list[str]]] = [
    (hang, nothing, None, None, []),
    (stand, nothing, None, None, []),
    (hang, flipped, None, "legs", ["alike if the direction of left_knee_pitch were flipped"]),
    (hang, swapped, None, "legs", ["left_hip_pitch and left_knee_pitch were swapped"]),
    (hang, turned_over, None, "upright", ["the IMU's mounting is upside down"]),
    (stand, nothing, "right_heel", "foot switches", ["right_heel feels nothing"]),
]


@pytest.mark.parametrize("pose, mistake, dead, check, words", SIGNALLED)
def test_signals_alone_name_the_culprit_on_emulated_wires(
    pose: Any,
    mistake: Callable[[dict[str, Any]], None],
    dead: str | None,
    check: str | None,
    words: list[str],
    zero_bundle: Bundle,
) -> None:
    """The file says that all is well: what the drivers read in a robot that is put together otherwise says no."""
    data = Wiring().model_dump()
    mistake(data)
    wrong = Wiring.model_validate(data)
    seen: list[Signals] = []
    with emulated(zero_bundle, wrong, truth=Wiring(), physics_clock=lambda: 0.0) as hardware:
        pose(hardware)
        hardware.live.refresh()
        if dead is not None:
            hardware.contacts.inject(FaultKind.OFF, FOOT_SWITCHES.index(dead))

        async def look() -> None:
            seen.append(await fresh(hardware))

        run_on(hardware, look)
    (signals,) = seen
    signals = signals._replace(
        imu_age_s=np.float32(0), joint_age_s=np.zeros(len(NAMES), np.float32)
    )  # a loaded machine
    config = RobotdConfig().model_copy(update={"hardware": wrong})
    against = {each.name: each.found for each in failed(facts_of(zero_bundle, "real", (), DAY_S), config, signals)}
    if check is None:
        assert against == {}
    else:
        assert check in against, against
        assert all(word in against[check] for word in words), against[check]


def test_the_verb_writes_what_it_doubts_says_it_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "calibration.yaml"
    truth = draw_truth(OF_WILDROBOT, Wiring(), SEED)
    words = ["calibrate", "verify", "--hal", "emulated", "--seed", str(SEED), "--file", str(path)]
    save_calibration(path, changed(of_truth(truth), flip_the_left_knee))
    assert cli.run(words) == 1
    said = capsys.readouterr()
    assert "WRONG: left_knee_pitch has its direction flipped" in said.out and "written to" in said.out
    assert "FAIL  left_knee_pitch turns: left_knee_pitch has its direction flipped" in said.err
    standing = standing_of(Wiring(), OF_WILDROBOT, path)
    assert standing.calibration is not None and len(standing.calibration.doubts or ()) == 1
    save_calibration(path, of_truth(truth))
    assert cli.run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibration"]["doubts"] == []
