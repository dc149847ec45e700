"""sysid on the physics twin behind emulated wires, in simulated time: it finds what the MJCF says, and friction."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from black_box_rig import shipped
from bundle_builder import real_spec

from contract import Bundle, assets_dir, load_robot_config
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.servo_wire import ServoWire
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.servo_bus import ServoBus
from robotd.clock import SimulatedClock
from robotd.ctl.calibration.simulated_loop import SimulatedLoop, SimulatedWorld, WireLine
from robotd.ctl.identification.described import described
from robotd.ctl.identification.excitation import Bounds, bounds_of, duration_s, excitation
from robotd.ctl.identification.findings import Finding, finding_of
from robotd.ctl.identification.fit import Record, fit_servo
from robotd.ctl.identification.joint_trial import try_joint, where_is
from robotd.ctl.identification.session import turns_of
from robotd.hal.live_twin import LiveTwin
from robotd.hal.servo_frame import servo_frame, to_rad
from robotd.hal.sim import SimHardware, open_twin
from robotd.wiring import UNITS_PER_RAD, Wiring

WIRING = Wiring()
ROBOT = load_robot_config(assets_dir() / "robot_config.yaml")
TOP_SPEED_RAD_S = 7.5


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return shipped("standing")


def found(bundle: Bundle, twin: SimHardware, joint: str, hold: bool = False) -> Finding:
    """The joint of a twin on its stand, moved and identified."""
    clock, wire = SimulatedClock(), WIRING.joints[joint]
    live = LiveTwin(twin, real_spec(), WIRING, clock.now_s)
    ids = WIRING.on_bus(wire.bus)
    servos = [EmulatedServo(servo_id, live.joints(ids), clock_s=clock.now_s) for servo_id in ids.values()]
    line = WireLine(ServoWire(wire.bus, servos, Witness()), clock)
    others = [servo_id for servo_id in ids.values() if hold and servo_id != wire.servo_id]
    config, frame = ROBOT.joints[joint], servo_frame([WIRING.calibration[joint]])
    home = ROBOT.home_pose_rad[joint]
    limits = (config.range_min_rad, config.range_max_rad)
    bounds = bounds_of(limits, home, 0.25, 0.05, TOP_SPEED_RAD_S, config.max_velocity_rad_s)

    async def record(bounds: Bounds) -> Record:
        bus = ServoBus(wire.bus, line)
        units = await where_is(bus, wire.servo_id)
        targets = excitation(bounds, float(to_rad(frame, [units])[0]))
        turns = turns_of(targets, frame, TOP_SPEED_RAD_S, units)
        return await try_joint(bus, wire.servo_id, turns, duration_s(targets), lambda: None, others)

    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(SimulatedWorld(clock, [line]))) as runner:
        recorded = runner.run(record(bounds))
    fit = fit_servo(recorded, TOP_SPEED_RAD_S * UNITS_PER_RAD)
    says = described(bundle, WIRING, hold)[joint]
    return finding_of(joint, fit, len(recorded.units), config.max_velocity_rad_s, TOP_SPEED_RAD_S, says)


@pytest.mark.parametrize("joint", ["left_knee_pitch", "left_ankle_pitch", "waist_yaw"])
def test_the_mjcf_is_found_in_its_own_twin(joint: str, bundle: Bundle) -> None:
    quantities = found(bundle, open_twin(bundle), joint).quantities
    for name in ("speed", "lag", "resonance"):
        assert quantities[name].ratio == pytest.approx(1.0, abs=0.08), name
    assert quantities["delay"].value < 3.0, "there is none but physics' own step"
    assert quantities["backlash"].value < 0.001, "there is none"
    assert quantities["friction"].value < 0.0025, "a quarter of a unit"


def test_a_hip_with_its_leg_held_claims_nothing_that_is_wrong(bundle: Bundle) -> None:
    """The leg swings on its held joints, which no single servo explains: fewer figures, wider, and still true."""
    quantities = found(bundle, open_twin(bundle), "left_hip_pitch", hold=True).quantities
    for name in ("lag", "resonance"):
        assert quantities[name].ratio == pytest.approx(1.0, abs=0.15), name
    assert "speed" not in quantities or abs(quantities["speed"].value - 5.0) < quantities["speed"].uncertainty
    for name in ("delay", "backlash"):
        assert quantities[name].value <= quantities[name].uncertainty, name


def test_more_friction_than_the_mjcf_has_is_no_backlash(bundle: Bundle, tmp_path: Path) -> None:
    """Half a unit and more of friction shows in how the shaft comes to rest."""
    assert bundle.robot_xml is not None
    text = bundle.robot_xml.read_text()
    assert text.count('frictionloss=".022"') == 1
    path = tmp_path / "rough.xml"
    path.write_text(text.replace('frictionloss=".022"', 'frictionloss=".15"'))
    quantities = found(bundle, SimHardware(bundle.spec, path, bundle.robot_config), "waist_yaw").quantities
    assert quantities["friction"].bound is None
    assert quantities["friction"].ratio == pytest.approx(0.15 / 0.022, rel=0.15)
    assert quantities["backlash"].value < 0.0015
