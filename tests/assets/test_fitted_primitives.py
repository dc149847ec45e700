"""Primitives in the place of meshes: as large as the mesh, where it is, and seen where they are not."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
from cad.export import RuleError
from cad.fit import fit, mesh_volume, volume
from post_process import produce
from workshop import copy_strider, copy_wildrobot, edit


def cuboid(x: float, y: float, z: float, centre: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    """(12, 3, 3) the triangles of a box, wound outwards."""
    corners = np.array([[a * x, b * y, c * z] for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (-0.5, 0.5)]) + centre
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return np.array(
        [[corners[i] for i in (a, b, c)] for q in faces for a, b, c in ((q[0], q[1], q[2]), (q[0], q[2], q[3]))]
    )


@pytest.mark.parametrize(
    ("kind", "extent", "size", "axis"),
    [
        ("box", (0.04, 0.06, 0.1), (0.02, 0.03, 0.05), 2),
        ("ellipsoid", (0.04, 0.06, 0.1), (0.02, 0.03, 0.05), 2),
        ("sphere", (0.04, 0.04, 0.04), (0.02,), 2),
        ("capsule", (0.04, 0.03, 0.1), (0.02, 0.03), 2),
        ("capsule", (0.1, 0.03, 0.04), (0.02, 0.03), 0),
        ("cylinder", (0.04, 0.01, 0.04), (0.02, 0.005), 1),
        ("cylinder", (0.2, 0.04, 0.04), (0.02, 0.1), 0),
    ],
)
def test_a_fit_has_the_extents_of_its_mesh(
    kind: str, extent: tuple[float, ...], size: tuple[float, ...], axis: int
) -> None:
    fitted = fit("part", cuboid(*extent, centre=(0.1, -0.2, 0.3)), kind)
    assert fitted.size == pytest.approx(size, abs=1e-9)
    np.testing.assert_allclose(fitted.centre, [0.1, -0.2, 0.3], atol=1e-9)
    np.testing.assert_allclose(fitted.axes[:, 2], np.eye(3)[axis])
    assert np.linalg.det(fitted.axes) == pytest.approx(1)
    assert fitted.volume_ratio == pytest.approx(volume(kind, size) / np.prod(extent))


def test_volumes_are_those_of_mujoco() -> None:
    for kind, size in {"box": (0.1, 0.2, 0.3), "sphere": (0.1,), "cylinder": (0.1, 0.2), "capsule": (0.1, 0.2),
                       "ellipsoid": (0.1, 0.2, 0.3)}.items():  # fmt: skip
        geom = f'<geom type="{kind}" size="{" ".join(map(str, size))}"/>'
        text = f"<mujoco><worldbody><body>{geom}</body></worldbody></mujoco>"
        mass = mujoco.MjModel.from_xml_string(text).body_mass[1]  # density 1000
        assert volume(kind, size) == pytest.approx(mass / 1000, rel=1e-9)
    assert mesh_volume(cuboid(0.1, 0.2, 0.3)) == pytest.approx(0.006)


def test_what_is_flat_or_too_round_is_refused() -> None:
    with pytest.raises(RuleError, match="mesh plate: is flat"):
        fit("plate", cuboid(0.1, 0.2, 0.0), "box")
    with pytest.raises(RuleError, match=r"mesh ball: .* too round"):
        fit("ball", cuboid(0.1, 0.1, 0.1), "capsule")


def twin(robot: Path) -> mujoco.MjModel:
    files = produce(robot).files
    return mujoco.MjModel.from_xml_string(next(text for name, text in files.items() if name.endswith(".xml")))


@pytest.mark.parametrize("copy", [copy_wildrobot, copy_strider])
def test_no_mesh_collides(tmp_path: Path, copy) -> None:
    model = twin(copy(tmp_path))
    touching = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    assert touching.sum() >= 7
    assert not (model.geom_type[touching] == mujoco.mjtGeom.mjGEOM_MESH).any()


def test_a_mesh_that_is_kept_is_seen_in_its_place(tmp_path: Path) -> None:
    """The second robot's trunk: a fitted box that touches and is not drawn, and the mesh itself inside the file."""
    model = twin(copy_strider(tmp_path))
    data = mujoco.MjData(model)
    data.qpos[:7] = [0, 0, 0, 1, 0, 0, 0]
    mujoco.mj_kinematics(model, data)
    meshes = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_MESH)
    assert len(meshes) == 1 and model.geom_contype[meshes[0]] == model.geom_conaffinity[meshes[0]] == 0
    corners = model.mesh_vert @ data.geom_xmat[meshes[0]].reshape(3, 3).T + data.geom_xpos[meshes[0]]
    np.testing.assert_allclose(corners.min(0), [-0.055, -0.07, -0.02], atol=1e-6)
    np.testing.assert_allclose(corners.max(0), [0.055, 0.07, 0.14], atol=1e-6)
    box = model.geom("trunk")
    np.testing.assert_allclose(box.size, [0.055, 0.07, 0.08], atol=1e-9)
    assert (box.conaffinity[0], box.group[0]) == (1, 3)


def test_a_robot_drawn_with_all_its_meshes_is_the_same_robot(tmp_path: Path) -> None:
    plain = twin(copy_wildrobot(tmp_path / "a"))
    robot = copy_wildrobot(tmp_path / "b")
    for part in ("pelvis: {fit: box", "head: {fit: ellipsoid", "torso: {fit: box, touches: link"):
        edit(robot, part, f"{part}, draw: mesh")
    drawn = twin(robot)
    assert drawn.nmesh == 3 and plain.nmesh == 0
    for field in ("body_mass", "body_inertia", "jnt_range", "actuator_gainprm", "key_qpos"):
        np.testing.assert_array_equal(getattr(drawn, field), getattr(plain, field))
    for name in ("torso", "left_thigh", "left_toe", "right_flank"):
        np.testing.assert_array_equal(drawn.geom(name).size, plain.geom(name).size)
