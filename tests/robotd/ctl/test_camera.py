"""The camera's two directions agree: what is drawn along a pixel's ray is annotated at that pixel."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from film_set import load_stage, make_recording

from robotd.ctl.camera import Camera, cameras


@pytest.mark.parametrize("pixel", [(0, 0), (319, 239), (160, 120), (17, 201)])
def test_a_point_on_a_ray_is_projected_onto_its_pixel(pixel: tuple[int, int]) -> None:
    camera = Camera(np.array([0.3, -0.2, 0.4]), 1.4)
    ray = camera.rays(320, 240).reshape(240, 320, 3)[pixel[1], pixel[0]]
    assert np.linalg.norm(ray) == pytest.approx(1.0)
    x, y = camera.project(camera.eye() + 2.7 * ray, 320, 240)
    assert (x, y) == pytest.approx((pixel[0] + 0.5, pixel[1] + 0.5))


def test_what_it_looks_at_is_in_the_middle_and_up_is_up() -> None:
    camera = Camera(np.array([1.0, 2.0, 0.4]), 1.4)
    assert camera.project(camera.lookat, 320, 240) == pytest.approx((160, 120))
    assert camera.project(camera.lookat + np.array([0, 0, 0.1]), 320, 240)[1] < 120


def test_it_glides_along_with_the_base_and_keeps_its_distance() -> None:
    model = load_stage()
    recording = make_recording(300)
    recording.qpos[:, 0] = np.where(np.arange(300) < 150, 0.0, 1.0)
    views = cameras(model, mujoco.MjData(model), recording.qpos, 50, 0.02)
    x = np.array([view.lookat[0] for view in views])
    assert x[0] == pytest.approx(0.0) and x[-1] == pytest.approx(1.0)
    assert np.max(np.diff(x)) < 0.05  # the base jumped, the camera does not
    assert len({view.distance_m for view in views}) == 1
    assert 1.0 < views[0].distance_m < 2.0
