"""The finished twin against the export as MuJoCo itself compiles it: where links go, and how they resist."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import mujoco
import numpy as np
import pytest
from cad.facts import load_facts
from post_process import produce
from workshop import copy_strider, copy_wildrobot

# from the axes of strider's CAD (x right, y forward) to the base's (x forward, y left)
CAD = {"wildrobot": np.eye(3), "strider": np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])}


def finished(robot: Path) -> mujoco.MjModel:
    files = produce(robot).files
    return mujoco.MjModel.from_xml_string(next(text for name, text in files.items() if name.endswith(".xml")))


def as_exported(robot: Path) -> mujoco.MjModel:
    """The export, compiled by MuJoCo with all that it means to MuJoCo."""
    file = robot.parent / load_facts(robot).export
    if file.suffix == ".xml":
        return mujoco.MjModel.from_xml_path(str(file))
    root = ET.parse(file).getroot()
    for link in root.iter("link"):
        for shape in [*link.findall("visual"), *link.findall("collision")]:
            link.remove(shape)  # MuJoCo reads no text STL, and shapes have no mass here
    wish = {"fusestatic": "false", "balanceinertia": "false"}
    ET.SubElement(ET.SubElement(root, "mujoco"), "compiler", wish)
    return mujoco.MjModel.from_xml_string(ET.tostring(root, encoding="unicode"))


def posed(model: mujoco.MjModel, angles: dict[str, float]) -> mujoco.MjData:
    data = mujoco.MjData(model)
    if model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE:
        data.qpos[:7] = [0, 0, 0, 1, 0, 0, 0]
    for name, angle in angles.items():
        data.joint(name).qpos[0] = angle
    mujoco.mj_forward(model, data)
    return data


def world_inertia(model: mujoco.MjModel, data: mujoco.MjData, body: str) -> np.ndarray:
    axes = data.body(body).ximat.reshape(3, 3)
    return axes @ np.diag(model.body(body).inertia) @ axes.T


@pytest.mark.parametrize("name", ["wildrobot", "strider"])
@pytest.mark.parametrize("seed", range(5))
def test_every_link_goes_where_mujoco_says_the_export_goes(tmp_path: Path, name: str, seed: int) -> None:
    robot = (copy_wildrobot if name == "wildrobot" else copy_strider)(tmp_path)
    twin, raw, turn = finished(robot), as_exported(robot), CAD[name]
    rng = np.random.default_rng(seed)
    joints = [twin.actuator(i).name for i in range(twin.nu)]
    angles = {joint: float(rng.uniform(*twin.joint(joint).range)) for joint in joints}
    flipped = {j: np.sign(turned(raw, j) @ (turn.T @ twin.joint(j).axis)) for j in joints}
    for joint in joints:
        span = sorted(flipped[joint] * raw.joint(joint).range)
        np.testing.assert_allclose(twin.joint(joint).range, span, atol=1e-9)
    ours, theirs = posed(twin, angles), posed(raw, {j: flipped[j] * a for j, a in angles.items()})
    for body in (twin.body(i).name for i in range(1, twin.nbody)):
        if body == twin.body(1).name and name == "strider":
            continue  # MuJoCo makes a URDF's base part of the world
        np.testing.assert_allclose(ours.body(body).xipos, turn @ theirs.body(body).xipos, atol=1e-9)
        expected = turn @ world_inertia(raw, theirs, body) @ turn.T
        np.testing.assert_allclose(world_inertia(twin, ours, body), expected, atol=1e-10)
        assert twin.body(body).mass[0] == pytest.approx(raw.body(body).mass[0], abs=1e-12)


def turned(model: mujoco.MjModel, joint: str) -> np.ndarray:
    """A joint's axis in the world, with all joints at 0."""
    return posed(model, {}).xaxis[model.joint(joint).id]


def test_some_joints_are_drawn_the_other_way(tmp_path: Path) -> None:
    """So that the test above also sees turned signs."""
    for number, copy in enumerate((copy_wildrobot, copy_strider)):
        robot = copy(tmp_path / str(number))
        twin, raw = finished(robot), as_exported(robot)
        turn = CAD["strider" if copy is copy_strider else "wildrobot"]
        names = [twin.actuator(i).name for i in range(twin.nu)]
        signs = {float(np.sign(turned(raw, j) @ (turn.T @ twin.joint(j).axis))) for j in names}
        assert signs == {-1.0, 1.0}
