"""Flights for the tests of the report: a fault of the table on emulated wires, with a black box that keeps it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path

from black_box_rig import box_at, config_of, session, shipped
from bundle_builder import make_spec

from robotd.blackbox import BlackBox
from robotd.clock import MonotonicClock
from robotd.config import BlackBoxConfig, RobotdConfig
from robotd.ctl.fault_trial import Trial
from robotd.ctl.injections import INJECTIONS, Bench, Swayer
from robotd.daemon import run
from robotd.hal.emulated import open_emulated
from robotd.tick_state import make_setup, setup_for


def emulated_fault(path: Path, name: str) -> Path:
    """The black box of a robot on emulated wires that was armed, activated, and brought to the fault `name` (as
    `TRACKING crouch`) by the selftest's injection. Takes about five seconds."""
    injection = next(injection for injection in INJECTIONS if injection.name == name)
    bundle, config = shipped("standing"), RobotdConfig(black_box=BlackBoxConfig(minutes=0.5))
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
