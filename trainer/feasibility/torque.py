"""Torques of standing, squatting, one leg and the gait, by inverse dynamics; and what would have to change.

A joint passes up to 62.5 % of its servo's limit and fails above 87.5 %: 2.5 and 3.5 Nm of a 4 Nm servo.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import NamedTuple

import mujoco
import numpy as np

from ..motion.dynamics import Clip, free_model
from ..motion.feasible import clip_of, ground_forces
from ..motion.leg import SIDES
from ..motion.reference import ReferenceMotion
from ..physics.robot_model import RobotModel
from .poses import Kinematics, Pose, crouch, home, single_stance, squat
from .twin import Twin
from .verdict import PASS, Finding, Verdict

GOOD_SHARE, BAD_SHARE = 2.5 / 4.0, 3.5 / 4.0
MISSED_M = 0.003
MOST_MASS, MOST_LENGTH = 0.6, 0.4  # shares of a link that advice may take away
_NUDGE = 0.01


class Load(NamedTuple):
    """One case: its frames as MuJoCo's coordinates, which switches touch (N, 4), and torques (N, J) Nm."""

    case: str
    clip: Clip
    contact: np.ndarray
    torque: np.ndarray

    def worst(self, good: np.ndarray) -> tuple[int, int]:
        """Frame and joint that are highest against the joints' limits (J,) Nm."""
        frame, joint = np.unravel_index(int((np.abs(self.torque) / good).argmax()), self.torque.shape)
        return int(frame), int(joint)


def limits(robot: RobotModel) -> tuple[np.ndarray, np.ndarray]:
    """(J,) Nm up to which a joint passes, and above which it fails."""
    most = robot.config.max_torque.astype(float)
    return GOOD_SHARE * most, BAD_SHARE * most


def test_poses(robot: RobotModel) -> list[Pose]:
    """What a walker must be able to hold."""
    return [home(robot), squat(robot), crouch(robot), *(single_stance(robot, side) for side in SIDES)]


def hold(robot: RobotModel, pose: Pose, model: mujoco.MjModel | None = None) -> Load:
    """The torques that keep a pose still."""
    nothing = np.zeros((1, robot.model.nv))
    clip = Clip(pose.qpos[None], nothing, nothing)
    return _load(robot, model or free_model(robot), pose.name, clip, pose.contact[None])


def gait_loads(twin: Twin) -> list[Load]:
    """The torques along each clip of the gaits, accelerations included."""
    return [] if twin.motion is None else motion_loads(twin.robot, twin.motion)


def motion_loads(robot: RobotModel, motion: ReferenceMotion) -> list[Load]:
    """The torques along each clip of a motion, accelerations included."""
    model = free_model(robot)
    return [
        _load(robot, model, gait_case(vx, vy), clip_of(robot, motion, index), np.asarray(motion.contact[index]))
        for index, (vx, vy, _) in enumerate(np.asarray(motion.command, float))
    ]


def gait_case(vx: float, vy: float) -> str:
    """A clip's name by its velocities, m/s."""
    return f"gait {vx:.1f} ahead" if not vy else f"gait {vx:.1f} ahead {vy:.1f} left"


def _load(robot: RobotModel, model: mujoco.MjModel, case: str, clip: Clip, contact: np.ndarray) -> Load:
    return Load(case, clip, contact, ground_forces(robot, model, clip, contact)[0])


def torque_loads(twin: Twin) -> tuple[list[Load], list[str]]:
    """All cases, and a sentence for each that could not be tried."""
    poses = test_poses(twin.robot)
    held = [hold(twin.robot, pose) for pose in poses if pose.missed_m <= MISSED_M]
    notes = [
        f"{pose.name}: not tried, out of reach by {1000 * pose.missed_m:.0f} mm; see trainer reach-test"
        for pose in poses
        if pose.missed_m > MISSED_M
    ]
    if twin.motion is None:
        notes.append("gait: not tried, there is none for this robot")
    return held + gait_loads(twin), notes


def own_motion(robot: RobotModel, motion: ReferenceMotion) -> str:
    """What the training config's reference asks: most of it is where episodes begin, so it is said and not judged."""
    good, _ = limits(robot)
    load = max(motion_loads(robot, motion), key=lambda one: float((np.abs(one.torque) / good).max()))
    frame, joint = load.worst(good)
    name = robot.config.actuator_names[joint]
    most = abs(load.torque[frame, joint])
    return f"the training's own reference asks {most:.2f} Nm of {name} at most ({load.case}); not judged"


def torque_test(twin: Twin, loads: list[Load] | None = None, notes: list[str] | None = None) -> Verdict:
    """Every case's worst joint against its servo; arguments: what `torque_loads` found, if it has been asked."""
    if loads is None:
        loads, notes = torque_loads(twin)
    findings = [_finding(twin.robot, load) for load in loads]
    return Verdict("torque", tuple(findings), tuple(notes or ()))


def _finding(robot: RobotModel, load: Load) -> Finding:
    good, bad = limits(robot)
    frame, joint = load.worst(good)
    value = float(abs(load.torque[frame, joint]))
    found = Finding(load.case, robot.config.actuator_names[joint], value, float(good[joint]), float(bad[joint]), "Nm")
    return found if found.status == PASS else Finding(**{**vars(found), "advice": advise(robot, load, frame, joint)})


class Change(NamedTuple):
    """One way to bring a torque down: take `share` of the mass or of the length of `links` away."""

    kind: str
    links: tuple[str, ...]
    share: float
    now: float


def changes(robot: RobotModel, load: Load, frame: int, joint: int) -> list[Change]:
    """Ways to bring one joint's torque in one frame to what passes, the smallest first; masses before lengths.

    Torque is linear in the masses; of a length it is the slope that counts.
    """
    model = free_model(robot)
    one = Clip(*(values[frame : frame + 1] for values in load.clip))
    contact = load.contact[frame : frame + 1]

    def torque(changed: mujoco.MjModel, clip: Clip = one) -> float:
        return float(abs(ground_forces(robot, changed, clip, contact)[0][0, joint]))

    now = torque(model)
    excess = now - float(limits(robot)[0][joint])
    found: list[Change] = []
    for links in _links(robot):
        for kind, most in (("mass", MOST_MASS), ("length", MOST_LENGTH)):
            nudged = _changed(model, links, kind, 1 - _NUDGE)
            clip = one if kind == "mass" else _seated(robot, nudged, one)
            gained = (now - torque(nudged, clip)) / _NUDGE
            if gained > 0 and excess / gained <= most:
                size = _mass(model, links[0]) if kind == "mass" else _length(model, links[0])
                if size > 0:
                    found.append(Change(kind, links, excess / gained, size))
    return sorted(found, key=lambda c: (c.kind != "mass", c.share))


def advise(robot: RobotModel, load: Load, frame: int, joint: int) -> str:
    """Which link to change and by how much, in one sentence."""
    ways = []
    found = changes(robot, load, frame, joint)
    for kind in ("mass", "length"):
        change = next((c for c in found if c.kind == kind), None)
        if change is None:
            continue
        links = " and ".join(change.links)
        each = " each" if len(change.links) > 1 else ""
        if kind == "mass":
            ways.append(f"take {change.share * change.now:.2f} kg off {links}{each} (has {change.now:.2f})")
        else:
            size = 1000 * change.now
            ways.append(f"bring what hangs on {links} {change.share * size:.0f} mm nearer{each} (is at {size:.0f})")
    now, name = float(abs(load.torque[frame, joint])), robot.config.actuator_names[joint]
    ways.append(f"give {name} a servo of {now / GOOD_SHARE:.1f} Nm (has {robot.config.max_torque[joint]:.1f})")
    return ", or ".join(ways)


def apply(model: mujoco.MjModel, change: Change) -> mujoco.MjModel:
    """A model with a change made."""
    return _changed(model, change.links, change.kind, 1 - change.share)


def _links(robot: RobotModel) -> list[tuple[str, ...]]:
    """The bodies' names, left and right together, by the joints that mirror each other."""
    model, joints = robot.model, robot.config.joints
    body_of = {name: int(model.joint(name).bodyid[0]) for name in joints}
    mirror = {body_of[name]: body_of[joint.symmetric_joint] for name, joint in joints.items()}
    pairs = {tuple(sorted({body, mirror.get(body, body)})) for body in range(1, model.nbody)}
    return [tuple(model.body(body).name for body in pair) for pair in sorted(pairs)]


def _changed(model: mujoco.MjModel, links: tuple[str, ...], kind: str, scale: float) -> mujoco.MjModel:
    changed = copy.copy(model)
    for link in links:
        body = int(model.body(link).id)
        if kind == "mass":
            changed.body_mass[body] *= scale
            changed.body_inertia[body] *= scale
        else:
            changed.body_pos[model.body_parentid == body] *= scale
            changed.body_ipos[body] *= scale
    mujoco.mj_setConst(changed, mujoco.MjData(changed))
    return changed


def _mass(model: mujoco.MjModel, link: str) -> float:
    return float(model.body(link).mass[0])


def _length(model: mujoco.MjModel, link: str) -> float:
    """m to the farthest body that hangs on this one."""
    children = model.body_pos[model.body_parentid == int(model.body(link).id)]
    return float(np.linalg.norm(children, axis=1).max(initial=0.0))


def _seated(robot: RobotModel, model: mujoco.MjModel, clip: Clip) -> Clip:
    """The frame moved up or down as the changed legs want it."""
    changed = Kinematics(replace(robot, model=model))
    same = Kinematics(robot)
    same.place(clip.qpos[0])
    lowest = same.soles()[..., 2].min()
    moved = changed.on_floor(clip.qpos[0])
    moved[robot.base_qpos + 2] += lowest
    return clip._replace(qpos=moved[None])
