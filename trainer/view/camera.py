"""Poses of the robot as pictures, drawn by MuJoCo; call `graphics.choose_gl` before anything imports it."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
from PIL import Image

from contract import ConfigError

from ..physics.robot_model import RobotModel

INK = (27, 42, 65)


class Camera:
    """Draws poses of one robot from one side."""

    def __init__(
        self, robot: RobotModel, size: tuple[int, int], azimuth: float, elevation: float, distance: float
    ) -> None:
        self.robot, self.size = robot, size
        self._data = mujoco.MjData(robot.model)
        model = robot.model
        model.vis.global_.offwidth, model.vis.global_.offheight = 2 * size[0], 2 * size[1]
        self._renderer = mujoco.Renderer(model, 2 * size[1], 2 * size[0])
        self._camera = mujoco.MjvCamera()
        self._camera.azimuth, self._camera.elevation, self._camera.distance = azimuth, elevation, distance
        self._camera.lookat[:] = 0.0, 0.0, 0.33

    def draw(self, qpos: np.ndarray, look_at: tuple[float, float, float] | None = None) -> Image.Image:
        """The picture of a pose, twice as finely drawn as it is shown."""
        if look_at is not None:
            self._camera.lookat[:] = look_at
        self._data.qpos[:] = qpos
        mujoco.mj_forward(self.robot.model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        return Image.fromarray(self._renderer.render()).reduce(2)

    def joints_at(self) -> np.ndarray:
        """(J, 2) pixels of the joints in the picture drawn last."""
        joints = self.robot.model.actuator_trnid[self.robot.actuator, 0]
        one, two = self._renderer.scene.camera
        place, ahead, up = ((np.array(getattr(one, n)) + getattr(two, n)) / 2 for n in ("pos", "forward", "up"))
        arm = self._data.xanchor[joints] - place
        scale = one.frustum_near / (arm @ ahead) / one.frustum_top * self.size[1] / 2
        return np.stack([self.size[0] / 2 + arm @ np.cross(ahead, up) * scale, self.size[1] / 2 - arm @ up * scale], 1)

    def close(self) -> None:
        """Free the GL context."""
        self._renderer.close()


def save(picture: Image.Image, path: Path) -> None:
    """Write a small PNG. Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.quantize(128, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    except (OSError, ValueError) as problem:
        raise ConfigError(f"{path}: {problem}, expected a place for a .png; name another one") from None
