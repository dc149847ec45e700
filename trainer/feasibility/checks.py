"""The four tests by name, each with the poses that show what was found; and all of them, as training's gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from contract import ConfigError

from ..config import TrainConfig
from ..physics.robot_model import RobotModel
from .drop import drop, drop_test
from .reach import GOOD_MARGIN_RAD, reach_poses, reach_test
from .speed import speed_test
from .torque import Load, gait_loads, limits, own_motion, torque_loads, torque_test
from .twin import Twin, load_twin
from .verdict import FAIL, PASS, WARN, Verdict


class Panel(NamedTuple):
    """One pose to be drawn: qpos (nq,), what stands beside each joint, and each joint's status."""

    title: str
    qpos: np.ndarray
    labels: tuple[str, ...]
    status: tuple[str, ...]


class Checked(NamedTuple):
    """A verdict and its pictures' panels."""

    verdict: Verdict
    panels: list[Panel]


def check_drop(twin: Twin) -> Checked:
    """Drop-test: the robot as it came to rest, with the highest torques of the landing."""
    seen = drop(twin.robot)
    status = tuple(FAIL if abs(off) > 0.1 else WARN if abs(off) > 0.03 else PASS for off in seen.off_rad)
    labels = tuple(f"{t:.1f} Nm, {o:+.3f} rad" for t, o in zip(seen.torque_nm, seen.off_rad, strict=True))
    title = f"after a drop: highest torque, off by; base at {seen.height_m:.3f} m"
    return Checked(drop_test(twin, seen), [Panel(title, seen.qpos, labels, status)])


def check_torque(twin: Twin) -> Checked:
    """Torque-test: the poses that are held, and the worst frame of the gait."""
    loads, notes = torque_loads(twin)
    if twin.own is not None and twin.own is not twin.motion:
        notes.append(own_motion(twin.robot, twin.own))
    good, _ = limits(twin.robot)
    held = [load for load in loads if len(load.torque) == 1]
    walked = [load for load in loads if len(load.torque) > 1]
    shown = held + ([max(walked, key=lambda load: _highest(load, good))] if walked else [])
    return Checked(torque_test(twin, loads, notes), [_torques(twin.robot, load) for load in shown])


def check_speed(twin: Twin) -> Checked:
    """Speed-test: the frame of the reference motion in which a joint is fastest."""
    loads = gait_loads(twin)
    verdict = speed_test(twin, loads)
    if not loads:
        return Checked(verdict, [])
    most = twin.robot.config.max_velocity.astype(float)
    load = max(loads, key=lambda one: float((np.abs(one.clip.qvel[:, twin.robot.qvel]) / most).max()))
    speed = load.clip.qvel[:, twin.robot.qvel]
    frame = int((np.abs(speed) / most).max(1).argmax())
    status = tuple(FAIL if s > 1 else WARN if s > 0.9 else PASS for s in np.abs(speed[frame]) / most)
    labels = tuple(f"{s:+.1f} rad/s" for s in speed[frame])
    return Checked(verdict, [Panel(f"{load.case}, frame {frame}", load.clip.qpos[frame], labels, status)])


def check_reach(twin: Twin) -> Checked:
    """Reach-test: the poses that come nearest to what was asked, with the joints' angles."""
    poses = reach_poses(twin)
    config = twin.robot.config
    panels = []
    for pose in poses:
        joints = pose.qpos[twin.robot.qpos]
        room = np.minimum(joints - config.range_min, config.range_max - joints)
        status = tuple(
            FAIL if r < 1e-3 and pose.missed_m > 3e-3 else WARN if r < GOOD_MARGIN_RAD else PASS for r in room
        )
        labels = tuple(f"{q:+.2f}, room {r:.2f} rad" for q, r in zip(joints, room, strict=True))
        panels.append(Panel(f"{pose.name}: missed by {1000 * pose.missed_m:.1f} mm", pose.qpos, labels, status))
    return Checked(reach_test(twin, poses), panels)


CHECKS: dict[str, Callable[[Twin], Checked]] = {
    "drop": check_drop,
    "torque": check_torque,
    "speed": check_speed,
    "reach": check_reach,
}


def all_verdicts(twin: Twin) -> Iterator[Verdict]:
    """The four tests without pictures, what they share computed once."""
    yield drop_test(twin)
    loads, notes = torque_loads(twin)
    yield torque_test(twin, loads, notes)
    yield speed_test(twin, [load for load in loads if len(load.torque) > 1])
    yield reach_test(twin)


def refuse_failed_twin(config: TrainConfig) -> None:
    """Raises ConfigError where the robot of a config cannot do what training will ask of it."""
    for verdict in all_verdicts(load_twin(config)):
        if verdict.status == FAIL:
            found = verdict.worst
            raise ConfigError(
                f"{config.env.model}: {verdict.test}-test fails at {found.case}"
                f"{f', {found.joint}' if found.joint else ''}: found {found.value:.3g} {found.unit}, expected at most "
                f"{found.bad:.3g}; {found.advice}; see trainer {verdict.test}-test, or train it all the same with "
                "--allow-failed-twin"
            )


def _torques(robot: RobotModel, load: Load) -> Panel:
    good, bad = limits(robot)
    frame, _ = load.worst(good)
    torque = load.torque[frame]
    status = tuple(
        FAIL if abs(t) > b else WARN if abs(t) > g else PASS for t, g, b in zip(torque, good, bad, strict=True)
    )
    title = load.case if len(load.torque) == 1 else f"{load.case}, frame {frame}"
    return Panel(title, load.clip.qpos[frame], tuple(f"{t:+.2f} Nm" for t in torque.round(2) + 0.0), status)


def _highest(load: Load, good: np.ndarray) -> float:
    return float((np.abs(load.torque) / good).max())
