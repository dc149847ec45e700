"""Ways to move, made of geometry alone: what the body state would be, control step after control step.

The good walk is the reference motion. Each of the others has one fault, so the audit can ask what the fault costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import mujoco
import numpy as np

from contract import rotate
from trainer.env import Env
from trainer.episode import multiply
from trainer.motion.leg import SIDES, foot_pose, make_leg, solve_leg
from trainer.motion.reference import ReferenceMotion, nearest_clip, sample
from trainer.physics.body_state import BodyState

WALKING_TORQUE_NM, STANDING_TORQUE_NM = 1.1, 0.4
"""At each joint; measured on walkers and standers of the prototype. The walk pays the dearer one."""


class Pose(NamedTuple):
    """One moment: base_pos (3,) m, base_quat (4,) wxyz, joint_pos (J,) rad, contact (4,) 0 or 1."""

    base_pos: np.ndarray
    base_quat: np.ndarray
    joint_pos: np.ndarray
    contact: np.ndarray


Way = Callable[[float], Pose]  # of the time in s, at gait phase 2 pi time / period


class Mover:
    """Makes body states of poses by MuJoCo's kinematics and central differences."""

    def __init__(self, env: Env) -> None:
        self.robot, self.dt = env.robot, env.config.ctrl_dt
        self._data = mujoco.MjData(env.robot.model)

    def body(self, way: Way, time_s: float, torque_nm: float) -> BodyState:
        half = 0.5 * self.dt
        before, now, after = (way(t) for t in (time_s - half, time_s, time_s + half))
        turn = _rates(before.base_quat, after.base_quat, self.dt)
        weight = self.robot.config.total_mass_kg * 9.81
        return BodyState(
            base_pos=now.base_pos,
            base_quat=now.base_quat,
            base_linvel=(after.base_pos - before.base_pos) / self.dt,
            base_angvel=turn,
            joint_pos=now.joint_pos,
            joint_vel=(after.joint_pos - before.joint_pos) / self.dt,
            joint_torque=np.full(len(now.joint_pos), torque_nm),
            imu_quat=now.base_quat,
            imu_gyro=turn,
            foot_force=now.contact * weight / max(float(now.contact.sum()), 1.0),
            foot_pos=self._feet(now),
        )

    def bodies(self, way: Way, seconds: float, torque_nm: float = STANDING_TORQUE_NM) -> BodyState:
        """(T, ...) one for each control step, float32."""
        rows = [self.body(way, self.dt * n, torque_nm) for n in range(round(seconds / self.dt) + 1)]
        stacked: BodyState = jax.tree.map(lambda *x: np.stack(x).astype(np.float32), *rows)
        return stacked

    def _feet(self, pose: Pose) -> np.ndarray:
        p, data = self.robot.base_qpos, self._data
        data.qpos[p : p + 3], data.qpos[p + 3 : p + 7] = pose.base_pos, pose.base_quat
        data.qpos[self.robot.qpos] = pose.joint_pos
        mujoco.mj_kinematics(self.robot.model, data)
        feet: np.ndarray = data.site_xpos[self.robot.foot_sites].mean(1)
        return feet


def _rates(before: np.ndarray, after: np.ndarray, dt: float) -> np.ndarray:
    difference = np.asarray(multiply(before * np.array([1, -1, -1, -1]), after))
    return 2 * difference[1:] / dt


def standing(env: Env) -> Way:
    """At home, still."""
    height = np.array([0.0, 0.0, env.robot.config.base.standing_height_m])
    home = np.asarray(env.robot.config.home)
    return lambda time: Pose(height, np.array([1.0, 0, 0, 0]), home, np.ones(4))


def reference_walk(env: Env, motion: ReferenceMotion, speed: float) -> tuple[Way, float]:
    """The reference's clip of that speed, straight ahead, at the pace of the env's gait clock; the speed that makes."""
    clip = int(nearest_clip(motion, np.array([speed, 0.0, 0.0])))
    assert abs(float(motion.command[clip, 0]) - speed) < 1e-3, "no such clip"
    period = float(env.spec.runtime.gait_period_s or 1.0)
    pace = speed * float(motion.period_s) / period
    look = jax.jit(lambda phase: sample(motion, clip, phase))

    def way(time: float) -> Pose:
        frame = jax.tree.map(np.asarray, look(2 * math.pi * time / period))
        place = frame.base_pos + np.array([pace * time, 0.0, 0.0])
        return Pose(place, frame.base_quat, frame.joint_pos, frame.contact)

    return way, pace


def walking(env: Env, speed: float, lift_m: float = 0.04, sway_m: float = 0.03, surge_m: float = 0.004) -> Way:
    """A planned walk on the gait clock: feet that stand still while they stand, a pelvis that sways and surges.

    The sway makes .3 m/s sideways, the surge .08 m/s forward and back, as real walkers have.
    """
    robot, period = env.robot, float(env.spec.runtime.gait_period_s or 1.0)
    legs = {side: make_leg(robot, side) for side in SIDES}
    homes = {side: foot_pose(leg, leg.home[None])[0][0] for side, leg in legs.items()}
    home, height = np.asarray(robot.config.home, float), robot.config.base.standing_height_m
    half_double = 0.25 * env.config.double_support

    def foot(cycle: float) -> tuple[float, float, bool]:
        """Place along the way and height of a foot whose swing fills the first half of its cycle, and if it stands."""
        n, share = math.floor(cycle), cycle - math.floor(cycle)
        swung = min(max((share - half_double) / (0.5 - 2 * half_double), 0.0), 1.0)
        step = speed * period
        along = step * (n - 0.25) + step * (swung - math.sin(2 * math.pi * swung) / (2 * math.pi))
        return along, lift_m * math.sin(math.pi * swung), swung in (0.0, 1.0)

    @lru_cache(maxsize=4096)
    def way(time: float) -> Pose:
        turn = 2 * math.pi * time / period
        base = np.array([speed * time + surge_m * math.sin(2 * turn), -sway_m * math.sin(turn), height])
        joints, contact = home.copy(), []
        for side, late in zip(SIDES, (0.0, 0.5), strict=True):
            along, lift, stands = foot(time / period - late)
            place = homes[side] + [along + late * speed * period - base[0], -base[1], lift]
            joints[legs[side].columns] = solve_leg(legs[side], place[None])[0][0]
            contact += [float(stands)] * 2
        return Pose(base, np.array([1.0, 0, 0, 0]), joints, np.array(contact))

    return way


def hopping(env: Env, speed: float, rise_m: float = 0.03, period_s: float = 0.3) -> Way:
    """Both feet leave the floor together for half of each hop, at a steady forward speed."""
    home = standing(env)

    def way(time: float) -> Pose:
        rise = rise_m * max(0.0, math.sin(2 * math.pi * time / period_s))
        return moved(home(time), dx=speed * time, dz=rise)._replace(contact=np.full(4, float(rise <= 0.0)))

    return way


def skating(env: Env, speed: float) -> Way:
    """Both soles slide over the floor."""
    home = standing(env)
    return lambda time: moved(home(time), dx=speed * time)


def leaning(walk: Way, angle_rad: float) -> Way:
    """As `walk`, the whole robot bent forward about the floor."""
    lean = np.array([math.cos(angle_rad / 2), 0.0, math.sin(angle_rad / 2), 0.0])

    def way(time: float) -> Pose:
        pose = walk(time)
        upright = pose.base_pos * [0.0, 1.0, 1.0]
        place = pose.base_pos * [1.0, 0.0, 0.0] + np.asarray(rotate(lean, upright))
        return pose._replace(base_pos=place, base_quat=np.asarray(multiply(lean, pose.base_quat)))

    return way


def crawling(env: Env, walk: Way, lower_m: float, bend_rad: float) -> Way:
    """As `walk`, with knees bent further and the base lower."""
    bent = np.zeros(env.spec.num_joints)
    for joint, share in (("hip_pitch", 0.5), ("knee_pitch", 1.0), ("ankle_pitch", 0.5)):
        for side in ("left", "right"):
            bent[env.spec.robot.actuator_names.index(f"{side}_{joint}")] = share * bend_rad
    return lambda time: moved(walk(time), dz=-lower_m)._replace(joint_pos=walk(time).joint_pos + bent)


def crossing(env: Env, walk: Way, inward_rad: float) -> Way:
    """As `walk`, the legs turned inward at the hips until the soles are nearly in one line."""
    inward = np.zeros(env.spec.num_joints)
    for side in ("left", "right"):
        inward[env.spec.robot.actuator_names.index(f"{side}_hip_roll")] = -inward_rad
        inward[env.spec.robot.actuator_names.index(f"{side}_foot_roll")] = inward_rad
    return lambda time: walk(time)._replace(joint_pos=walk(time).joint_pos + inward)


def moved(pose: Pose, dx: float = 0.0, dz: float = 0.0) -> Pose:
    """The same pose elsewhere, m."""
    return pose._replace(base_pos=pose.base_pos + np.array([dx, 0.0, dz]))
