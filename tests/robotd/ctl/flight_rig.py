"""Flights for the tests of the report: a fault of the table on emulated wires, with a black box that keeps it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path

from black_box_rig import box_at, config_of, record_run, session, shipped
from bundle_builder import make_spec
from robot_builder import Script

from robotd.blackbox import BlackBox
from robotd.clock import MonotonicClock
from robotd.config import BlackBoxConfig, RobotdConfig, SafetyConfig
from robotd.ctl.fault_trial import Trial
from robotd.ctl.injections import INJECTIONS, Bench, Swayer
from robotd.daemon import run
from robotd.hal.emulated import open_emulated
from robotd.hal.sim import open_twin
from robotd.tick_state import make_setup, setup_for

PATIENT = SafetyConfig(
    imu_stale_s=0.1, imu_lost_s=0.3, joint_stale_s=0.3, overrun_in_a_row=10, overrun_in_50=25, bus_errors=20
)
"""As patient as robotd.yaml may be: other work on this machine must not stop the robot first."""


def emulated_fault(path: Path, name: str) -> Path:
    """The black box of a robot on emulated wires that was armed, activated, and brought to the fault `name` (as
    `TRACKING crouch`) by the selftest's injection. Takes about five seconds."""
    injection = next(injection for injection in INJECTIONS if injection.name == name)
    bundle = shipped("standing")
    config = RobotdConfig(black_box=BlackBoxConfig(minutes=0.5), safety=PATIENT)
    hardware, clock = open_emulated(bundle, config.hardware), MonotonicClock()
    network = Swayer(bundle.spec)
    joint = bundle.spec.robot.actuator_names[-1 if injection.shows else 0]
    wire = config.hardware.joints[joint]
    bench = Bench(hardware, network, config, bundle.spec.runtime.ctrl_dt, wire.bus, wire.servo_id)
    trial = Trial(injection, bench, 0.5)
    swaying = dataclasses.replace(bundle, network=network, others=())  # type: ignore[arg-type]
    box = BlackBox(path, setup_for(swaying, config), clock.now_s, time.time())
    try:
        asyncio.run(run(hardware, swaying, config, trial, clock, [trial.watch, box]))
    finally:
        hardware.close()
        box.close()
    return path


def other_robot(path: Path, ticks: int) -> Path:
    """The black box of a robot with five joints, which no bundle here is for."""
    setup = make_setup(make_spec(joints=5), None, config_of())
    box = box_at(path, setup)
    for record in session(setup, ticks):
        box(record)
    box.close()
    return path


def flown(path: Path, active_ticks: int) -> Path:
    """The black box of the standing policy on the twin: homing, set down, active for so long, an orderly stop."""
    bundle = shipped("standing")
    twin = open_twin(bundle)
    record_run(path, bundle, twin, Script(active_ticks, may_activate=lambda: not twin.supported), twin.attend)
    return path
