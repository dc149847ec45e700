"""Pictures without any GL: rays through MuJoCo's kinematics, one light, one shadow. For machines that have no GL."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robotd.ctl.camera import Camera

_SUN_M = np.array([2.0, -3.5, 6.0])  # from what the camera looks at
Float64 = NDArray[np.float64]
_SKY_TOP, _SKY_LOW = np.array([110.0, 155.0, 205.0]), np.array([236.0, 241.0, 243.0])
_FLOOR = np.array([[206.0, 222.0, 208.0], [184.0, 203.0, 187.0]])
_TILE_M = 0.25
_FAR_M = 60.0
_VISIBLE = np.array([1, 1, 1, 0, 0, 0], np.uint8)
_SAMPLES = 2  # per pixel and axis where `fine`


class Raytracer:
    """Draws poses of a model, with the same face as `Renderer`. `fine` smooths the edges at four times the cost."""

    def __init__(self, model: Any, width: int, height: int, fine: bool) -> None:
        self._model, self._data = model, mujoco.MjData(model)
        self._scale = _SAMPLES if fine else 1
        self._width, self._height = width * self._scale, height * self._scale
        material = model.geom_matid
        plain = np.all(model.geom_rgba == np.array([0.5, 0.5, 0.5, 1.0], np.float32), axis=1) & (material >= 0)
        colour = np.where(plain[:, None], model.mat_rgba[material] if model.nmat else 0, model.geom_rgba)
        self._colour = 255 * colour[:, :3].astype(np.float64)
        self._plane = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE
        _widen_bounds(model)

    def draw(self, qpos: Float64, camera: Camera) -> NDArray[np.uint8]:
        """The picture (height, width, 3) of the pose qpos (nq,)."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        eye, rays = camera.eye(), camera.rays(self._width, self._height)
        geom, distance, normal = self._cast(eye, rays)
        floor_m = np.where(rays[:, 2] < 0, eye[2] / np.maximum(-rays[:, 2], 1e-9), np.inf)
        on_floor = ((geom < 0) | self._plane[geom]) & (floor_m < _FAR_M)
        on_robot = (geom >= 0) & ~self._plane[geom]
        distance = np.where(on_robot, distance, np.where(on_floor, floor_m, _FAR_M))
        point = eye + rays * distance[:, None]

        picture = self._sky(rays)
        normal = np.where(on_robot[:, None], normal, np.array([0, 0, 1.0]))
        sun = camera.lookat + _SUN_M
        light = self._light(sun, point, normal, on_robot | (on_floor & (distance < 4 * camera.distance_m)))
        tile = (np.floor(point[:, 0] / _TILE_M) + np.floor(point[:, 1] / _TILE_M)).astype(int) % 2
        haze = np.exp(-np.maximum(distance - camera.distance_m, 0) / (5 * camera.distance_m))[:, None]
        floor = _FLOOR[tile] * light[:, None] * haze + _SKY_LOW * (1 - haze)
        picture[on_floor] = floor[on_floor]
        rim = 1 - np.abs(np.sum(normal * rays, axis=1))
        robot = self._colour[geom] * light[:, None] * (1 - 0.25 * rim**2)[:, None] + 18 * light[:, None]
        picture[on_robot] = robot[on_robot]
        picture = picture.reshape(self._height, self._width, 3)
        if self._scale > 1:
            s = self._scale
            picture = picture.reshape(self._height // s, s, self._width // s, s, 3).mean(axis=(1, 3))
        return np.clip(picture, 0, 255).astype(np.uint8)

    def close(self) -> None:
        """Nothing to free."""

    def _sky(self, rays: Float64) -> Float64:
        height = np.clip(rays[:, 2] * 3, 0, 1)[:, None]
        return np.asarray(_SKY_LOW * (1 - height) + _SKY_TOP * height)

    def _light(self, sun: Float64, point: Float64, normal: Float64, near: NDArray[np.bool_]) -> Float64:
        """How bright each point (N, 3) is: ambient, plus the sun where it is seen."""
        to_sun = sun - point
        away = np.linalg.norm(to_sun, axis=1)
        to_sun /= away[:, None]
        facing = np.maximum(np.sum(normal * to_sun, axis=1), 0)
        seen = np.ones(len(point))
        chosen = np.flatnonzero(near & (facing > 0))
        if len(chosen):
            geom, first, _ = self._cast(sun, -to_sun[chosen])
            hidden = (geom >= 0) & ~self._plane[geom] & (first < away[chosen] - 0.004)
            seen[chosen[hidden]] = 0
        sky = 0.5 + 0.5 * normal[:, 2]
        return np.asarray(0.42 + 0.16 * sky + 0.5 * facing * seen)

    def _cast(self, origin: Float64, rays: Float64) -> tuple[NDArray[np.int32], Float64, Float64]:
        """What each ray (N, 3) hits first: geom (N,) or -1, distance (N,) m, normal (N, 3)."""
        count = len(rays)
        geom, distance, normal = np.empty(count, np.int32), np.empty(count), np.zeros(3 * count)
        mujoco.mj_multiRay(
            self._model, self._data, origin, rays.reshape(-1), _VISIBLE, 1, -1, geom, distance, normal, count, _FAR_M
        )
        return geom, distance, normal.reshape(-1, 3)


def _widen_bounds(model: Any) -> None:
    """Let the bounding box of each body hold all its geoms: MuJoCo's holds only those that collide, and rays that miss
    it see none of the others."""
    for body in range(1, model.nbody):  # the world's own, with the floor, is right
        geoms = np.flatnonzero(model.geom_bodyid == body)
        reach = np.linalg.norm(model.geom_pos[geoms] - model.body_ipos[body], axis=1) + model.geom_rbound[geoms]
        radius = float(np.max(reach, initial=0.0))
        if model.body_bvhadr[body] >= 0:
            model.bvh_aabb[model.body_bvhadr[body]] = (0, 0, 0, radius, radius, radius)
