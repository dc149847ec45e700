"""The recorded robot for a 3-D view: its shapes once, and where its bodies are, from joint angles and attitude."""

from __future__ import annotations

from typing import Any

import numpy as np

from contract import Bundle
from robotd.ctl.log_foxglove import WORLD, Json, on_stand, pose, quaternion, stamp, vector
from robotd.hal.twin_model import STAND

_EVERY_S = 0.04
"""A pose is written no more often: as many as a screen shows while it plays."""
_HIDDEN_GROUPS = 3  # and above: shapes that only collide


class Scene:
    """The bodies of a bundle's robot. Raises HardwareError: no MuJoCo, or no robot.xml."""

    def __init__(self, bundle: Bundle, ctrl_dt: float) -> None:
        from robotd.hal.sim import open_twin

        self._twin = open_twin(bundle, joint_noise_rad=0.0)
        import mujoco

        self._mujoco, self._model = mujoco, self._twin.model
        self._every = max(1, round(_EVERY_S / ctrl_dt))
        self._bodies = [
            body for body in range(1, self._model.nbody) if self._model.body(body).name != STAND
        ]  # 0 is the world

    def frames(self) -> list[str]:
        """Names of the frames, the world's left out."""
        return [self._name(body) for body in self._bodies]

    def shapes(self, at_ns: int) -> Json:
        """All bodies as `foxglove.SceneUpdate`; they stay until the end."""
        return {"deletions": [], "entities": [self._entity(body, at_ns) for body in self._bodies]}

    def transforms(self, row: Any, mode: str, at_ns: int) -> Json | None:
        """Where the bodies are in a record, as `foxglove.FrameTransforms`; None where it is left out, being between
        two that a screen would show, or not finite.

        Where the robot stands is in no log: it stays above one spot, its lowest point on the floor.
        """
        if int(row["number"]) % self._every:
            return None
        joints, quat = row["signals.joint_pos_rad"], row["signals.quat_wxyz"]
        if not (np.isfinite(joints).all() and np.isfinite(quat).all()):
            return None
        w, x, y, z = quat.tolist()
        self._twin.place(joints, (w, x, y, z), supported=on_stand(mode))
        return {"transforms": [self._transform(body, at_ns) for body in self._bodies]}

    def _transform(self, body: int, at_ns: int) -> Json:
        mj, data = self._mujoco, self._twin.data
        parent = int(self._model.body_parentid[body])
        turned, back, shift = np.zeros(4), np.zeros(4), np.zeros(3)
        mj.mju_negQuat(back, data.xquat[parent])
        mj.mju_mulQuat(turned, back, data.xquat[body])
        mj.mju_rotVecQuat(shift, data.xpos[body] - data.xpos[parent], back)
        return {
            "timestamp": stamp(at_ns),
            "parent_frame_id": self._name(parent),
            "child_frame_id": self._name(body),
            "translation": vector(shift),
            "rotation": quaternion(turned),
        }

    def _name(self, body: int) -> str:
        return WORLD if body == 0 else self._model.body(body).name or f"body_{body}"

    def _entity(self, body: int, at_ns: int) -> Json:
        shapes: dict[str, list[Json]] = {"cubes": [], "spheres": [], "cylinders": []}
        for geom in np.flatnonzero(self._model.geom_bodyid == body).tolist():
            if self._model.geom_group[geom] < _HIDDEN_GROUPS:
                self._add(shapes, geom)
        nothing: dict[str, list[Json]] = {key: [] for key in ("metadata", "arrows", "lines", "triangles", "texts")}
        return {
            "timestamp": stamp(at_ns),
            "frame_id": self._name(body),
            "id": self._name(body),
            "lifetime": {"sec": 0, "nsec": 0},
            "frame_locked": True,
            **nothing,
            **shapes,
            "models": [],
        }

    def _add(self, shapes: dict[str, list[Json]], geom: int) -> None:
        """One geom; a kind that Foxglove has no shape for, as a mesh, becomes the box around it."""
        model, kinds = self._model, self._mujoco.mjtGeom
        at, turned, size = model.geom_pos[geom], model.geom_quat[geom], model.geom_size[geom]
        solid: Json = {"pose": pose(at, turned), "color": self._colour(geom)}
        match kinds(int(model.geom_type[geom])):
            case kinds.mjGEOM_SPHERE:
                shapes["spheres"].append(solid | {"size": vector([2 * size[0]] * 3)})
            case kinds.mjGEOM_ELLIPSOID:
                shapes["spheres"].append(solid | {"size": vector(2 * size)})
            case kinds.mjGEOM_BOX:
                shapes["cubes"].append(solid | {"size": vector(2 * size)})
            case kinds.mjGEOM_CYLINDER | kinds.mjGEOM_CAPSULE as kind:
                radius, half = size[:2]
                ends = {"size": vector((2 * radius, 2 * radius, 2 * half)), "bottom_scale": 1, "top_scale": 1}
                shapes["cylinders"].append(solid | ends)
                for side in (-1, 1) if kind == kinds.mjGEOM_CAPSULE else ():
                    end = np.zeros(3)
                    self._mujoco.mju_rotVecQuat(end, np.array([0, 0, side * half]), turned)
                    ball = {"pose": pose(at + end, turned), "size": vector([2 * radius] * 3)}
                    shapes["spheres"].append(solid | ball)
            case _:
                box = model.geom_aabb[geom]
                middle = np.zeros(3)
                self._mujoco.mju_rotVecQuat(middle, box[:3], turned)
                shapes["cubes"].append(solid | {"pose": pose(at + middle, turned), "size": vector(2 * box[3:])})

    def _colour(self, geom: int) -> Json:
        model = self._model
        material = int(model.geom_matid[geom])
        plain = np.all(model.geom_rgba[geom] == np.array([0.5, 0.5, 0.5, 1.0], np.float32))
        rgba = model.mat_rgba[material] if material >= 0 and plain else model.geom_rgba[geom]
        return {name: round(float(part), 3) for name, part in zip("rgba", rgba, strict=True)}
