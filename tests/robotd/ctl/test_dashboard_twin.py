"""The figure of the dashboard: shapes are closed and look outward, poses are those of the model, feet stay put."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from contract import assets_dir
from robotd.ctl.cockpit import shapes
from robotd.ctl.cockpit.twin import Twin, TwinError

ROBOT = assets_dir() / "wildrobot.xml"
SHAPES = {
    "box": (shapes.box(np.array([0.1, 0.2, 0.3])), 8 * 0.1 * 0.2 * 0.3),
    "cylinder": (shapes.cylinder(0.1, 0.2), math.pi * 0.1**2 * 0.4),
    "sphere": (shapes.capsule(0.1, 0.0), 4 / 3 * math.pi * 0.1**3),
    "capsule": (shapes.capsule(0.1, 0.2), 4 / 3 * math.pi * 0.1**3 + math.pi * 0.1**2 * 0.4),
    "ellipsoid": (shapes.ellipsoid(np.array([0.1, 0.2, 0.3])), 4 / 3 * math.pi * 0.006),
}
FLAT = shapes.flat(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]), np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
)


@pytest.mark.parametrize("name", [*SHAPES, "flat"])
def test_a_shape_is_closed_faces_outward_and_has_its_volume(name: str) -> None:
    mesh, volume = (FLAT, 1 / 6) if name == "flat" else SHAPES[name]
    corners = mesh.vertices.astype(float)[mesh.faces]
    found = np.sum(np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]) / 6  # negative where faces look inward
    assert 0.94 * volume < found <= 1.001 * volume
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    real = np.linalg.norm(face, axis=1) > 1e-9
    assert np.all(np.sum(face[:, None] * mesh.normals[mesh.faces], axis=2)[real] > 0)


@pytest.fixture
def twin() -> Twin:
    return Twin(ROBOT)


def joints(twin: Twin) -> list[str]:
    return [twin.model.joint(number).name for number in range(1, twin.model.njnt)]


def lowest_m(twin: Twin, pose: np.ndarray) -> float:
    """Of all that is drawn, from what the browser gets."""
    import mujoco

    scene, low = twin.scene(), math.inf
    for geom in scene["geoms"]:
        points = np.array(scene["meshes"][geom["mesh"]]["vertices"]).reshape(-1, 3)
        for quat, place in ((geom["quat"], geom["position"]), (pose[geom["body"], 3:], pose[geom["body"], :3])):
            turn = np.zeros(9)
            mujoco.mju_quat2Mat(turn, np.array(quat, float))
            points = points @ turn.reshape(3, 3).T + np.array(place)
        low = min(low, float(points[:, 2].min()))
    return low


def test_the_scene_is_the_robot_in_its_colours(twin: Twin) -> None:
    scene = twin.scene()
    assert len(scene["geoms"]) > 40 and len({tuple(geom["colour"]) for geom in scene["geoms"]}) >= 5
    assert {geom["body"] for geom in scene["geoms"]} <= set(range(1, scene["bodies"]))
    for mesh in scene["meshes"]:
        assert len(mesh["vertices"]) == len(mesh["normals"]) and max(mesh["faces"]) < len(mesh["vertices"]) // 3


@pytest.mark.parametrize("quat", [(1, 0, 0, 0), (0.9, 0.3, -0.2, 0.1), (0, 1, 0, 0)])
def test_the_lowest_point_is_on_the_floor_however_it_lies(twin: Twin, quat: tuple[float, ...]) -> None:
    pose = np.array(twin.pose(twin.places(joints(twin)), [0.1] * 11, quat)).reshape(-1, 7)
    assert pose.shape == (twin.model.nbody, 7) and np.all(np.isfinite(pose))
    assert lowest_m(twin, pose) == pytest.approx(0, abs=1e-3)


def test_the_imu_is_as_it_says_though_the_waist_is_turned(twin: Twin) -> None:
    import mujoco

    places, angles, wanted = twin.places(joints(twin)), [0.0] * 11, np.array([0.9, 0.3, -0.2, 0.1])
    wanted /= np.linalg.norm(wanted)
    angles[joints(twin).index("waist_yaw")] = 0.5
    pose = np.array(twin.pose(places, angles, wanted.tolist())).reshape(-1, 7)
    body = int(twin.model.site_bodyid[mujoco.mj_name2id(twin.model, mujoco.mjtObj.mjOBJ_SITE, "imu")])
    assert abs(pose[body, 3:] @ wanted) == pytest.approx(1, abs=1e-6)


def test_a_stance_foot_stays_while_the_body_moves_over_it(twin: Twin) -> None:
    places, names = twin.places(joints(twin)), joints(twin)
    foot = next(number for number in range(twin.model.nbody) if "left_foot" in twin.model.body(number).name)
    feet, bases = [], []
    for swing in np.linspace(0, 0.4, 20):
        angles = [0.0] * 11
        angles[names.index("right_hip_pitch")], angles[names.index("right_knee_pitch")] = 0.8, 1.2  # clear of the floor
        angles[names.index("left_hip_pitch")] = swing
        pose = np.array(twin.pose(places, angles, (1, 0, 0, 0))).reshape(-1, 7)
        feet.append(pose[foot, :2])
        bases.append(pose[1, :2])
    assert np.ptp(np.array(bases)[:, 0]) > 0.1
    assert np.ptp(np.array(feet)[:, 0]) < 0.04  # it rolls over its edge


def test_what_is_not_finite_draws_something_all_the_same(twin: Twin) -> None:
    pose = twin.pose(twin.places(joints(twin)), [math.nan] * 11, [math.nan] * 4)
    assert np.all(np.isfinite(pose))


def test_another_robot_is_named_by_its_first_joint(twin: Twin) -> None:
    with pytest.raises(TwinError, match="no joint 'tail', which this robot has; name its MJCF with --model"):
        twin.places(["waist_yaw", "tail"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("no xml", "expected an MJCF"), ("<mujoco/>", "no free joint"), (None, "expected an MJCF")],
)
def test_a_file_that_is_no_robot_is_one_sentence(text: str | None, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "robot.xml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(TwinError, match=sentence) as refused:
        Twin(file)
    assert "\n" not in str(refused.value) and str(file) in str(refused.value)
