"""What a tick needs and what it leaves to the next: the setup of a robot and its policies, and the state. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from contract import Bundle, PolicySpec, PolicyState, RobotConfig, initial_state
from contract.frames import Array
from robotd.config import RobotdConfig
from robotd.fault_table import leg_joints
from robotd.health import Health, well
from robotd.limits import Limits, clip_to_range, limits_of
from robotd.mode import Mode
from robotd.safety import SafetyState

ONLY = "policy"
"""The name of a policy that was given none."""


class Setup(NamedTuple):
    """What does not change while the loop runs.

    spec: of the policy that runs first, `policy`; policies: of all that may run, by name, for the same robot;
    home_rad, crouch_rad (J,) inside the limits; leg_joints (J,) bool; bus_of_joint (J,) places in the order of buses
    of Health, -1: on none; well: what is assumed where nobody reports on servos and buses; lead_rad: how far a target
    may lie from where its joint is, which bounds the torque (inf: as far as TRACKING lets it).
    """

    spec: PolicySpec
    config: RobotdConfig
    limits: Limits
    home_rad: Array
    crouch_rad: Array
    leg_joints: Array
    policies: Mapping[str, PolicySpec]
    policy: str
    bus_of_joint: Array
    well: Health
    lead_rad: float = math.inf


class TickState(NamedTuple):
    """What one tick leaves to the next.

    periods_in_mode counts from 0; start_rad (J,) where the movement of HOMING or STOPPING, or a switch of policies in
    ACTIVE, began; target_rad (J,) the last target that went out, always finite and inside the limits; policy: the
    memory of the one that ran last; running: the name of the policy that runs, or would in ACTIVE; blending: periods
    since the switch while its targets are led in, otherwise -1.
    """

    number: int
    mode: Mode
    periods_in_mode: int
    start_rad: Array
    target_rad: Array
    policy: PolicyState
    safety: SafetyState
    running: str
    blending: int = -1


def make_setup(
    spec: PolicySpec,
    robot_config: RobotConfig | None,
    config: RobotdConfig,
    policies: Mapping[str, PolicySpec] | None = None,
    policy: str = ONLY,
) -> Setup:
    """Bring together what a tick needs. Without a robot_config the crouch is home: the robot stops where it stands.

    Args:
        spec: of the policy that runs first.
        policies: all that may run, by name; None: only that one.
        policy: the name of the one that runs first.
    """
    limits = limits_of(spec, config.motion.target_margin_rad)
    crouch = spec.robot.home if robot_config is None else robot_config.crouch
    home, crouch = (clip_to_range(limits, pose) for pose in (spec.robot.home, crouch))
    names, wiring = spec.robot.actuator_names, config.hardware
    wired = {name: wiring.used_buses.index(wire.bus) for name, wire in wiring.joints.items()}
    return Setup(
        spec=spec,
        config=config,
        limits=limits,
        home_rad=home,
        crouch_rad=crouch,
        leg_joints=leg_joints(names),
        policies={policy: spec} if policies is None else dict(policies),
        policy=policy,
        bus_of_joint=np.array([wired.get(name, -1) for name in names]),
        well=well(len(names)),
    )


def setup_for(bundle: Bundle, config: RobotdConfig) -> Setup:
    """The setup of a bundle's robot, with all policies of its deployment; the networks are `bundle.policies`'."""
    policies = {name: policy.spec for name, policy in bundle.policies.items()}
    return make_setup(bundle.spec, bundle.robot_config, config, policies, bundle.name)


def initial_tick_state(setup: Setup) -> TickState:
    """The state of every start: IDLE, no fault, nothing remembered."""
    home = setup.home_rad
    return TickState(0, Mode.IDLE, 0, home, home, initial_state(setup.spec), SafetyState(), setup.policy)
