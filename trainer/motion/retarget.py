"""A person's mean gait cycle onto the robot's legs.

The stride scales with the length of the legs and time with its square root, so that the pendulum of the legs stays
alike. Kept of the person: cycle time, velocity, double support, how high the feet swing, how they pitch over heel and
toe in double support and in the air, how the pelvis bobs, and how far the foot swings late. The robot's own: where
the feet stand, flat soles in single support, and a sway of the pelvis that balances it. Joints are solved by mink.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import mink
import mujoco
import numpy as np

from contract import ConfigError, RobotConfig

from ..physics.robot_model import RobotModel
from .balance import balance, home_feet, load_on_left
from .cycle import HumanCycle
from .feasible import check_motion
from .gait import swing_progress
from .leg import LEG_JOINTS, SIDES, make_leg, sole_corners
from .reference import ReferenceMotion

OVERSAMPLE = 4
STRIDES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
_STYLES = ((0.03, 0.5), (0.02, 0.2), (0.012, 0.1))  # lift m, share of the pitch
_LOWEST_LIFT_M = 0.012
_PITCH_RAD = (-0.25, 0.35)
_HARMONICS = 6
_TOUCH_M = 0.002
_MISS_M = 0.003


@dataclass(frozen=True)
class RetargetParams:
    """stride: share of the scaled stride; slower: by how much longer a cycle takes than scaling says; pitch: share of
    the foot's pitch; lift_m: highest lift of a foot; lower_m: pelvis below its standing height; inset_m: how far inside
    the middle of a sole the load rests; frames in the clip."""

    stride: float = 1.0
    slower: float = 1.0
    pitch: float = 0.5
    lift_m: float = 0.03
    lower_m: float = 0.015
    inset_m: float = 0.02
    frames: int = 32


@dataclass(frozen=True)
class _Targets:
    """Of M phases: feet (2, M, 3) m, pitch (2, M) rad, contact (M, 4), zmp (M, 2) m, height (M,) m."""

    feet: np.ndarray
    pitch: np.ndarray
    contact: np.ndarray
    zmp: np.ndarray
    height: np.ndarray


def retarget(robot: RobotModel, human: HumanCycle, params: RetargetParams) -> ReferenceMotion:
    """A motion of one clip. `human` must have frames * OVERSAMPLE phases.

    Raises:
        ConfigError: a parameter is out of range, or the legs do not reach where the person's feet would be.
    """
    check_params(params)
    size = leg_ratio(robot, human)
    period_s = human.period_s * math.sqrt(size) * params.slower
    vx, vy = (float(v) * math.sqrt(size) * params.stride / params.slower for v in human.velocity)
    targets = _targets(robot, human, params, size, np.array([vx, vy]) * period_s)
    solver = _Solver(robot, targets)
    balanced = balance(robot, targets.zmp, targets.height, (vx, vy, 0.0), period_s, solver.joints)
    if isinstance(balanced, str):
        raise ConfigError(f"import: {balanced}; take a smaller --stride or a larger --lower")
    arrays = [np.asarray(a)[::OVERSAMPLE].astype(np.float32)[None] for a in (*balanced, targets.contact)]
    return ReferenceMotion._make([np.array([[vx, vy, 0.0]], np.float32), *arrays, np.float32(period_s)])


def check_params(params: RetargetParams) -> None:
    """Raises ConfigError where a parameter is out of its range."""
    bounds = {"stride": (0.05, 2.0), "slower": (0.3, 4.0), "pitch": (0.0, 1.0), "lift_m": (0.0, 0.1)}
    for name, (low, high) in (bounds | {"lower_m": (-0.02, 0.1), "inset_m": (0.0, 0.05), "frames": (8, 256)}).items():
        if not low <= getattr(params, name) <= high:
            raise ConfigError(f"import: {name} is {getattr(params, name)}, expected {low} to {high}; correct it")


def largest_stride(
    robot: RobotModel, human: HumanCycle, params: RetargetParams
) -> tuple[ReferenceMotion, RetargetParams] | str:
    """The motion with the largest stride that no servo fails, and of those the highest lift; or why the smallest
    stride fails."""
    reason = ""
    for stride in STRIDES:
        for lift, pitch in _STYLES:
            style = replace(params, stride=stride, lift_m=min(lift, params.lift_m), pitch=min(pitch, params.pitch))
            try:
                motion = retarget(robot, human, style)
            except ConfigError as problem:
                reason = str(problem)
                continue
            verdict = check_motion(robot, motion)[0]
            if verdict.status != "fail":
                return motion, style
            reason = verdict.reason
    return reason


def leg_ratio(robot: RobotModel, human: HumanCycle) -> float:
    """How long the robot's legs are for one of the person's, hip pitch axis to sole, stretched."""
    leg = make_leg(robot, "left")
    own = float(np.abs(leg.offset[2:4, 2]).sum()) + leg.sole_m
    return own / (human.leg_m + human.ankle_m)


def provenance(
    robot: RobotConfig, human: HumanCycle, params: RetargetParams, licence: str, source: str
) -> dict[str, Any]:
    """What `save_reference` writes beside an imported motion."""
    return {
        "joint_names": list(robot.actuator_names),
        "method": "trainer.motion.retarget: mean gait cycle of a person, scaled by leg length, joints by mink",
        "parameters": asdict(params),
        "human": {
            "period_s": round(human.period_s, 4),
            "velocity_m_s": [round(float(v), 4) for v in human.velocity],
            "leg_m": round(human.leg_m, 4),
            "cycles": human.cycles,
        },
        "licence": licence,
        "source": source,
    }


def _targets(robot: RobotModel, human: HumanCycle, params: RetargetParams, size: float, stride: np.ndarray) -> _Targets:
    count = human.bob.shape[0]
    phase = 2 * math.pi * np.arange(count) / count
    home, centre_x = home_feet(robot)
    on_left = load_on_left(human.double_support, phase)
    feet, pitches, contact, under = [], [], [], []
    for index, (side, load) in enumerate(zip(SIDES, (on_left, 1 - on_left), strict=True)):
        own_phase = np.mod(phase - index * math.pi, 2 * math.pi)
        pitch = _smooth(np.clip(params.pitch * human.pitch[index], *_PITCH_RAD) * (1 - load) ** 2)
        way, u = _way(human, index, own_phase, stride)
        swings = (u > 0) & (u < 1)
        highest = np.clip(size * human.lift[index][swings].max(), _LOWEST_LIFT_M, max(params.lift_m, _LOWEST_LIFT_M))
        lift = highest * 64 * u**3 * (1 - u) ** 3
        flat = home[side] + np.column_stack([way, lift])
        toe, heel = _ends(robot, side)
        place, heights = _rolled(flat, pitch, toe, heel, home[side][2])
        feet.append(place)
        pitches.append(pitch)
        contact += [~swings & (heights[0] < _TOUCH_M), ~swings & (heights[1] < _TOUCH_M)]
        ends = np.where(pitch > 0, toe - 0.01 - centre_x, centre_x - heel - 0.01) * np.clip(pitch / 0.1, -1, 1)
        under.append(
            flat[:, :2] + np.column_stack([centre_x + ends, np.full(count, -np.sign(home[side][1]) * params.inset_m)])
        )
    zmp = on_left[:, None] * under[0] + (1 - on_left)[:, None] * under[1]
    height = robot.config.base.standing_height_m - params.lower_m + _smooth(size * human.bob)
    return _Targets(np.array(feet), np.array(pitches), np.array(contact, float).T, zmp, height)


def _way(human: HumanCycle, index: int, phase: np.ndarray, stride: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A sole's way (M, 2) m about home, and how much of its swing is over (M,); the person says how late it swings."""
    half = human.double_support * math.pi / 2
    u = np.clip((phase - half) / (math.pi - 2 * half), 0.0, 1.0)
    u = np.where(phase >= math.pi - half, 1.0, u)
    ankle = human.ankles[index, :, 0] + float(human.velocity[0]) * human.period_s * phase / (2 * math.pi)
    order = np.argsort(phase)
    start, middle, end = np.interp([half, math.pi / 2, math.pi - half], phase[order], ankle[order])
    late = float(np.clip(0.5 - (middle - start) / (end - start), -0.05, 0.05)) if abs(end - start) > 1e-3 else 0.0
    gained = swing_progress(u - late * np.sin(math.pi * u) ** 2)
    behind = -phase / (2 * math.pi) + gained - 0.25
    return behind[:, None] * stride, u


def _ends(robot: RobotModel, side: str) -> tuple[float, float]:
    """x (m) of the sole's toe and heel before the foot's origin."""
    x = sole_corners(robot.model, side)[:, 0]
    return float(x.max()), float(x.min())


def _rolled(
    flat: np.ndarray, pitch: np.ndarray, toe: float, heel: float, sole: float
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Where the foot's origin is (M, 3) when a flat sole is pitched about its toe or heel, whose height stays, and
    how high toe and heel are then, (M,) m each."""
    sin, cos = np.sin(pitch), np.cos(pitch)
    pivot = np.where(pitch > 0, toe, heel)
    place = flat.copy()
    place[:, 0] += pivot - (pivot * cos - sole * sin)
    place[:, 2] += pivot * sin + sole * cos - sole
    toe_height, heel_height = (place[:, 2] - end * sin - sole * cos for end in (toe, heel))
    return place, (toe_height, heel_height)


def _smooth(values: np.ndarray) -> np.ndarray:
    """(M,) without the harmonics that a person's clip has from noise."""
    spectrum = np.fft.rfft(values)
    spectrum[_HARMONICS + 1 :] = 0
    smoothed: np.ndarray = np.fft.irfft(spectrum, len(values))
    return smoothed


class _Solver:
    """mink with a task for the pelvis, one for each foot without its yaw, and a little pull to home; joint limits hold.

    Each phase goes on from its last solution.
    """

    def __init__(self, robot: RobotModel, targets: _Targets) -> None:
        self._robot, self._targets = robot, targets
        base = robot.config.base.body
        bodies = [robot.model.body(int(robot.model.joint(f"{side}_{LEG_JOINTS[-1]}").bodyid[0])).name for side in SIDES]
        self._pelvis = mink.FrameTask(base, "body", position_cost=10.0, orientation_cost=10.0)
        self._feet = [mink.FrameTask(b, "body", position_cost=1.0, orientation_cost=[0.3, 0.3, 0.0]) for b in bodies]
        self._posture = mink.PostureTask(robot.model, cost=1e-4)
        self._limits = [mink.ConfigurationLimit(robot.model, gain=0.9)]
        self._poses = np.tile(robot.home_qpos, (len(targets.height), 1))

    def joints(self, base: np.ndarray) -> np.ndarray | str:
        """(M, J) rad for a way (M, 3) m of the level pelvis, or which foot is how far from its target."""
        robot = self._robot
        configuration = mink.Configuration(robot.model)
        self._posture.set_target(robot.home_qpos)
        tasks = [self._pelvis, *self._feet, self._posture]
        worst = (0.0, "")
        for n, place in enumerate(base):
            pose = self._poses[n] if n == 0 or self._poses[n][robot.qpos].any() else self._poses[n - 1]
            pose[robot.base_qpos : robot.base_qpos + 3] = place
            configuration.update(pose)
            self._pelvis.set_target(mink.SE3.from_rotation_and_translation(mink.SO3.identity(), place))
            for index, task in enumerate(self._feet):
                turn = mink.SO3.from_y_radians(self._targets.pitch[index, n])
                task.set_target(mink.SE3.from_rotation_and_translation(turn, self._targets.feet[index, n]))
            for _ in range(20):
                rate = mink.solve_ik(configuration, tasks, 1.0, "daqp", damping=1e-6, limits=self._limits)
                configuration.integrate_inplace(rate, 1.0)
                if np.abs(rate).max() < 1e-5:
                    break
            self._poses[n] = configuration.q
            miss = self._miss(configuration.q, place, n)
            worst = max(worst, miss)
        if worst[0] > _MISS_M:
            return f"the {worst[1]} foot stays {1000 * worst[0]:.0f} mm from where the person's would be"
        return self._poses[:, robot.qpos]

    def _miss(self, pose: np.ndarray, place: np.ndarray, n: int) -> tuple[float, str]:
        """How far (m) the worse foot is from its target with the pelvis exactly at its place, and which one it is."""
        data = mujoco.MjData(self._robot.model)
        data.qpos[:] = self._robot.home_qpos
        data.qpos[self._robot.qpos] = pose[self._robot.qpos]
        data.qpos[self._robot.base_qpos : self._robot.base_qpos + 3] = place
        mujoco.mj_kinematics(self._robot.model, data)
        gaps = [
            np.linalg.norm(data.body(t.frame_name).xpos - self._targets.feet[i, n]) for i, t in enumerate(self._feet)
        ]
        index = int(np.argmax(gaps))
        return float(gaps[index]), SIDES[index]
