"""robotctl calibrate on hidden robots: the IMU's mounting, the switches, the trim of home, and what verify says."""

from __future__ import annotations

import itertools
import math
import os
from pathlib import Path

import click
import pytest
from calibration_rig import OF_WILDROBOT, accusations, calibration_of, errors, rehearse

from firmware_bridge.emulator.fault import FaultKind
from robotd.ctl.calibration import hidden_person
from robotd.ctl.calibration.draft import PARTS, Draft
from robotd.ctl.calibration.hidden_person import HiddenPerson
from robotd.ctl.calibration.hidden_pose import hold
from robotd.ctl.calibration.hidden_robot import HiddenRobot, draw_truth
from robotd.ctl.calibration.imu_mounting import angle_between_deg
from robotd.ctl.calibration.prompts import Prompt
from robotd.ctl.refusal import CheckFailed
from robotd.wiring import Wiring

ROBOTS = int(os.environ.get("WILDROBOT_CALIBRATION_ROBOTS", "2"))
"""50 for the whole campaign."""
MOST_IMU_DEG = 1.5
PARTS_TO_HOME = tuple(PARTS)[: list(PARTS).index("home") + 1]


def hidden(seed: int = 0) -> HiddenRobot:
    return HiddenRobot(draw_truth(OF_WILDROBOT, Wiring(), seed), OF_WILDROBOT, Wiring(), seed)


@pytest.mark.parametrize("seed", range(ROBOTS))
def test_a_hidden_robot_is_found_whole_stands_straight_and_is_verified(seed: int, tmp_path: Path) -> None:
    rehearsal = rehearse(tmp_path, seed)
    truth, content = rehearsal.robot.truth, rehearsal.draft.content
    assert content.done == list(PARTS) and errors(rehearsal) == [] and accusations(rehearsal) == []
    assert content.imu is not None
    assert angle_between_deg(content.imu.mounting_wxyz, truth.mounting_wxyz) <= MOST_IMU_DEG
    assert content.foot_switches == dict(truth.switches)
    for joint, bend_rad in zip(("left_ankle_pitch", "left_foot_roll"), truth.bend_rad, strict=True):
        sign = -1 if joint == "left_ankle_pitch" else 1
        trim_rad = content.home_trim_rad.get(joint, 0.0)
        assert abs(trim_rad - sign * bend_rad) < math.radians(MOST_IMU_DEG), "of the bend, as good as the IMU is"
    assert content.doubts == []


def test_the_robot_that_is_drawn_is_another_one_each_time() -> None:
    truths = [draw_truth(OF_WILDROBOT, Wiring(), seed) for seed in range(20)]
    pins = {tuple(wire.pin for wire in truth.switches.values()) for truth in truths}
    assert len({truth.mounting_wxyz for truth in truths}) == 20 and len(pins) > 5
    far = [angle_between_deg(truth.mounting_wxyz, (1, 0, 0, 0)) for truth in truths]
    assert min(far) < 90 < 150 < max(far)


def test_a_robot_held_in_another_pose_is_named_and_only_that_pose_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = hidden()
    asked: list[str] = []
    first = True

    def swap(name: str) -> str:
        """The person lays it on its back when asked for its face, once."""
        nonlocal first
        asked.append(name)
        if name == "face_down" and first:
            first = False
            return "on_its_back"
        return name

    monkeypatch.setattr(hidden_person, "hold", lambda robot, pose, dice: hold(robot, swap(pose), dice))
    with pytest.raises(CheckFailed, match=r"^pose face_down does not fit the others: .*take that pose again$"):
        rehearse(tmp_path, 0, ("imu",), robot=robot)
    asked.clear()
    again = rehearse(tmp_path, 0, ("imu",), robot=hidden())
    assert asked == ["face_down"] and again.draft.content.imu is not None
    assert angle_between_deg(again.draft.content.imu.mounting_wxyz, robot.truth.mounting_wxyz) <= MOST_IMU_DEG


def test_a_dead_switch_ends_the_step_and_is_named(tmp_path: Path) -> None:
    robot = hidden()
    dead = list(robot.truth.switches).index("right_toe")
    robot.contacts.inject(FaultKind.OFF, dead)
    with pytest.raises(CheckFailed, match=r"^right_toe is dead: no pin changed, expected one of GPIO"):
        rehearse(tmp_path, 0, ("feet",), robot=robot)


def test_a_trim_that_the_person_does_not_want_is_not_kept(tmp_path: Path) -> None:
    rehearsal = rehearse(tmp_path, 3, PARTS_TO_HOME, {"home.trim": "no"})
    assert rehearsal.draft.content.home_trim_rad == {} and "home" in rehearsal.draft.content.done
    assert rehearsal.draft.content.residuals["home"]["lean_forward_rad"] != 0


def test_a_robot_that_leans_too_much_for_a_trim_is_sent_back(tmp_path: Path) -> None:
    robot = hidden()
    robot.truth = robot.truth._replace(bend_rad=(0.15, 0.0))
    with pytest.raises(CheckFailed, match=r"^at home the robot leans .* forward, .* expected at most 6 deg; an offset"):
        rehearse(tmp_path, 0, PARTS_TO_HOME, robot=robot)


def test_given_up_once_at_every_prompt_each_finding_is_kept_and_nothing_is_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = HiddenPerson.answer
    given_up: set[str] = set()
    answered: list[str] = []

    def give_up_once(person: HiddenPerson, prompt: Prompt) -> str:
        if prompt.name not in given_up:
            given_up.add(prompt.name)
            raise click.Abort
        answered.append(prompt.name)
        return answer(person, prompt)

    monkeypatch.setattr(HiddenPerson, "answer", give_up_once)
    right = calibration_of(hidden().truth)
    Draft(tmp_path / "calibration.yaml.draft", right.robot).begin_from(right, ("imu", "feet"))
    for run in itertools.count():
        assert run < 60
        try:
            rehearsal = rehearse(tmp_path, 0, ("imu", "feet", "home", "verify"))
            break
        except click.Abort:
            continue
    again = {name for name in answered if answered.count(name) > 1}
    assert len(given_up) == run and len(given_up) > 35
    assert again <= {"home.hang", "home.stand", "verify.hang", "verify.stand", "verify.upright"}, (
        again
    )  # done in one go
    assert rehearsal.draft.content.done == list(PARTS) and rehearsal.draft.content.doubts == []
