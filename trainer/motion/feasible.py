"""Can the robot do a motion? Joint ranges, servo speeds, and the torques of inverse dynamics, clip by clip.

Torques: MuJoCo's inverse dynamics of the whole robot give, for each frame, the wrench that the ground must put on
the floating base and the joint torques without it. The ground may push at the two corners of each toe and heel that
the clip says is in contact. Forces there lie inside a friction pyramid (each a sum of its four edges with factors >= 0)
and are chosen by non-negative least squares: first they shall make up the wrench, and then, with a small weight, be
small, which spreads them over the soles. Their share J^T f is taken off the joints. What of the wrench the soles
cannot give is reported as a residual, and never put onto the joints or hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.optimize import nnls

from contract import RobotConfig

from ..physics.robot_model import RobotModel
from .dynamics import Clip, free_model, inverse, make_clip
from .leg import SIDES, foot_body, sole_corners
from .reference import ReferenceMotion

WARN_SHARE = 0.9  # of a limit
MOST_UNBALANCED_NM, MOST_UNBALANCED_N = 1.0, 3.0
_SPREAD = 1e-3


@dataclass(frozen=True)
class Verdict:
    """One clip against the robot.

    command (3,); range_margin_rad (J,) smallest distance to a limit, negative beyond it; speed_rad_s (J,) highest;
    torque_nm (J,) highest; unbalanced_n, unbalanced_nm: largest force and moment about the base that the soles cannot
    give; status pass, warn or fail, and why.
    """

    command: tuple[float, ...]
    range_margin_rad: np.ndarray
    speed_rad_s: np.ndarray
    torque_nm: np.ndarray
    unbalanced_n: float
    unbalanced_nm: float
    status: str
    reason: str


def check_motion(robot: RobotModel, motion: ReferenceMotion) -> list[Verdict]:
    """A verdict for each clip. Friction is that of the floor in the robot's model."""
    return [_check_clip(robot, motion, index) for index in range(len(motion.command))]


def table(robot: RobotConfig, verdicts: list[Verdict]) -> str:
    """The verdicts as text, one clip a line: the worst joint of each kind, and the status."""
    head = (
        f"{'vx':>5} {'vy':>5}  {'range margin rad':<24} {'speed rad/s':<24} {'torque Nm':<24} {'unbalanced':<16} status"
    )
    lines = [head]
    for v in verdicts:
        margin, speed, torque = int(v.range_margin_rad.argmin()), int(v.speed_rad_s.argmax()), int(v.torque_nm.argmax())
        worst = [(v.range_margin_rad, margin), (v.speed_rad_s, speed), (v.torque_nm, torque)]
        cells = [f"{values[i]:6.3f} {robot.actuator_names[i]:<17}" for values, i in worst]
        left = f"{v.unbalanced_n:.1f} N {v.unbalanced_nm:.2f} Nm"
        lines.append(
            f"{v.command[0]:5.2f} {v.command[1]:5.2f}  {' '.join(cells)} {left:<16} {v.status} {v.reason}".rstrip()
        )
    return "\n".join(lines)


def clip_of(robot: RobotModel, motion: ReferenceMotion, index: int) -> Clip:
    """One clip of a motion as MuJoCo's coordinates with accelerations."""
    m, period_s = motion, float(motion.period_s)
    fields = (m.joint_pos, m.joint_vel, m.base_pos, m.base_quat, m.base_linvel, m.base_angvel)
    pos, vel, base_pos, base_quat, linvel, angvel = (np.asarray(field[index], float) for field in fields)
    return make_clip(robot, pos, vel, base_pos, base_quat, linvel, angvel, period_s)


def ground_forces(
    robot: RobotModel, model: mujoco.MjModel, clip: Clip, contact: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint torques (N, J) Nm under the soles' forces, and the wrench that they leave: (N, 3) N, (N, 3) Nm."""
    demand = inverse(robot, model, clip)
    feet = [foot_body(model, side) for side in SIDES]
    corners = [sole_corners(model, side) for side in SIDES]
    mu = float(model.geom_friction[robot.floor, 0])
    edges = np.array([[mu, 0, 1], [-mu, 0, 1], [0, mu, 1], [0, -mu, 1]])
    data = mujoco.MjData(model)
    torque, left = np.zeros_like(demand.joint), np.zeros((len(contact), 6))
    for n, qpos in enumerate(clip.qpos):
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        base = data.xpos[robot.base_body]
        wrench, joint = [np.zeros((0, 6))], [np.zeros((0, len(robot.qvel)))]
        for foot, points, touches in zip(feet, corners, contact[n].reshape(2, 2), strict=True):
            for point in data.xpos[foot] + points[np.repeat(touches > 0.5, 2)] @ data.xmat[foot].reshape(3, 3).T:
                jacobian = np.zeros((3, model.nv))
                mujoco.mj_jac(model, data, jacobian, None, point, foot)
                wrench.append(np.hstack([edges, np.cross(point - base, edges)]))
                joint.append(edges @ jacobian[:, robot.qvel])
        of_edges, to_joints = np.vstack(wrench).T, np.vstack(joint)
        want = np.concatenate([demand.force[n], demand.moment[n]])
        factors = _least_squares(of_edges, want)
        left[n] = want - of_edges @ factors
        torque[n] = demand.joint[n] - factors @ to_joints
    return torque, left[:, :3], left[:, 3:]


def _least_squares(of_edges: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Factors >= 0 of the friction edges, least squares of what is left of `want`; 1 Nm weighs as 10 N."""
    count = of_edges.shape[1]
    if not count:
        return np.zeros(0)
    weight = np.array([1.0, 1.0, 1.0, 10.0, 10.0, 10.0])
    factors: np.ndarray = nnls(
        np.vstack([weight[:, None] * of_edges, _SPREAD * np.eye(count)]),
        np.concatenate([weight * want, np.zeros(count)]),
    )[0]
    return factors


def _check_clip(robot: RobotModel, motion: ReferenceMotion, index: int) -> Verdict:
    config = robot.config
    joint_pos, joint_vel = motion.joint_pos[index].astype(float), motion.joint_vel[index].astype(float)
    clip = clip_of(robot, motion, index)
    torque, force, moment = ground_forces(robot, free_model(robot), clip, motion.contact[index])
    margin = np.minimum(joint_pos - config.range_min, config.range_max - joint_pos).min(axis=0)
    speed, highest = np.abs(joint_vel).max(axis=0), np.abs(torque).max(axis=0)
    left_n, left_nm = (float(np.linalg.norm(part, axis=1).max()) for part in (force, moment))
    status, reason = _judge(config, margin, speed, highest, left_n, left_nm)
    command = tuple(float(value) for value in motion.command[index])
    return Verdict(command, margin, speed, highest, left_n, left_nm, status, reason)


def _judge(
    config: RobotConfig, margin: np.ndarray, speed: np.ndarray, torque: np.ndarray, left_n: float, left_nm: float
) -> tuple[str, str]:
    """fail where a joint passes a limit, warn where it comes near or the soles cannot carry the motion, else pass."""
    shares = {"speed": speed / config.max_velocity, "torque": torque / config.max_torque}
    fails = [f"{_worst(config, -margin)} leaves its range"] if margin.min() < -1e-5 else []
    fails += [f"{_worst(config, s)} {name} {s.max():.0%} of its limit" for name, s in shares.items() if s.max() > 1]
    if fails:
        return "fail", ", ".join(fails)
    warns = [f"{_worst(config, s)} {name} {s.max():.0%}" for name, s in shares.items() if s.max() > WARN_SHARE]
    near = (1 - WARN_SHARE) / 2 * (config.range_max - config.range_min)
    warns += [f"{_worst(config, near - margin)} near its range"] if (margin < near / 10).any() else []
    if left_n > MOST_UNBALANCED_N or left_nm > MOST_UNBALANCED_NM:
        warns.append("out of balance: the soles cannot carry it")
    return ("warn", ", ".join(warns)) if warns else ("pass", "")


def _worst(config: RobotConfig, values: np.ndarray) -> str:
    return config.actuator_names[int(values.argmax())]
