"""robotctl sysid end to end: real drivers over pseudo terminals in real time; what it writes and refuses."""

from __future__ import annotations

import asyncio
import io
import json
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from bench_rig import Robotctl, spawn
from black_box_rig import shipped

from contract import assets_dir, load_robot_config
from contract.robot_params import load_robot_params
from firmware_bridge.emulator.bench import BenchProcess, ServoBench
from firmware_bridge.emulator.joints import FirstOrderJoints, Mechanics
from robotd.ctl import sysid
from robotd.ctl.identification.excitation import bounds_of
from robotd.ctl.identification.joint_trial import TrialError
from robotd.ctl.identification.session import Job, record_joints
from robotd.hal.emulated import EmulatedHardware
from robotd.hal.servo_frame import servo_frame
from robotd.hal.sim import open_twin
from robotd.lock import HardwareLock
from robotd.wiring import UNITS_PER_RAD, Wiring

IDS = {"left_leg": (1, 2, 3, 4, 5), "right_leg": (6, 7, 8, 9, 10), "upper": (11,)}
JOINT, SERVO_ID = "left_knee_pitch", 3
TRUE = Mechanics(delay_s=0.04, units_per_s=400, time_constant_s=0.03, backlash_units=5)
LONG_S = 60.0
ROBOT = load_robot_config(assets_dir() / "robot_config.yaml")


def robotd_yaml(folder: Path) -> Path:
    """A robotd.yaml whose ports are the bench's in a folder."""
    path = folder / "robotd.yaml"
    path.write_text(yaml.safe_dump({"hardware": {"buses": {name: {"port": str(folder / name)} for name in IDS}}}))
    return path


def test_a_joint_on_the_bench_is_identified_and_written_for_the_trainer(tmp_path: Path, robotctl: Robotctl) -> None:
    output = tmp_path / "robot_params.yaml"
    output.write_text(f"robot_name: {ROBOT.robot_name}\nmass_kg: {{value: 3.5, uncertainty: 0.1}}\n")
    joints = FirstOrderJoints(IDS["left_leg"], mechanics={SERVO_ID: TRUE})
    with ServoBench(IDS, tmp_path, {"left_leg": joints}) as bench:
        words = ("--hal", "bench", "--config", robotd_yaml(tmp_path), "--joint", JOINT, "--amplitude", "0.12")
        said = robotctl("sysid", *words, "--output", output, "--plot", tmp_path / "pictures", "--json")
        moved = {arrival.address for arrival in bench.witness.since(command="move_time_write")}
        with bench.lock:
            loaded = [servo.servo_id for wire in bench.wires.values() for servo in wire.servos if servo.loaded]
    assert said.code == 0, said.err
    assert moved == {SERVO_ID} and loaded == []
    found = said.json["joints"][JOINT]["quantities"]
    assert found["delay"]["value"] == pytest.approx(1e3 * TRUE.delay_s, rel=0.15)
    assert found["speed"]["value"] == pytest.approx(TRUE.units_per_s / UNITS_PER_RAD, rel=0.15)
    assert found["backlash"]["value"] == pytest.approx(TRUE.backlash_units / UNITS_PER_RAD, rel=0.15)
    params = load_robot_params(output, ROBOT)
    assert params.mass_kg is not None, "what stood there stays"
    assert params.backlash_rad is not None and params.max_velocity_rad_s is not None
    assert params.backlash_rad[JOINT].value == pytest.approx(found["backlash"]["value"], abs=1e-5)
    latency = params.control_latency_s
    assert latency is not None and latency[""].low < 0.045 < latency[""].high, "a packet of 0.9 ms and the delay"
    pictures = [Path(picture).read_bytes() for picture in said.json["pictures"]]
    assert [picture[:4] for picture in pictures] == [b"\x89PNG"]
    assert f"{JOINT} (servo 3 on left_leg) moves for" in said.err and "rad/s" in said.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGTSTP])
def test_an_interrupted_trial_is_limp_and_writes_nothing(number: signal.Signals, tmp_path: Path) -> None:
    output = tmp_path / "robot_params.yaml"
    words = ("sysid", "--hal", "bench", "--config", robotd_yaml(tmp_path), "--joint", JOINT, "--output", output)
    with BenchProcess(IDS, tmp_path) as bench, spawn(*words) as verb:
        wait_for_moves(bench)
        verb.send_signal(number)
        out, err = verb.communicate(timeout=60)
        said = bench.control.witness(command="load_or_unload_write")
    assert (verb.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    assert said[-1].values == (0,) and not output.exists()


def test_feet_on_the_ground_are_refused_before_anything_moves() -> None:
    bundle = shipped("standing")
    hardware = EmulatedHardware(bundle.spec, Wiring(), open_twin(bundle))
    hardware.place(bundle.spec.robot.home, supported=False)
    joint = ROBOT.joints[JOINT]
    bounds = bounds_of((joint.range_min_rad, joint.range_max_rad), 0.8, 0.2, 0.05, 5.0, 5.0)
    job = Job(JOINT, "left_leg", SERVO_ID, servo_frame([Wiring().calibration[JOINT]]), bounds)
    try:
        with pytest.raises(TrialError, match=r"left_knee_pitch: the foot switch left_\w+ is pressed.*lift the robot"):
            asyncio.run(record_joints(hardware, [job], True, lambda text: None))
        assert hardware.bench.witness.since(command="move_time_write") == []
    finally:
        hardware.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--joint", "left_kne"), "no such joint (did you mean 'left_knee_pitch'?)"),
        (("--joint", "left_foot_roll", "--margin", "0.3"), "leaves 0.049 rad to both sides"),
        (("--config", "nowhere.yaml"), "nowhere.yaml: No such file"),
        (("--bundle", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], sentence: str, robotctl: Robotctl) -> None:
    said = robotctl("sysid", "--hal", "bench", *words)
    assert said.code == 2 and sentence in said.sentence


@pytest.mark.parametrize(
    ("answer", "cure"),
    [
        ("n\n", "; lift the robot, then run it again"),
        ("", ", since the input has ended; run it in a terminal, or with --yes"),
    ],
)
def test_a_real_robot_moves_only_after_a_yes(
    answer: str, cure: str, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    monkeypatch.setattr(sysid, "open_hardware", lambda *_: SimpleNamespace(close=lambda: closed.append(True)))
    monkeypatch.setattr(sysid, "record_joints", lambda *_: pytest.fail("it must not move"))
    said = robotctl("sysid", "--joint", JOINT)
    assert said.code == 2 and "Are both feet in the air?" in said.err and closed == [True]
    assert said.err.endswith(f"robotctl: nothing was moved{cure}\n")


def test_nobody_is_asked_about_a_robot_that_is_not_there(tmp_path: Path, robotctl: Robotctl) -> None:
    said = robotctl("sysid", "--config", robotd_yaml(tmp_path), "--joint", JOINT)
    assert said.code == 3 and "no such port" in said.sentence and "feet" not in said.err


def test_a_file_of_another_robot_is_refused_before_anything_moves(tmp_path: Path, robotctl: Robotctl) -> None:
    output = tmp_path / "robot_params.yaml"
    output.write_text("robot_name: other\n")
    said = robotctl("sysid", "--hal", "bench", "--joint", JOINT, "--output", output)
    assert said.code == 2 and "robot_name is 'other'" in said.sentence


def test_it_needs_the_hardware_for_itself(robotctl: Robotctl) -> None:
    with HardwareLock("robotd"):
        said = robotctl("sysid", "--hal", "bench", "--joint", JOINT)
    assert said.code == 2 and "robotd (pid" in said.sentence


def test_ports_that_are_not_there_are_not_reachable(tmp_path: Path, robotctl: Robotctl) -> None:
    said = robotctl("sysid", "--hal", "bench", "--config", robotd_yaml(tmp_path), "--joint", JOINT)
    assert said.code == 3 and "no such port" in said.sentence


def wait_for_moves(bench: BenchProcess) -> None:
    """Until the joint is on its way."""

    async def watch() -> None:
        while len(bench.control.witness(command="move_time_write")) < 3:
            await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(watch(), LONG_S))


def test_the_json_is_plain(tmp_path: Path) -> None:
    """What is not finite would be no JSON."""
    from robotd.ctl.identification.findings import finding_of
    from robotd.ctl.identification.fit import Fit
    from robotd.ctl.identification.servo_model import Servo

    error = dict.fromkeys(("delay_s", "speed_units_s", "lag_s", "play_units", "friction_units"), float("inf"))
    fit = Fit(Servo(), error, (2.0, 0.1), 1.0, 0.0, 0.5, None)  # type: ignore[arg-type]
    told = finding_of(JOINT, fit, 4000, 5.0, 7.5, None).to_json()
    assert json.loads(json.dumps(told, allow_nan=False))["quantities"]["speed"]["bound"] == "at least"
