"""What is shown of an episode, robot by robot, and the model that shows it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import NamedTuple

import mujoco
import numpy as np

from ..env import Env
from ..evaluate import Policy, Steps, roll, slope_of
from ..physics.robot_model import RobotModel
from ..rewards import SWITCH_CLOSES_N
from ..tally import Moment
from .ghost import ghost_pose

AFTER_FALL_S = 1.0
LOADED, TOUCHING = np.array([0.92, 0.33, 0.02]), np.array([0.05, 0.40, 0.95])
ARROW_M_PER_N = 0.03


class Frame(NamedTuple):
    """One robot after one control step: time_s; qpos (nq,); push (3,) N world; load (J,) |torque| as a share of the
    joint's limit; touch (4,) bool in the order of contract.FOOT_SWITCHES; command (3,); speed, forward, m/s;
    floor_quat (4,) wxyz; fell; ghost (nq,) qpos of the reference motion, None where it is not shown."""

    time_s: float
    qpos: np.ndarray
    push: np.ndarray
    load: np.ndarray
    touch: np.ndarray
    command: np.ndarray
    speed: float
    floor_quat: np.ndarray
    fell: bool
    ghost: np.ndarray | None = None


def play(
    env: Env, policy: Policy, seed: int, floor: str | None = None, steps: Steps | None = None, ghost: bool = False
) -> Iterator[Frame]:
    """The frames of one episode of a one-robot env, until a second after a fall."""
    left = round(AFTER_FALL_S / env.config.ctrl_dt)
    fell = False
    for number, moment in enumerate(roll(env, policy, seed, slope_rad=slope_of(floor), steps=steps), 1):
        fell = fell or bool(moment.outcome.terminated[0])
        shown = frame(env, moment, 0, number, fell)
        yield shown._replace(ghost=ghost_pose(env, moment, 0)) if ghost else shown
        left -= fell
        if left <= 0:
            return


def record(env: Env, policy: Policy, seed: int, floor: str | None = None, ghost: bool = False) -> list[list[Frame]]:
    """The frames of each of the env's robots, until a second after its fall; all run in one batch."""
    batch = env.config.num_envs
    films: list[list[Frame]] = [[] for _ in range(batch)]
    fell, left = np.zeros(batch, bool), np.full(batch, round(AFTER_FALL_S / env.config.ctrl_dt))
    for number, moment in enumerate(roll(env, policy, seed, slope_rad=slope_of(floor)), 1):
        fell |= np.asarray(moment.outcome.terminated)
        for i in np.flatnonzero(left > 0):
            shown = frame(env, moment, int(i), number, bool(fell[i]))
            films[i].append(shown._replace(ghost=ghost_pose(env, moment, int(i))) if ghost else shown)
        left -= fell
        if not (left > 0).any():
            break
    return films


def frame(env: Env, moment: Moment, i: int, number: int, fell: bool) -> Frame:
    """Robot i after control step `number`."""
    robot, body = env.robot, moment.body
    qpos = robot.home_qpos
    p = robot.base_qpos
    qpos[p : p + 3], qpos[p + 3 : p + 7], qpos[robot.qpos] = body.base_pos[i], body.base_quat[i], body.joint_pos[i]
    w, x, y, z = body.base_quat[i]
    heading = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return Frame(
        time_s=number * env.config.ctrl_dt,
        qpos=qpos,
        push=moment.push[i].copy(),
        load=np.abs(body.joint_torque[i]) / robot.config.max_torque,
        touch=body.foot_force[i] > SWITCH_CLOSES_N,
        command=np.asarray(moment.states.command)[i],
        speed=float(body.base_linvel[i, :2] @ np.array([np.cos(heading), np.sin(heading)])),
        floor_quat=np.asarray(moment.states.floor_quat)[i],
        fell=fell,
    )


class Stage:
    """A model of its own that takes the poses of frames, with loaded joints in orange and touching soles in blue."""

    def __init__(self, robot: RobotModel) -> None:
        self.robot, self.model = robot, copy.copy(robot.model)
        self.data = mujoco.MjData(self.model)
        model = self.model
        material = model.geom_matid
        plain = np.all(model.geom_rgba == 0.5, axis=1) | (model.geom_rgba == [0.5, 0.5, 0.5, 1]).all(1)
        self.colours = np.where((plain & (material >= 0))[:, None], model.mat_rgba[material], model.geom_rgba)
        bodies = model.jnt_bodyid[model.actuator_trnid[robot.actuator, 0]]
        named = np.array([bool(model.geom(g).name) for g in range(model.ngeom)])
        soles = [model.site(s).name for s in robot.foot_sites.ravel()]
        self.soles = np.array([model.geom(name).id for name in soles])
        named[self.soles] = False
        self.limbs = [np.flatnonzero((model.geom_bodyid == b) & named) for b in bodies]

    def place(self, shown: Frame) -> None:
        """Take a frame's pose, floor and colours."""
        self.data.qpos[:] = shown.qpos
        self.model.geom_quat[self.robot.floor] = shown.floor_quat
        for geoms, load in zip(self.limbs, shown.load, strict=True):
            self.model.geom_rgba[geoms] = blend(self.colours[geoms], LOADED, float(np.clip(load, 0, 1)))
        for geom, touch in zip(self.soles, shown.touch, strict=True):
            self.model.geom_rgba[geom] = blend(self.colours[geom], TOUCHING, 0.9 * touch)
        mujoco.mj_forward(self.model, self.data)

    def arrow(self, shown: Frame) -> tuple[np.ndarray, np.ndarray] | None:
        """Tail and tip (3,) m of the push, None without one: it ends at the pelvis, 3 cm for each N."""
        if not np.any(shown.push):
            return None
        tip = shown.qpos[self.robot.base_qpos : self.robot.base_qpos + 3] + np.array([0, 0, 0.05])
        return tip - ARROW_M_PER_N * shown.push, tip


def blend(colour: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Colours (..., 4) on the way to another (3,); opacity stays."""
    mixed = colour.copy()
    mixed[..., :3] += share * (other - colour[..., :3])
    return mixed


def draw_arrow(scene: mujoco.MjvScene, ends: tuple[np.ndarray, np.ndarray] | None) -> None:
    """Add the arrow to a MuJoCo scene, if there is one and room for it."""
    if ends is None or scene.ngeom >= scene.maxgeom:
        return
    geom = scene.geoms[scene.ngeom]
    rgba = np.array([0.86, 0.12, 0.18, 1.0], np.float32)
    kind = mujoco.mjtGeom.mjGEOM_ARROW
    mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.eye(3).ravel(), rgba)
    tail, tip = ends
    mujoco.mjv_connector(geom, kind, 0.012, tail, 2 * tip - tail)  # MuJoCo draws half of an arrow's length
    scene.ngeom += 1
