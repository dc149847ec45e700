"""One leg's kinematics, batched: where its foot is, and which five angles put a flat sole at a place."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from ..physics.robot_model import RobotModel

SIDES = ("left", "right")
LEG_JOINTS = ("hip_pitch", "hip_roll", "knee_pitch", "ankle_pitch", "foot_roll")

_STEPS, _TOLERANCE = 60, 1e-9


@dataclass(frozen=True)
class Leg:
    """A chain of five hinges from the base to the foot, read from the compiled model by the joints' names.

    columns (5,) its joints in policy order; offset (5, 3) m of each joint's body from the one before it, axis (5, 3)
    in the body's frame; sole_m: how far the sole's underside lies below the foot's origin; lower, upper, home (5,) rad.
    """

    side: str
    columns: np.ndarray
    offset: np.ndarray
    axis: np.ndarray
    sole_m: float
    lower: np.ndarray
    upper: np.ndarray
    home: np.ndarray


def make_leg(robot: RobotModel, side: str) -> Leg:
    """The leg of one side, "left" or "right"."""
    model, config = robot.model, robot.config
    names = [f"{side}_{joint}" for joint in LEG_JOINTS]
    bodies = [int(model.joint(name).bodyid[0]) for name in names]
    before = [robot.base_body, *bodies[:-1]]
    offset = np.array([_offset(model, body, ancestor) for body, ancestor in zip(bodies, before, strict=True)])
    columns = np.array([config.actuator_names.index(name) for name in names])
    return Leg(
        side=side,
        columns=columns,
        offset=offset,
        axis=np.array([model.joint(name).axis for name in names]),
        sole_m=-float(sole_corners(model, side)[:, 2].min()),
        lower=config.range_min[columns].astype(np.float64),
        upper=config.range_max[columns].astype(np.float64),
        home=config.home[columns].astype(np.float64),
    )


def foot_body(model: mujoco.MjModel, side: str) -> int:
    """The body that carries the sole of one side."""
    return int(model.geom(f"{side}_toe").bodyid[0])


def sole_corners(model: mujoco.MjModel, side: str) -> np.ndarray:
    """(4, 3) m, the ends of the sole's toe and heel on the floor's side, in the foot body's frame."""
    corners = []
    for end in ("toe", "heel"):
        geom = model.geom(f"{side}_{end}")
        axis = np.zeros(9)
        mujoco.mju_quat2Mat(axis, geom.quat)
        along = axis.reshape(3, 3)[:, 2] * geom.size[1]
        corners += [geom.pos + along, geom.pos - along]
    return np.array(corners) - [0.0, 0.0, float(model.geom(f"{side}_toe").size[0])]


def foot_pose(leg: Leg, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward kinematics: angles (N, 5) rad to the foot's origin (N, 3) m and rotation (N, 3, 3) in the base frame."""
    origins, _, rotation = _chain(leg, angles)
    return origins[:, -1], rotation


def solve_leg(leg: Leg, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse kinematics by damped Newton steps from home: the foot's origin at a place, its sole level with the base.

    Five joints cannot also choose where the toes point: the foot yaws by what hip roll and hip pitch make of it.

    Args:
        target: (N, 3) m, foot's origin in the base frame.

    Returns:
        angles (N, 5) rad, ranges not looked at, and the error (N,) left: m of place plus rad of tilt.
    """
    angles = np.tile(leg.home, (len(target), 1))
    for _ in range(_STEPS):
        origins, axes, rotation = _chain(leg, angles)
        residual = np.concatenate([target - origins[:, -1], -rotation[:, :2, 2]], axis=1)
        if np.abs(residual).max() < _TOLERANCE:
            break
        arm = origins[:, -1:] - origins
        move = np.cross(axes, arm)
        tilt = np.cross(axes, rotation[:, None, :, 2])[..., :2]
        jacobian = np.concatenate([move, tilt], axis=2).transpose(0, 2, 1)
        square = jacobian.transpose(0, 2, 1) @ jacobian + 1e-8 * np.eye(5)
        step = np.linalg.solve(square, jacobian.transpose(0, 2, 1) @ residual[..., None])[..., 0]
        angles = angles + np.clip(step, -0.3, 0.3)
    return angles, np.abs(residual).max(axis=1)


def _chain(leg: Leg, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint origins (N, 5, 3), joint axes (N, 5, 3) and the last body's rotation (N, 3, 3), all in the base frame."""
    count = len(angles)
    place, rotation = np.zeros((count, 3)), np.tile(np.eye(3), (count, 1, 1))
    origins, axes = [], []
    for i in range(len(LEG_JOINTS)):
        place = place + rotation @ leg.offset[i]
        origins.append(place)
        axes.append(rotation @ leg.axis[i])
        rotation = rotation @ _turn(leg.axis[i], angles[:, i])
    return np.stack(origins, 1), np.stack(axes, 1), rotation


def _turn(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rotations about a unit axis (3,), Rodrigues."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    sin, cos = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    turned: np.ndarray = np.eye(3) + sin * cross + (1 - cos) * (cross @ cross)
    return turned


def _offset(model: mujoco.MjModel, body: int, ancestor: int) -> np.ndarray:
    """(3,) m from an ancestor's origin to a body's, over bodies without joints that do not turn."""
    offset = np.zeros(3)
    while body != ancestor:
        offset = offset + model.body_pos[body]
        body = int(model.body_parentid[body])
    return offset
