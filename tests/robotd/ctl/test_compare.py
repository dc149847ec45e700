"""robotctl compare: a log of the twin itself is reproduced, a weaker servo is named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from bench_rig import Robotctl
from black_box_rig import filled, record_run, shipped
from robot_builder import Script

from contract import Bundle
from robotd.ctl.comparison.errors import joint_errors, outstanding
from robotd.ctl.comparison.motion import set_moving
from robotd.ctl.comparison.session import Session
from robotd.ctl.comparison.twin import Base, Simulated
from robotd.hal.sim import SimHardware, open_twin
from robotd.record import TickRecord

WEAK = "right_ankle_pitch"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return shipped("standing")


def recorded(path: Path, bundle: Bundle, twin: SimHardware, push_n: float = 0.0, set_down: bool = True) -> Path:
    """A session on a twin: homing, standing, pushed now and then, the crouch. In the air it hangs on its stand."""

    def attend(record: TickRecord) -> None:
        if set_down:
            twin.attend(record)
        if push_n and record.number % 130 == 0:
            twin.push((push_n, 0.0, 0.0), 0.1)

    script = Script(250, may_activate=lambda: not set_down or not twin.supported)
    record_run(path, bundle, twin, script, attend)
    return path


def weaker(bundle: Bundle, folder: Path, joint: str, kp: float) -> SimHardware:
    """The bundle's twin with another stiffness in one servo."""
    assert bundle.robot_xml is not None
    text, count = re.subn(
        rf'(<position name="{joint}" class="wildrobot")', rf'\1 kp="{kp:g}"', bundle.robot_xml.read_text()
    )
    assert count == 1
    path = folder / "weaker.xml"
    path.write_text(text)
    return SimHardware(bundle.spec, path, bundle.robot_config)


@pytest.fixture(scope="module")
def own_log(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session on the bundle's own twin."""
    return recorded(tmp_path_factory.mktemp("own") / "box.bin", bundle, open_twin(bundle, seed=5))


def test_a_log_of_the_twin_itself_is_reproduced(own_log: Path, tmp_path: Path, robotctl: Robotctl) -> None:
    picture = tmp_path / "compare.png"
    said = robotctl("compare", own_log, "--plot", picture, "--max-rms", "1e-4", "--json")
    assert said.code == 0, said
    assert said.json["base"] == "free" and said.json["ticks"] > 300
    assert max(joint["rms_rad"] for joint in said.json["joints"]) < 1e-4
    assert said.json["outstanding"] is None and said.json["lean_rad"] < 1e-3
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_weaker_servo_is_named(bundle: Bundle, tmp_path: Path, robotctl: Robotctl) -> None:
    log = recorded(tmp_path / "box.bin", bundle, weaker(bundle, tmp_path, WEAK, 12.0))
    said = robotctl("compare", log, "--json")
    assert said.code == 0, said
    assert (said.json["worst"], said.json["outstanding"]) == (WEAK, WEAK)
    text = robotctl("compare", log, "--max-rms", "0.001")
    assert text.code == 1
    assert f"worst: {WEAK}" in text.out and "far more than the others: look at its servo" in text.out
    assert f"FAILED: {WEAK} is off by more than 0.001 rad rms" in text.out


def test_a_robot_in_the_air_is_compared_on_the_stand(bundle: Bundle, tmp_path: Path, robotctl: Robotctl) -> None:
    log = recorded(tmp_path / "box.bin", bundle, open_twin(bundle), set_down=False)
    said = robotctl("compare", log, "--json")
    assert said.json["base"] == "held"
    assert max(joint["rms_rad"] for joint in said.json["joints"]) < 1e-4


def test_a_twin_that_stands_where_the_robot_fell_is_put_where_it_was(
    bundle: Bundle, tmp_path: Path, robotctl: Robotctl
) -> None:
    """Pushes are in no log."""
    log = recorded(tmp_path / "box.bin", bundle, open_twin(bundle), push_n=60.0)
    free = robotctl("compare", log, "--base", "free", "--json").json
    said = robotctl("compare", log, "--json")
    assert said.json["base"] == "resumed" and "put where the robot was" in said.err
    assert said.json["lean_rad"] < 0.5 * free["lean_rad"]
    for report in (free, said.json):
        assert (report["can_name"], report["outstanding"]) == (False, None), "an error may be the ground's"
    assert "which may be the ground's" in robotctl("compare", log).out


def test_a_twin_that_is_put_somewhere_moves_as_it_was_measured(bundle: Bundle) -> None:
    twin, dice = open_twin(bundle), np.random.default_rng(2)
    vel, gyro = dice.uniform(-1, 1, 11), np.array([0.3, -0.5, 0.2])
    twin.place(bundle.spec.robot.home, (0.999, 0.02, 0.04, 0.0), supported=False)
    height_m = twin.base_position_m[2]
    set_moving(twin, vel, gyro)
    signals = twin.sense()
    np.testing.assert_allclose(signals.joint_vel_rad_s, vel, atol=1e-5)
    np.testing.assert_allclose(signals.gyro_rad_s, gyro, atol=1e-5)
    assert np.linalg.norm(twin.data.qvel[:3]) > 0.01, "the body moves over the foot that rests"
    assert twin.base_position_m[2] == height_m


def test_a_log_without_torque_or_of_another_robot_is_refused(tmp_path: Path, own_log: Path, robotctl: Robotctl) -> None:
    assert robotctl("compare", tmp_path / "nothing.bin").sentence.startswith(
        f"{tmp_path / 'nothing.bin'}: No such file"
    )
    said = robotctl("compare", own_log, "--last", "0.1")
    assert said.code == 1 and "hardly any tick has torque" in said.sentence
    said = robotctl("compare", own_log, "--bundle", tmp_path)
    assert said.code == 2 and str(tmp_path) in said.sentence


def test_a_log_of_the_mock_is_compared_too(tmp_path: Path, robotctl: Robotctl) -> None:
    """Its joints do not follow as the twin's do: errors, not a failure."""
    filled(tmp_path / "box.bin", 200)
    said = robotctl("compare", tmp_path / "box.bin", "--base", "held", "--json")
    assert said.code == 0, said
    assert len(said.json["joints"]) == 11


def synthetic(delay_s: float, ages_s: float) -> tuple[Session, Simulated]:
    """Two joints that swing; the first is measured late and sampled before the tick, the second stands still."""
    time_s = np.arange(400) * 0.02

    def swing(at_s: np.ndarray) -> np.ndarray:
        return 0.3 * np.sin(2 * np.pi * 0.7 * at_s)

    pos = np.stack([swing(time_s - ages_s - delay_s), np.zeros(400)], axis=1)
    sim = np.stack([swing(time_s), np.full(400, 0.001)], axis=1)
    session = Session(
        number=np.arange(400),
        time_s=time_s,
        mode=["active"] * 400,
        pos_rad=pos,
        vel_rad_s=np.zeros((400, 2)),
        age_s=np.full((400, 2), ages_s),
        quat_wxyz=np.tile([1.0, 0, 0, 0], (400, 1)),
        gyro_rad_s=np.zeros((400, 3)),
        feet=np.zeros((400, 4), bool),
        target_rad=np.zeros((400, 2)),
    )
    return session, Simulated(sim, sim, np.zeros(400, np.int64), np.zeros(400), Base.FREE)


@pytest.mark.parametrize("delay_s", [0.0, 0.013, 0.05])
def test_delay_is_found_and_the_age_of_a_reading_is_none(delay_s: float) -> None:
    late, still = joint_errors(["late", "still"], *synthetic(delay_s, ages_s=0.011))
    assert late.delay_s == pytest.approx(delay_s, abs=0.002)
    assert still.delay_s is None and still.rms_rad == pytest.approx(0.001)
    worst = outstanding([late, still])
    assert (worst is not None and worst.joint == "late") == (delay_s > 0)
