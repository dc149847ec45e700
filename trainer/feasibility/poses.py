"""Poses that the robot must be able to hold, found by least squares on MuJoCo's kinematics inside the joint ranges."""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np
from scipy.optimize import least_squares

from ..motion.leg import SIDES, foot_body, sole_corners
from ..physics.robot_model import RobotModel

LEVEL_WEIGHT, POSTURE_WEIGHT = 0.01, 1e-3  # of the base's tilt and of joints away from home, against 1 for a metre
INSET = 0.4  # as the gait's 20 mm: what must come over the sole is less than its middle
SQUAT_KNEE_RAD = np.pi / 3


@dataclass(frozen=True)
class Pose:
    """qpos (nq,) with the soles on the floor; stands: which feet carry, left and right; missed_m: how far the feet,
    the centre of mass or the base stay from where they were to be; joint: the first one at the end of its range."""

    name: str
    qpos: np.ndarray
    stands: tuple[bool, bool] = (True, True)
    missed_m: float = 0.0
    joint: str | None = None

    @property
    def contact(self) -> np.ndarray:
        """(4,) 1 where a switch of contract.FOOT_SWITCHES is pressed."""
        return np.repeat(np.array(self.stands, float), 2)


@dataclass(frozen=True)
class Goal:
    """Where things shall be, m, world frame: feet (2, 3) the middle of each sole, level; com (2,) the centre of mass
    over the floor, or None; base_height of the base's origin, or None."""

    name: str
    feet: np.ndarray
    com: np.ndarray | None = None
    base_height: float | None = None
    stands: tuple[bool, bool] = (True, True)


@dataclass
class Kinematics:
    """Places in a robot's model, by MuJoCo; one scratch MjData."""

    robot: RobotModel
    data: mujoco.MjData = field(init=False)

    def __post_init__(self) -> None:
        self.data = mujoco.MjData(self.robot.model)
        self._feet = [foot_body(self.robot.model, side) for side in SIDES]
        self._corners = [sole_corners(self.robot.model, side) for side in SIDES]

    def place(self, qpos: np.ndarray) -> None:
        """Take a pose."""
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.robot.model, self.data)
        mujoco.mj_comPos(self.robot.model, self.data)

    def soles(self) -> np.ndarray:
        """(2, 4, 3) m the corners of the soles, left then right."""
        return np.array(
            [
                self.data.xpos[body] + corners @ self.data.xmat[body].reshape(3, 3).T
                for body, corners in zip(self._feet, self._corners, strict=True)
            ]
        )

    def com(self) -> np.ndarray:
        """(3,) m centre of mass of the whole robot."""
        found: np.ndarray = self.data.subtree_com[self.robot.base_body].copy()
        return found

    def base_up(self) -> np.ndarray:
        """(3,) the base's own z axis in the world."""
        found: np.ndarray = self.data.xmat[self.robot.base_body].reshape(3, 3)[:, 2].copy()
        return found

    def on_floor(self, qpos: np.ndarray) -> np.ndarray:
        """The pose moved up or down until its lowest sole touches the floor."""
        self.place(qpos)
        moved: np.ndarray = qpos.copy()
        moved[self.robot.base_qpos + 2] -= self.soles()[..., 2].min()
        return moved


def with_joints(robot: RobotModel, joints: np.ndarray) -> np.ndarray:
    """(nq,) with joint angles (J,) rad, standing on its lowest sole."""
    qpos = robot.home_qpos
    qpos[robot.qpos] = joints
    return Kinematics(robot).on_floor(qpos)


def home(robot: RobotModel) -> Pose:
    """The standing pose of robot_config."""
    return Pose("home", with_joints(robot, robot.config.home.astype(float)))


def crouch(robot: RobotModel) -> Pose:
    """The low pose of a safe stop."""
    return Pose("crouch", with_joints(robot, robot.config.crouch.astype(float)))


def squat(robot: RobotModel) -> Pose:
    """On the way from home to crouch, or beyond, where the joint that bends most (a knee) is at SQUAT_KNEE_RAD."""
    at_home, low = robot.config.home.astype(float), robot.config.crouch.astype(float)
    most = int(np.abs(low - at_home).argmax())
    share = (np.sign(low[most]) * SQUAT_KNEE_RAD - at_home[most]) / (low[most] - at_home[most])
    joints = np.clip(at_home + share * (low - at_home), robot.config.range_min, robot.config.range_max)
    return Pose(f"squat {np.degrees(SQUAT_KNEE_RAD):.0f} deg", with_joints(robot, joints))


def single_stance(robot: RobotModel, side: str) -> Pose:
    """On one foot, the other lifted and on its way below its hip; the centre of mass over the sole, INSET of its half
    width inwards."""
    at_home = Kinematics(robot)
    at_home.place(home(robot).qpos)
    feet = at_home.soles().mean(1)
    feet[:, 2] = 0.0
    stance = SIDES.index(side)
    other = 1 - stance
    com = feet[stance, :2].copy()
    com[1] += INSET / 2 * np.ptp(at_home.soles()[stance, :, 1]) * np.sign(feet[other, 1] - feet[stance, 1])
    feet[other, 1] += (com[1] - at_home.com()[1]) / 2
    feet[other, 2] = 0.08 * robot.config.base.standing_height_m
    stands = (stance == 0, stance == 1)
    return solve(robot, Goal(f"stance {side}", feet, com=com, stands=stands))


def solve(robot: RobotModel, goal: Goal, bounded: bool = True) -> Pose:
    """The pose nearest to home that reaches a goal inside the joint ranges; without `bounded` ranges do not count."""
    seen, config = Kinematics(robot), robot.config
    start = home(robot).qpos
    p = robot.base_qpos
    at_home = config.home.astype(float)

    def qpos_of(x: np.ndarray) -> np.ndarray:
        qpos: np.ndarray = start.copy()
        qpos[p : p + 3] = x[:3]
        angle = float(np.linalg.norm(x[3:6]))
        mujoco.mju_axisAngle2Quat(qpos[p + 3 : p + 7], x[3:6] / max(angle, 1e-12), angle)
        qpos[robot.qpos] = x[6:]
        return qpos

    def hard() -> np.ndarray:
        soles = seen.soles()
        rows = [(soles[..., 2] - goal.feet[:, None, 2]).ravel(), (soles.mean(1) - goal.feet)[:, :2].ravel()]
        if goal.com is not None:
            rows.append(seen.com()[:2] - goal.com)
        if goal.base_height is not None:
            rows.append(seen.data.xpos[robot.base_body, 2:] - goal.base_height)
        return np.concatenate(rows)

    def residual(x: np.ndarray) -> np.ndarray:
        seen.place(qpos_of(x))
        soft = [LEVEL_WEIGHT * seen.base_up()[:2], POSTURE_WEIGHT * (x[6:] - at_home), POSTURE_WEIGHT * x[5:6]]
        return np.concatenate([hard(), *soft])

    room = np.full(6, np.inf)
    low, high = (np.concatenate([sign * room, ends]) for sign, ends in ((-1, config.range_min), (1, config.range_max)))
    guess = np.concatenate([start[p : p + 3], np.zeros(3), np.clip(at_home, config.range_min, config.range_max)])
    guess[6:] = np.clip(guess[6:], low[6:] + 1e-6, high[6:] - 1e-6)
    found = least_squares(residual, guess, bounds=(low, high) if bounded else (-np.inf, np.inf), xtol=1e-12, ftol=1e-12)
    seen.place(qpos_of(found.x))
    margin = np.minimum(found.x[6:] - config.range_min, config.range_max - found.x[6:])
    first = int(margin.argmin())
    at_end = config.actuator_names[first] if margin[first] < 1e-3 else None
    return Pose(goal.name, qpos_of(found.x), goal.stands, float(np.abs(hard()).max()), at_end)
