"""The gait generator: a commanded velocity to a periodic motion of all joints.

Feet move on planned paths, soles flat. The pelvis stays level and its sway follows from balance: the zero moment
point (ZMP) shall rest under the foot that stands and cross over during double support.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import mujoco
import numpy as np

from contract import ConfigError, RobotConfig

from ..physics.robot_model import RobotModel
from .balance import Arrays, balance, home_feet, load_on_left
from .feasible import check_motion
from .leg import LEG_JOINTS, SIDES, Leg, make_leg, solve_leg
from .reference import ReferenceMotion

COMMAND_GRID = [(vx, vy, 0.0) for vx in (-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6) for vy in (-0.1, 0.0, 0.1)]
_OVERSAMPLE = 8
_LATE = 0.04  # share of the swing by which a foot lags while it rises, as then the hip already turns to lift it
_PULSE = 0.44  # share of the swing in which a foot gathers speed, and again loses it
_RISE = 0.2  # share of that in which its acceleration grows, and again falls
_PLACE_TOLERANCE = 0.5e-3
_LOWEST_LIFT, _LIFT_STEP = 0.015, 0.0025


@dataclass(frozen=True)
class GaitParams:
    """How to walk. period_s of a whole cycle; lift_m of the swinging foot, less where the joints do not allow it;
    double_support: share of each half cycle in which both feet stand; lower_m: pelvis below its standing height while
    walking; inset_m: how far inside the middle of a sole the load rests; frames in a cycle, even."""

    period_s: float = 0.64
    lift_m: float = 0.035
    double_support: float = 0.06
    lower_m: float = 0.012
    inset_m: float = 0.02
    frames: int = 32


class Walk(NamedTuple):
    """A plan in the frame that moves at the mean velocity: feet (2, M, 3) m, left then right, foot's origin; zmp
    (M, 2) m, where it should be; stands (2, M) bool; phase (M,) rad."""

    feet: np.ndarray
    zmp: np.ndarray
    stands: np.ndarray
    phase: np.ndarray


class Generated(NamedTuple):
    """The clips that could be made, and why each of the others could not: {command: sentence}."""

    motion: ReferenceMotion
    left_out: dict[tuple[float, float, float], str]


def generate(
    robot: RobotModel, params: GaitParams, commands: list[tuple[float, float, float]], judged: bool = True
) -> Generated:
    """A motion with a clip for each command that the legs can reach; yaw rates must be 0, as no hip can yaw.

    Args:
        judged: leave out what `check_motion` fails, and lift the feet less before that.

    Raises:
        ConfigError: a parameter is out of its range, or no command gives a clip.
    """
    check_params(params)
    clips, kept, left_out = [], [], {}
    for command in commands:
        clip = _stand(robot, params) if not any(command) else _walk(robot, params, command, judged)
        if isinstance(clip, str):
            left_out[command] = clip
        else:
            clips.append(clip)
            kept.append(command)
    if not clips:
        reasons = "; ".join(sorted(set(left_out.values())))
        raise ConfigError(f"gait: no command of {len(commands)} can be walked ({reasons}); take other parameters")
    return Generated(_motion(kept, clips, params), left_out)


def check_params(params: GaitParams) -> None:
    """Raises ConfigError where a parameter makes no gait."""
    bounds = {
        "period_s": (0.2, 3.0),
        "lift_m": (0.0, 0.15),
        "double_support": (0.02, 0.9),
        "lower_m": (-0.02, 0.2),
        "inset_m": (0.0, 0.05),
        "frames": (8, 256),
    }
    for name, value in asdict(params).items():
        low, high = bounds[name]
        if not low <= value <= high:
            raise ConfigError(f"gait: {name} is {value}, expected {low} to {high}; correct it")
    if params.frames % 2:
        raise ConfigError(f"gait: frames is {params.frames}, expected an even number; correct it")


def plan(robot: RobotModel, params: GaitParams, command: tuple[float, float, float]) -> Walk:
    """Feet and zero moment point of one cycle, at frames * 8 phases."""
    count = params.frames * _OVERSAMPLE
    phase = 2 * math.pi * np.arange(count) / count
    home, centre_x = home_feet(robot)
    velocity = np.array(command[:2])
    feet, stands = [], []
    for side, start in zip(SIDES, (0.0, math.pi), strict=True):
        foot, stand = _foot_path(params, velocity, np.mod(phase - start, 2 * math.pi))
        feet.append(home[side] + foot)
        stands.append(stand)
    on_left = load_on_left(params.double_support, phase)[:, None]
    inset = {side: [centre_x, -math.copysign(params.inset_m, home[side][1])] for side in SIDES}
    under = [foot[:, :2] + inset[side] for side, foot in zip(SIDES, feet, strict=True)]
    return Walk(np.array(feet), on_left * under[0] + (1 - on_left) * under[1], np.array(stands), phase)


def _foot_path(params: GaitParams, velocity: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Way (M, 3) m of a foot about its home, and whether it stands (M,); it swings in the middle of (0, pi)."""
    half = params.double_support * math.pi / 2
    u = np.clip((phase - half) / (math.pi - 2 * half), 0.0, 1.0)
    swings = (phase > half + 1e-9) & (phase < math.pi - half - 1e-9)
    after = np.where(phase > math.pi / 2, phase - 2 * math.pi, phase)
    late = _LATE * np.sign(velocity[0])
    smooth = swing_progress(u - late * np.sin(math.pi * u) ** 2)
    stride = velocity * params.period_s
    # standing still in the world is moving backward in the moving frame; the swing adds one stride to that
    behind = -(after + math.pi / 2) / (2 * math.pi)
    gained = np.where(phase > math.pi / 2, smooth - 1, smooth)
    foot = np.zeros((len(phase), 3))
    foot[:, :2] = (behind + np.where(swings, gained, 0.0))[:, None] * stride
    foot[:, 2] = params.lift_m * 64 * u**3 * (1 - u) ** 3
    return foot, ~swings


def swing_progress(u: np.ndarray) -> np.ndarray:
    """0 to 1 over u in [0, 1] from rest to rest, a pulse of trapezoidal acceleration and one against it: of all smooth
    ways near the one with the least highest acceleration, and thus torque."""
    rise, pulse = _RISE * _PULSE, _PULSE
    starts = np.array([0, rise, pulse - rise, pulse])
    starts = np.concatenate([starts, 1 - pulse + starts])
    signs = np.array([1, -1, -1, 1, -1, 1, 1, -1])
    cubes = np.maximum(np.append(u, 1.0)[:, None] - starts, 0.0) ** 3 @ signs
    way: np.ndarray = cubes[:-1] / cubes[-1]
    return way


def _walk(robot: RobotModel, params: GaitParams, command: tuple[float, float, float], judged: bool) -> Arrays | str:
    """A clip's arrays in the order of ReferenceMotion with the highest lift that the joints allow, or why none does."""
    if command[2]:
        return "no hip can yaw"
    lift, clip = params.lift_m, _walk_lifting(robot, params, command, judged)
    while isinstance(clip, str) and lift - _LIFT_STEP >= _LOWEST_LIFT:
        lift -= _LIFT_STEP
        clip = _walk_lifting(robot, replace(params, lift_m=lift), command, judged)
    return clip


def _walk_lifting(
    robot: RobotModel, params: GaitParams, command: tuple[float, float, float], judged: bool
) -> Arrays | str:
    walk = plan(robot, params, command)
    legs = [make_leg(robot, side) for side in SIDES]
    height = np.full(len(walk.zmp), robot.config.base.standing_height_m - params.lower_m)
    balanced = balance(robot, walk.zmp, height, command, params.period_s, lambda base: _joints(robot, legs, walk, base))
    if isinstance(balanced, str):
        return balanced
    if (error := _worst_place(robot, walk, balanced[0], balanced[2])) > _PLACE_TOLERANCE:
        return f"a foot is {1000 * error:.1f} mm from its place"
    contact = np.repeat(walk.stands.T, 2, axis=1).astype(float)
    arrays = tuple(np.asarray(a)[::_OVERSAMPLE] for a in (*balanced, contact))
    if not judged:
        return arrays
    verdict = check_motion(robot, _motion([command], [arrays], params))[0]
    return verdict.reason if verdict.status == "fail" else arrays


def _joints(robot: RobotModel, legs: list[Leg], walk: Walk, base: np.ndarray) -> np.ndarray | str:
    """(M, J) rad for feet and base, or which joint cannot do it."""
    joints = np.tile(robot.config.home.astype(float), (len(base), 1))
    for leg, feet in zip(legs, walk.feet, strict=True):
        angles, error = solve_leg(leg, feet - base)
        if error.max() > 1e-6:
            return f"the {leg.side} leg is too short by {1000 * error.max():.1f} mm"
        beyond = np.maximum(leg.lower - angles, angles - leg.upper).max(axis=0)
        if beyond.max() > 0:
            worst = int(beyond.argmax())
            return f"{leg.side}_{LEG_JOINTS[worst]} would pass its range by {beyond[worst]:.3f} rad"
        joints[:, leg.columns] = angles
    return joints


def _worst_place(robot: RobotModel, walk: Walk, joints: np.ndarray, base: np.ndarray) -> float:
    """m, how far MuJoCo's own kinematics put a foot from its plan."""
    data, worst = mujoco.MjData(robot.model), 0.0
    bodies = [int(robot.model.joint(f"{side}_{LEG_JOINTS[-1]}").bodyid[0]) for side in SIDES]
    data.qpos[:] = robot.home_qpos
    for n in range(len(joints)):
        data.qpos[robot.qpos], data.qpos[robot.base_qpos : robot.base_qpos + 3] = joints[n], base[n]
        mujoco.mj_kinematics(robot.model, data)
        worst = max(worst, float(np.linalg.norm(data.xpos[bodies] - walk.feet[:, n], axis=1).max()))
    return worst


def _stand(robot: RobotModel, params: GaitParams) -> Arrays:
    count = params.frames
    joints = np.tile(robot.config.home.astype(float), (count, 1))
    base = np.tile([0.0, 0.0, robot.config.base.standing_height_m], (count, 1))
    still, upright = np.zeros((count, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))
    return joints, np.zeros_like(joints), base, upright, still, still, np.ones((count, 4))


def _motion(commands: list[tuple[float, float, float]], clips: list[Arrays], params: GaitParams) -> ReferenceMotion:
    columns = [np.stack(column).astype(np.float32) for column in zip(*clips, strict=True)]
    return ReferenceMotion._make([np.array(commands, np.float32), *columns, np.float32(params.period_s)])


def provenance(robot: RobotConfig, params: GaitParams) -> dict[str, Any]:
    """What `save_reference` writes beside a generated motion."""
    return {
        "joint_names": list(robot.actuator_names),
        "method": "trainer.motion.gait: planned feet, sway from the zero moment point, inverse kinematics",
        "parameters": asdict(params),
        "licence": "as this project's",
        "source": f"generated from {robot.model}",
    }
