"""A camera that follows the robot, the same for both renderers and for what is written over their pictures."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FOVY_DEG = 42.0
AZIMUTH_DEG, ELEVATION_DEG = 140.0, -13.0
_DISTANCE_IN_HEIGHTS = 1.9
_SMOOTHING_S = 1.0


class Camera(NamedTuple):
    """A free camera in MuJoCo's words: it looks along azimuth and elevation at `lookat` (3,) m from a distance."""

    lookat: NDArray[np.float64]
    distance_m: float
    azimuth_deg: float = AZIMUTH_DEG
    elevation_deg: float = ELEVATION_DEG

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors forward, right and up (3,) in the world."""
        azimuth, elevation = math.radians(self.azimuth_deg), math.radians(self.elevation_deg)
        level = math.cos(elevation)
        forward = np.array([math.cos(azimuth) * level, math.sin(azimuth) * level, math.sin(elevation)])
        right = np.array([math.sin(azimuth), -math.cos(azimuth), 0.0])
        return forward, right, np.cross(right, forward)

    def eye(self) -> NDArray[np.float64]:
        """Where it stands, (3,) m."""
        return np.asarray(self.lookat - self.distance_m * self.axes()[0])

    def rays(self, width: int, height: int) -> NDArray[np.float64]:
        """Unit directions (height * width, 3) through the middle of every pixel, row by row from the top."""
        forward, right, up = self.axes()
        slope = math.tan(math.radians(FOVY_DEG / 2))
        x = slope * (2 * (np.arange(width) + 0.5) - width) / height
        y = slope * (1 - 2 * (np.arange(height) + 0.5) / height)
        rays = forward + x[None, :, None] * right + y[:, None, None] * up
        return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True)).reshape(-1, 3)

    def project(self, point: NDArray[np.float64], width: int, height: int) -> tuple[float, float]:
        """The pixel (x, y) at which a point (3,) m appears."""
        forward, right, up = self.axes()
        offset = point - self.eye()
        scale = height / (2 * math.tan(math.radians(FOVY_DEG / 2)) * max(float(offset @ forward), 1e-3))
        return width / 2 + float(offset @ right) * scale, height / 2 - float(offset @ up) * scale


def cameras(model: Any, data: Any, qpos: NDArray[np.float64], standing: int, period_s: float) -> list[Camera]:
    """One camera for every row of qpos (T, nq), gliding along with the robot's base.

    How far off it is depends on how tall the robot stands in row `standing`.
    """
    import mujoco

    data.qpos[:] = qpos[standing]
    mujoco.mj_kinematics(model, data)
    robot = model.geom_bodyid > 0
    height_m = float(np.max((data.geom_xpos[:, 2] + model.geom_rbound)[robot], initial=0.3))
    floating = model.njnt > 0 and model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE
    base_m = qpos[:, :2] if floating else np.zeros((len(qpos), 2))
    half = max(1, round(_SMOOTHING_S / period_s / 2))
    padded = np.pad(base_m, ((half, half), (0, 0)), mode="edge")
    kernel = np.full(2 * half + 1, 1 / (2 * half + 1))
    path_m = np.stack([np.convolve(padded[:, i], kernel, mode="valid") for i in range(2)], axis=1)
    distance_m = _DISTANCE_IN_HEIGHTS * height_m
    return [Camera(np.array([x, y, 0.47 * height_m]), distance_m) for x, y in path_m]
