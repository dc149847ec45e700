"""The robot as a figure for the browser: what its bodies look like, and where they are, from joint angles and IMU.

The robot does not know where it is in a room. The figure's lowest point is put on the floor, and stays where it is
there while it is the lowest: so it walks as its feet push it, and nothing of that is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robotd.ctl.cockpit import shapes
from robotd.hal import HardwareError
from robotd.hal.twin_model import import_mujoco

HIDDEN_GROUP = 3  # from this group on MuJoCo's own viewer shows nothing either
Float64 = NDArray[np.float64]


class TwinError(ValueError):
    """No figure can be drawn: one sentence."""


class Twin:
    """The model of an MJCF. Not for several threads at once.

    Raises:
        TwinError: MuJoCo is not installed, or the file is no robot with a free base.
    """

    def __init__(self, robot_xml: Path) -> None:
        try:
            mujoco = import_mujoco()
        except HardwareError:
            raise TwinError("no MuJoCo here, so there is no 3-D view; pip install 'wildrobot[sim]'") from None
        self._mujoco, self._path = mujoco, robot_xml
        try:
            self.model = mujoco.MjModel.from_xml_path(str(robot_xml))
        except ValueError as problem:
            raise TwinError(f"{robot_xml}: {' '.join(str(problem).split())}; expected an MJCF, see --model") from None
        self._data = mujoco.MjData(self.model)
        free = np.flatnonzero(self.model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
        if not len(free):
            raise TwinError(f"{robot_xml}: no free joint, expected one at the base of the robot; see --model")
        self._base = int(self.model.jnt_qposadr[free[0]])
        self._touching = self._touching_points()
        self._imu = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_SITE, "imu")  # -1: it is the base's own
        self._anchor: tuple[int, Float64, Float64] | None = None  # body, point in it, where it is in the world

    def places(self, joints: Sequence[str]) -> NDArray[np.intp]:
        """Where these joints stand in qpos. Raises TwinError: the model has no such joint."""
        found = []
        for name in joints:
            number = self._mujoco.mj_name2id(self.model, self._mujoco.mjtObj.mjOBJ_JOINT, name)
            if number < 0:
                raise TwinError(f"{self._path}: no joint {name!r}, which this robot has; name its MJCF with --model")
            found.append(int(self.model.jnt_qposadr[number]))
        return np.array(found, np.intp)

    def scene(self) -> dict[str, Any]:
        """All that is drawn: meshes (flat lists of vertices, normals, faces) and geoms, each with its mesh, body,
        position (3,) m and quaternion (4,) wxyz in it, and colour (3,) of 0 to 1."""
        meshes: dict[tuple[Any, ...], int] = {}
        drawn: list[dict[str, list[float]]] = []
        geoms = []
        for geom in self._drawn():
            key = self._shape_key(int(geom))
            if key not in meshes:
                mesh = self._mesh(int(geom))
                if mesh is None:
                    continue
                meshes[key] = len(drawn)
                drawn.append({name: np.round(part.ravel(), 5).tolist() for name, part in mesh._asdict().items()})
            place = {"mesh": meshes[key], "body": int(self.model.geom_bodyid[geom]), "colour": self._colour(int(geom))}
            geoms.append(
                place | {"position": self.model.geom_pos[geom].tolist(), "quat": self.model.geom_quat[geom].tolist()}
            )
        return {"meshes": drawn, "geoms": geoms, "bodies": int(self.model.nbody)}

    def pose(self, places: NDArray[np.intp], joint_pos_rad: Sequence[float], quat_wxyz: Sequence[float]) -> list[float]:
        """Of each body x, y, z in m and its quaternion w, x, y, z, one after the other.

        joint_pos_rad (J,) at `places` of qpos, quat_wxyz (4,) of the IMU; what is not finite counts as 0, and a
        quaternion without length as upright.
        """
        mj, data = self._mujoco, self._data
        wanted = np.nan_to_num(np.array(quat_wxyz, np.float64))
        if np.linalg.norm(wanted) < 1e-6:
            wanted = np.array([1.0, 0, 0, 0])
        data.qpos[:] = self.model.qpos0
        data.qpos[self._base : self._base + 7] = (0, 0, 0, 1, 0, 0, 0)
        data.qpos[places] = np.nan_to_num(np.array(joint_pos_rad, np.float64))
        imu, back, base = np.array([1.0, 0, 0, 0]), np.zeros(4), np.zeros(4)
        if self._imu >= 0:
            mj.mj_kinematics(self.model, data)
            mj.mju_mat2Quat(imu, data.site_xmat[self._imu])
        mj.mju_negQuat(back, imu)
        mj.mju_mulQuat(base, wanted / np.linalg.norm(wanted), back)
        data.qpos[self._base + 3 : self._base + 7] = base
        mj.mj_kinematics(self.model, data)
        offset = self._stand()
        return np.concatenate([data.xpos + offset, data.xquat], axis=1).ravel().tolist()

    def _stand(self) -> Float64:
        """How far to move all bodies (3,) so that the lowest point touches the floor where it touched before."""
        data, lowest = self._data, None
        for body, points in self._touching:
            world = points @ data.xmat[body].reshape(3, 3).T + data.xpos[body]
            index = int(np.argmin(world[:, 2]))
            if lowest is None or world[index, 2] < lowest[2][2]:
                lowest = (body, points[index], world[index])
        if lowest is None:
            return np.zeros(3)
        offset = np.array([0.0, 0.0, -lowest[2][2]])
        if self._anchor is not None:
            body, point, before = self._anchor
            now = data.xmat[body].reshape(3, 3) @ point + data.xpos[body]
            offset[:2] = before[:2] - now[:2]
        self._anchor = (lowest[0], lowest[1], lowest[2] + offset)
        return offset

    def _touching_points(self) -> list[tuple[int, Float64]]:
        """The corners (V, 3) of all that is drawn, by body."""
        model = self.model
        found: dict[int, list[Float64]] = {}
        for geom in self._drawn():
            mesh = self._mesh(int(geom))
            if mesh is not None:
                turn = np.zeros(9)
                self._mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
                points = mesh.vertices @ turn.reshape(3, 3).T + model.geom_pos[geom]
                found.setdefault(int(model.geom_bodyid[geom]), []).append(points)
        return [(body, np.unique(np.concatenate(points), axis=0)) for body, points in found.items()]

    def _drawn(self) -> NDArray[np.intp]:
        """The geoms of the robot that MuJoCo's own viewer shows too."""
        return np.flatnonzero((self.model.geom_group < HIDDEN_GROUP) & (self.model.geom_bodyid > 0))

    def _colour(self, geom: int) -> list[float]:
        model, material = self.model, int(self.model.geom_matid[geom])
        plain = np.all(model.geom_rgba[geom] == np.array([0.5, 0.5, 0.5, 1.0], np.float32))
        rgba = model.mat_rgba[material] if plain and material >= 0 else model.geom_rgba[geom]
        return [round(float(part), 3) for part in rgba[:3]]

    def _shape_key(self, geom: int) -> tuple[Any, ...]:
        model = self.model
        return (int(model.geom_type[geom]), int(model.geom_dataid[geom]), *model.geom_size[geom].tolist())

    def _mesh(self, geom: int) -> shapes.Mesh | None:
        """Its triangles; None for kinds that no robot is built of."""
        model, kinds = self.model, self._mujoco.mjtGeom
        kind, size = kinds(int(model.geom_type[geom])), model.geom_size[geom]
        if kind == kinds.mjGEOM_BOX:
            return shapes.box(size)
        if kind == kinds.mjGEOM_CYLINDER:
            return shapes.cylinder(size[0], size[1])
        if kind in (kinds.mjGEOM_CAPSULE, kinds.mjGEOM_SPHERE):
            return shapes.capsule(size[0], size[1] if kind == kinds.mjGEOM_CAPSULE else 0.0)
        if kind == kinds.mjGEOM_ELLIPSOID:
            return shapes.ellipsoid(size)
        if kind == kinds.mjGEOM_MESH:
            mesh = model.mesh(int(model.geom_dataid[geom]))
            first, face = int(mesh.vertadr[0]), int(mesh.faceadr[0])
            corners = model.mesh_vert[first : first + int(mesh.vertnum[0])]
            return shapes.flat(corners, model.mesh_face[face : face + int(mesh.facenum[0])])
        return None
