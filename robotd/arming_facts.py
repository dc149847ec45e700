"""Gathers what the arming checks want to know beside the ticks."""

from __future__ import annotations

import time

from contract import Bundle
from robotd.arming import ArmingFacts, facts_of
from robotd.calibration import standing_of
from robotd.config import RobotdConfig
from robotd.hal import ON_PORTS, loads_of


def facts_for(bundle: Bundle, hal: str, config: RobotdConfig) -> ArmingFacts:
    """The facts of a bundle on a backend; with servos on ports also those of the calibration."""
    loads = loads_of(hal, config.hardware, bundle.spec.runtime.ctrl_dt)
    if hal not in ON_PORTS:
        return facts_of(bundle, hal, loads)
    standing = standing_of(config.hardware, bundle.robot_config)
    doubts = () if standing.calibration is None else standing.calibration.doubts
    return facts_of(bundle, hal, loads, standing.age_s(time.time()), standing.problem, doubts)
