"""robotctl calibrate as a user runs it: answers from a file, draft, undo, what it writes and what it leaves."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from bench_rig import PATIENT, Robotctl, bench_of
from calibration_rig import OF_WILDROBOT

from contract import assets_dir
from firmware_bridge.emulator.servo import EmulatedServo
from robotd.calibration import calibration_path, load_calibration, robot_identity, save_calibration
from robotd.ctl.calibration.draft import PARTS, Draft
from robotd.ctl.calibration.hidden_person import HiddenPerson
from robotd.ctl.calibration.hidden_robot import HiddenRobot, draw_truth
from robotd.ctl.calibration.prompts import Prompt
from robotd.ctl.calibration.words import words_of
from robotd.ctl.refusal import Refusal, refusing
from robotd.lock import HardwareLock
from robotd.places import state_folder
from robotd.wiring import Wiring

EMULATED = ("--hal", "emulated", "--ids", "1-60")


def hashes(folder: Path) -> dict[str, str]:
    """Of all files below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_whole_calibration_writes_its_one_file_and_no_bundle(robotctl: Robotctl, own_home: Path) -> None:
    shutil.copytree(assets_dir() / "bundles" / "wildrobot", own_home / "var/lib/robotd/bundles/wildrobot")
    assets, before = hashes(assets_dir()), hashes(own_home)
    said = robotctl("calibrate", *EMULATED, "--seed", 3, "--json")
    assert said.code == 0, said.err
    path = own_home / "var/lib/robotd/rehearsal/calibration.yaml"
    assert said.json["written"] == str(path) and said.json["missing"] == [] and set(said.json["done"]) == set(PARTS)
    assert set(hashes(own_home)) - set(before) == {"var/lib/robotd/rehearsal/calibration.yaml"}
    assert {name: hashes(own_home)[name] for name in before} == before and hashes(assets_dir()) == assets
    found = load_calibration(path, robot_identity(OF_WILDROBOT))
    assert found is not None
    truth = draw_truth(OF_WILDROBOT, Wiring(), 3)
    assert {name: joint.servo_id for name, joint in found.joints.items()} == {
        name: wire.servo_id for name, wire in truth.wires.items()
    }
    assert not calibration_path().exists(), "a rehearsal must not become this robot's calibration"
    again = robotctl("calibrate", "range", *EMULATED, "--seed", 3)
    assert again.code == 0 and "the one before is calibration.yaml.1" in again.out, again.out


def test_every_prompt_and_every_move_is_on_the_screen(robotctl: Robotctl) -> None:
    said = robotctl("calibrate", "servos", "direction", *EMULATED)
    assert said.code == 0 and "not written yet: offsets, range, imu, feet, home to do" in said.out
    for joint in OF_WILDROBOT.joints:
        assert f"[direction.{joint}] " in said.err
        assert f"  {joint} turns from " in said.err
    assert said.err.count("at most 60 units/s") > 40


def test_the_draft_goes_on_and_a_step_can_be_taken_back(robotctl: Robotctl, tmp_path: Path) -> None:
    file = ("--file", tmp_path / "c.yaml")
    assert robotctl("calibrate", "servos", *EMULATED, *file).code == 0
    said = robotctl("calibrate", "servos", "direction", *EMULATED, *file)
    assert "servos: done before; --undo servos to do it again" in said.err and "[servos." not in said.err
    said = robotctl("calibrate", "--undo", "servos", *EMULATED, *file, "--json")
    assert (said.code, said.json["undone"]) == (0, ["servos", "direction", "offsets", "range", "home", "verify"])
    said = robotctl("calibrate", "direction", *EMULATED, *file)
    assert said.code == 2 and said.sentence == (
        "direction needs servos first; run "
        f"robotctl calibrate --hal emulated --file {tmp_path}/c.yaml --ids 1-60 servos direction"
    )
    assert "[begin]" not in said.err, "nobody hangs up a robot for a step that cannot be"


def test_a_hint_names_the_same_robot(robotctl: Robotctl) -> None:
    said = robotctl("calibrate", *EMULATED, "--seed", 3, "home", "imu", "verify")
    assert said.code == 2 and said.sentence == (
        "home needs servos, direction, offsets first; "
        "run robotctl calibrate --hal emulated --ids 1-60 --seed 3 servos direction offsets imu home verify"
    )
    said = robotctl("calibrate", *EMULATED, *(step for step in PARTS if step != "verify"))
    assert said.code == 0, said.err
    assert said.out.endswith("does not arm: robotctl calibrate --hal emulated --ids 1-60 verify\n")


def test_a_draft_is_of_its_seed(robotctl: Robotctl, tmp_path: Path) -> None:
    file = ("--file", tmp_path / "c.yaml")
    draft = tmp_path / "c.yaml.draft"
    assert robotctl("calibrate", "servos", *EMULATED, *file, "--seed", 3).code == 0
    said = robotctl("calibrate", "servos", "direction", *EMULATED, *file, "--seed", 4)
    assert said.code == 0, said.err
    assert f"  {draft} is of the emulated robot of seed 3, not of seed 4: begun anew" in said.err.splitlines()
    truth = draw_truth(OF_WILDROBOT, Wiring(), 4)
    found = yaml.safe_load(draft.read_text())
    assert {name: joint["servo_id"] for name, joint in found["joints"].items()} == {
        name: wire.servo_id for name, wire in truth.wires.items()
    }
    said = robotctl("calibrate", "servos", *EMULATED, *file, "--seed", 4)
    assert said.code == 0 and "begun anew" not in said.err and "[servos." not in said.err
    said = robotctl("calibrate", "servos", "--hal", "bench", *file)
    assert said.code == 3 and "is of the emulated robot of seed 4, not of this one: begun anew" in said.err
    assert yaml.safe_load(draft.read_text()) == found, "nothing was found yet"


def test_a_rehearsal_takes_no_draft_of_a_robot(robotctl: Robotctl, tmp_path: Path) -> None:
    draft = Draft(tmp_path / "c.yaml.draft", robot_identity(OF_WILDROBOT))
    draft.keep_joint("waist_yaw", direction=-1)
    before = draft.path.read_bytes()
    said = robotctl("calibrate", *EMULATED, "--file", tmp_path / "c.yaml")
    assert said.code == 2 and said.sentence == (
        f"{draft.path}: is the draft of a robot that is not emulated, expected none here; "
        "give another --file, or remove it"
    )
    assert draft.path.read_bytes() == before


def test_steps_of_another_seed_do_not_build_upon_a_finished_rehearsal(robotctl: Robotctl) -> None:
    assert robotctl("calibrate", *EMULATED, "--seed", 3).code == 0
    said = robotctl("calibrate", "range", *EMULATED, "--seed", 4)
    path = state_folder() / "rehearsal" / "calibration.yaml"
    assert f"  {path} is of another emulated robot than that of seed 4: begun anew" in said.err.splitlines()
    assert said.code == 2 and said.sentence.startswith("range needs servos, direction, offsets first; run ")


@pytest.mark.parametrize("more", [("--hal", "emulated"), ("--hal", "bench"), ("--undo", "imu")])
def test_a_folder_is_refused_before_anything_is_done(more: tuple[str, ...], robotctl: Robotctl, tmp_path: Path) -> None:
    said = robotctl("calibrate", *more, "--file", tmp_path)
    assert said.code == 2 and said.err.count("\n") == 1
    assert said.sentence == f"{tmp_path}: is a folder, expected a file; give another name with --file"


@pytest.mark.parametrize(
    ("user", "problem", "cure"),
    [
        (0, PermissionError(errno.EPERM, "Operation not permitted", "a.yaml"), "check that place"),
        (1000, PermissionError(errno.EACCES, "Permission denied", "a.yaml"), "use sudo"),
        (1000, NotADirectoryError(errno.ENOTDIR, "Not a directory", "a.yaml"), "check that place"),
    ],
)
def test_only_who_is_not_root_is_told_to_use_sudo(
    user: int, problem: OSError, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(Refusal) as caught, refusing(OSError):
        raise problem
    assert str(caught.value) == f"a.yaml: {problem.strerror}; {cure}"


def test_undo_without_a_draft_puts_back_what_a_backup_has(robotctl: Robotctl, tmp_path: Path) -> None:
    path = tmp_path / "calibration.yaml"
    said = robotctl("calibrate", "--undo", "imu", "--file", path)
    assert said.code == 2 and "nothing is calibrated yet" in said.sentence
    assert robotctl("calibrate", *EMULATED, "--file", path).code == 0
    first = load_calibration(path)
    assert first is not None
    said = robotctl("calibrate", "--undo", "imu", "--file", path)
    assert said.code == 2 and "no backup" in said.sentence
    turned = first.imu.model_copy(update={"mounting_wxyz": [1.0, 0.0, 0.0, 0.0]})
    save_calibration(path, first.model_copy(update={"imu": turned}))
    said = robotctl("calibrate", "--undo", "imu", "--file", path)
    assert said.code == 0 and "imu is as it was in calibration.yaml.1" in said.out
    now = load_calibration(path)
    assert now is not None and now.imu == first.imu and now.doubts is None


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (("--hal", "emulated", "--undo", "knees"), 2, "'knees' is not one of"),
        (("knees",), 2, "'knees' is not one of"),
        (("--hal", "emulated", "--answers", "nowhere.yaml"), 2, "--answers nowhere.yaml: No such file"),
        (("--hal", "emulated", "--robot-config", "nowhere.yaml"), 2, "nowhere.yaml: No such file or directory"),
        (("--hal", "emulated", "--ids", "1-999"), 2, "found '1-999', expected ids from 0 to 253"),
        (
            (
                "--hal",
                "bench",
            ),
            3,
            "--hal bench: /dev/servo_left_leg: no such port",
        ),
        (
            (
                "--hal",
                "real",
            ),
            3,
            "--hal real: /dev/servo_left_leg: no such port",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: tuple[str, ...], code: int, problem: str, robotctl: Robotctl
) -> None:
    said = robotctl("calibrate", *words)
    assert said.code == code and problem in said.sentence


def test_a_calibration_that_a_hand_changed_is_not_built_upon(robotctl: Robotctl, tmp_path: Path) -> None:
    path = tmp_path / "calibration.yaml"
    path.write_text("robot: x\n")
    said = robotctl("calibrate", "imu", *EMULATED, "--file", path)
    assert said.code == 2 and f"{path}: " in said.sentence
    draft = path.with_name("calibration.yaml.draft")
    draft.write_text("robot: x\n")
    said = robotctl("calibrate", *EMULATED, "--file", path)
    assert said.code == 2 and "is the draft of another robot" in said.sentence
    draft.write_text("robots: x\n")
    said = robotctl("calibrate", *EMULATED, "--file", path)
    assert said.code == 2 and "remove this draft" in said.sentence


def test_while_somebody_drives_the_robot_it_is_refused(robotctl: Robotctl) -> None:
    with HardwareLock("robotd"):
        said = robotctl("calibrate", "--hal", "bench")
    assert said.code == 2 and "robotd" in said.sentence


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP])
def test_a_signal_leaves_the_robot_limp_and_the_draft(
    number: signal.Signals, robotctl: Robotctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, robots = HiddenPerson.answer, []

    def told_to_end(person: HiddenPerson, prompt: Prompt) -> str:
        if prompt.name == "direction.waist_yaw":
            robots.append(person.robot)
            assert [servo for servo in servos_of(person.robot) if servo.loaded]
            signal.raise_signal(number)
        return answer(person, prompt)

    monkeypatch.setattr(HiddenPerson, "answer", told_to_end)
    said = robotctl("calibrate", *EMULATED, "--file", tmp_path / "c.yaml")
    assert said.code == 130 and said.out == "" and "Traceback" not in said.err
    assert not [servo for servo in servos_of(robots[0]) if servo.loaded]
    draft = yaml.safe_load((tmp_path / "c.yaml.draft").read_text())
    assert draft["done"] == ["servos"] and "direction" in draft["joints"]["left_hip_pitch"]
    assert "direction" not in draft["joints"]["waist_yaw"]


def servos_of(robot: HiddenRobot) -> list[EmulatedServo]:
    return [servo for wire in robot.wires.values() for servo in wire.servos]


JOINTS = ("left_hip_pitch", "right_hip_pitch")


@pytest.fixture
def two_joints(tmp_path: Path) -> Iterator[tuple[object, ...]]:
    """Options for a robot of two joints, ids 7 and 3, on an emulated port in a thread of its own, in wall time."""
    config = yaml.safe_load((assets_dir() / "robot_config.yaml").read_text())
    config["actuator_names"] = list(JOINTS)
    for part in ("joints", "home_pose_rad", "crouch_pose_rad"):
        config[part] = {name: config[part][name] for name in JOINTS}
    (tmp_path / "robot_config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    hardware = {
        "buses": {"leg": {"port": str(tmp_path / "leg")}},
        "joints": {name: {"bus": "leg", "servo_id": i} for i, name in enumerate(JOINTS)},
        "calibration": {name: {} for name in JOINTS},
    }
    (tmp_path / "robotd.yaml").write_text(yaml.safe_dump({"hardware": hardware}))
    with bench_of(tmp_path, 7, 3):
        yield (
            *("--hal", "bench", "--config", tmp_path / "robotd.yaml", "--robot-config", tmp_path / "robot_config.yaml"),
            *("--ids", "1-10", *PATIENT, "--answers", tmp_path / "answers.yaml"),
        )


def test_on_ports_answers_come_from_a_file_by_the_prompts_names(
    two_joints: tuple[object, ...], robotctl: Robotctl, tmp_path: Path
) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("servos.leg.3: left_hip_pitch\nservos.leg.7: right_hip_pitc\n")
    said = robotctl("calibrate", "servos", "direction", *two_joints)
    assert said.code == 2
    assert said.sentence == (f"{answers}: servos.leg.7: found 'right_hip_pitc', did you mean 'right_hip_pitch'?")
    up, down = words_of(JOINTS[0])
    answers.write_text(f"servos.leg.7: right_hip_pitch\ndirection.left_hip_pitch: {down}\n")
    said = robotctl("calibrate", "servos", "direction", *two_joints)
    assert said.code == 2 and "[servos.leg.3]" not in said.err, "the finished prompt is not asked again"
    assert f"no answer for the prompt direction.right_hip_pitch, expected one of {up}, {down}, again" in said.sentence
    answers.write_text(f"direction.right_hip_pitch: {up}\noffsets.way: hand\n")
    said = robotctl("calibrate", "direction", "offsets", *two_joints, "--json")
    assert said.code == 0 and said.json["written"] is None
    draft = yaml.safe_load(Path(said.json["draft"]).read_text())
    assert {name: joint["servo_id"] for name, joint in draft["joints"].items()} == {JOINTS[0]: 3, JOINTS[1]: 7}
    assert draft["joints"][JOINTS[0]]["direction"] == -draft["joints"][JOINTS[1]]["direction"]
    said = robotctl("calibrate", "imu", *two_joints)
    assert said.code == 3 and "no IMU on this bench" in said.err
