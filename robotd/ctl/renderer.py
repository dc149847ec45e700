"""Pictures by MuJoCo's own renderer. Needs a working GL (MUJOCO_GL), so only the film's process makes one."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from robotd.ctl.camera import FOVY_DEG, Camera

_SAMPLES = 2  # per pixel and axis where `fine`; not every software GL can smooth edges by itself


class Renderer:
    """Draws poses of a model. `fine` costs about four times as much: for stills, not for video."""

    def __init__(self, model: Any, width: int, height: int, fine: bool) -> None:
        self._scale = _SAMPLES if fine else 1
        width, height = self._scale * width, self._scale * height
        model.vis.global_.fovy = FOVY_DEG
        model.vis.global_.offwidth = max(width, model.vis.global_.offwidth)
        model.vis.global_.offheight = max(height, model.vis.global_.offheight)
        quality = model.vis.quality
        quality.offsamples, quality.shadowsize = 0, 4096 if fine else 1024
        quality.numslices, quality.numstacks, quality.numquads = (28, 16, 4) if fine else (14, 8, 2)
        self._model, self._data = model, mujoco.MjData(model)
        self._renderer = mujoco.Renderer(model, height, width)
        self._camera = mujoco.MjvCamera()
        self._fine = fine

    def draw(self, qpos: NDArray[np.float64], camera: Camera) -> NDArray[np.uint8]:
        """The picture (height, width, 3) of the pose qpos (nq,)."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._camera.lookat[:] = camera.lookat
        self._camera.distance = camera.distance_m
        self._camera.azimuth, self._camera.elevation = camera.azimuth_deg, camera.elevation_deg
        self._renderer.update_scene(self._data, self._camera)
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = self._fine
        picture = Image.fromarray(self._renderer.render())
        return np.asarray(picture.reduce(self._scale) if self._scale > 1 else picture)

    def close(self) -> None:
        """Free the GL context."""
        self._renderer.close()
