"""From signals to the network's input. The layout is data: any order and subset of the terms below."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .frames import Array, angvel_of_unit, clip, float32, gravity_of_unit, namespace, normalize_quat
from .signals import FOOT_SWITCHES, Command, PolicyState, Signals
from .spec import LayoutEntry, PolicySpec


class Term(NamedTuple):
    """size(J) gives the number of values; compute gives them, (size,) float32, in `frame` and `units`, out of signals
    whose quaternion is of unit length."""

    size: Callable[[int], int]
    frame: str | None
    units: str
    compute: Callable[[PolicySpec, PolicyState, Signals, Command], Array]


def _gravity_local(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    return gravity_of_unit(signals.quat_wxyz)


def _angvel_heading_local(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    return angvel_of_unit(signals.quat_wxyz, signals.gyro_rad_s)


def _joint_pos_normalized(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    robot = spec.robot
    home = spec.action.is_home_mapping
    middle, scale = (robot.home, robot.home_reach) if home else (robot.center, robot.span)
    return (float32(signals.joint_pos_rad) - middle) / (scale + middle.dtype.type(1e-6))


def _joint_vel_normalized(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    fraction = float32(signals.joint_vel_rad_s) / spec.robot.max_velocity
    return clip(fraction, -1.0, 1.0)


def _foot_switches(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    return float32(signals.foot_switches)


def _prev_action(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    return float32(state.applied_action)


def _velocity_cmd(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    return float32(command.velocity)[0:1]


def _velocity_cmd_lateral_yaw(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    return float32(command.velocity)[1:3]


def _phase_sin_cos(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    phase = float32(state.phase_rad)
    xp = namespace(phase)
    return xp.asarray([xp.sin(phase), xp.cos(phase)], dtype=xp.float32)


def _padding(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    xp = namespace(signals.quat_wxyz)
    return xp.zeros(1, dtype=xp.float32)


TERMS: dict[str, Term] = {
    "gravity_local": Term(lambda joints: 3, "body", "unit_vector", _gravity_local),
    "angvel_heading_local": Term(lambda joints: 3, "heading_local", "rad_s", _angvel_heading_local),
    "joint_pos_normalized": Term(lambda joints: joints, None, "normalized_-1_1", _joint_pos_normalized),
    "joint_vel_normalized": Term(lambda joints: joints, None, "normalized_-1_1", _joint_vel_normalized),
    "foot_switches": Term(lambda joints: len(FOOT_SWITCHES), None, "bool_as_float", _foot_switches),
    "prev_action": Term(lambda joints: joints, None, "normalized_-1_1", _prev_action),
    "velocity_cmd": Term(lambda joints: 1, "heading_local", "m_s", _velocity_cmd),
    "velocity_cmd_lateral_yaw": Term(lambda joints: 2, "heading_local", "m_s, rad_s", _velocity_cmd_lateral_yaw),
    "phase_sin_cos": Term(lambda joints: 2, None, "unit_circle", _phase_sin_cos),
    "padding": Term(lambda joints: 1, None, "unused", _padding),
}


def make_layout(names: tuple[str, ...], joints: int) -> tuple[LayoutEntry, ...]:
    """Layout entries for terms `names` of a robot with `joints` joints. Raises KeyError for an unknown term."""
    return tuple(LayoutEntry(n, TERMS[n].size(joints), TERMS[n].frame, TERMS[n].units) for n in names)


def observe(spec: PolicySpec, state: PolicyState, signals: Signals, command: Command) -> Array:
    """The observation (O,) float32, term after term as the spec's layout says. numpy or jax, by the signals."""
    unit = signals._replace(quat_wxyz=normalize_quat(signals.quat_wxyz))
    terms = [TERMS[entry.name].compute(spec, state, unit, command) for entry in spec.observation.layout]
    return namespace(unit.quat_wxyz).concat(terms)
