"""What sysid finds on the robot narrows what the trainer draws: the two meet only in robot_params.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract import assets_dir, load_robot_config
from contract.robot_params import robot_params_to_yaml
from robotd.ctl.identification.described import Described
from robotd.ctl.identification.findings import Finding, finding_of, params_of
from robotd.ctl.identification.fit import Fit
from robotd.ctl.identification.servo_model import Servo
from robotd.wiring import UNITS_PER_RAD, Wiring
from trainer.config import load_train_config
from trainer.robot_params import narrowed

ROBOT = load_robot_config(assets_dir() / "robot_config.yaml")
WALKING = Path(__file__).resolve().parents[2] / "trainer" / "configs" / "walking.yaml"
SAYS = Described(lag_s=0.0277, inertia_s2=0.0015, friction_rad=0.00104, stiffness_nm_rad=21.1)


def found(joint: str, swings: bool = True, rms_units: float = 0.6) -> Finding:
    """A joint with 6 ms of delay, 0.3 deg of play and the MJCF's friction, slower than robot_config.yaml has it."""
    servo = Servo(0.006, 4.2 * UNITS_PER_RAD, 0.028, 0.0015 if swings else 0.0, 1.25, 0.25)
    error = dict.fromkeys(("play_units", "friction_units"), 0.1) | {"delay_s": 0.0005, "lag_s": 0.001}
    error |= {"speed_units_s": 0.05 * UNITS_PER_RAD, "inertia_s2": 1e-5}
    fit = Fit(servo, error, (1.5, 0.05), 1.0, 0.0, rms_units, None)  # type: ignore[arg-type]
    return finding_of(joint, fit, 4000, 5.0, 7.5, SAYS)


def test_ranges_of_the_walking_task_become_those_of_the_robot(tmp_path: Path) -> None:
    findings = {joint: found(joint) for joint in ROBOT.actuator_names}
    path = tmp_path / "robot_params.yaml"
    path.write_text(robot_params_to_yaml(params_of(ROBOT.robot_name, findings, Wiring())))
    config, notes = narrowed(load_train_config(WALKING), path)
    random = config.domain_randomization
    play_rad, spread_rad = 1.25 / UNITS_PER_RAD, 0.1 / UNITS_PER_RAD
    assert random.backlash_rad == pytest.approx((play_rad - spread_rad, play_rad + spread_rad), abs=1e-5)
    friction = 0.25 / UNITS_PER_RAD / SAYS.friction_rad
    assert random.joint_friction[0] < friction < random.joint_friction[1]
    low, high = random.control_latency
    assert low == pytest.approx(0.0055 + 0.0009, abs=2e-4), "the servo's delay and one packet before it"
    assert high == pytest.approx(0.0065 + 5 * 0.0009 + 0.0036, abs=1e-3), "five packets of a leg and a read before it"
    assert any("reaches 4.2 rad/s" in note for note in notes)


def test_what_is_no_measurement_is_left_out(tmp_path: Path) -> None:
    """Friction that play hides, a limit that was never met, a fit that explains nothing."""
    alone = params_of(ROBOT.robot_name, {"waist_yaw": found("waist_yaw", swings=False)}, Wiring())
    assert alone.joint_friction is None and alone.backlash_rad is not None
    assert alone.backlash_rad["waist_yaw"].value == pytest.approx(1.5 / UNITS_PER_RAD, abs=1e-5)
    poor = params_of(ROBOT.robot_name, {"waist_yaw": found("waist_yaw", rms_units=9.0)}, Wiring())
    assert poor.measured == {}
