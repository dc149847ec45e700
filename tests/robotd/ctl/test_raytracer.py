"""The picture without GL shows the whole robot, where MuJoCo's single rays say that it is."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from film_set import load_stage

from robotd.ctl.camera import Camera
from robotd.ctl.raytracer import Raytracer

VIEW = Camera(np.array([0.0, 0.0, 0.33]), 1.4)


def test_every_pixel_sees_what_a_single_ray_sees() -> None:
    model = load_stage()
    width, height = 48, 60
    tracer = Raytracer(model, width, height, fine=False)
    tracer.draw(model.key("home").qpos, VIEW)
    geom, distance, _ = tracer._cast(VIEW.eye(), VIEW.rays(width, height))

    data = mujoco.MjData(model)
    data.qpos[:] = model.key("home").qpos
    mujoco.mj_forward(model, data)
    groups, found = np.array([1, 1, 1, 0, 0, 0], np.uint8), np.zeros(1, np.int32)
    for i, ray in enumerate(VIEW.rays(width, height)):
        single = mujoco.mj_ray(model, data, VIEW.eye(), ray, groups, 1, -1, found)
        assert (geom[i], distance[i]) == (found[0], pytest.approx(single)), f"pixel {i}"
    seen = {model.geom(int(i)).name for i in np.unique(geom[geom >= 0])}
    assert {"floor", "head", "torso", "pelvis", "left_thigh", "right_shank", "left_foot", "right_foot"} <= seen


def test_a_pose_changes_the_picture_and_a_finer_one_is_alike() -> None:
    model = load_stage()
    home, crouch = model.key("home").qpos, model.key("crouch").qpos
    coarse, fine = (Raytracer(model, 96, 120, fine=fine) for fine in (False, True))
    picture = coarse.draw(home, VIEW).astype(int)
    assert picture.shape == (120, 96, 3)
    assert np.std(picture) > 20
    changed = np.abs(coarse.draw(crouch, VIEW).astype(int) - picture).max(axis=2) > 30
    assert 0.02 < np.mean(changed) < 0.5
    smooth = fine.draw(home, VIEW).astype(int)
    assert smooth.shape == picture.shape
    assert np.mean(np.abs(smooth - picture)) < 6


def test_the_robot_throws_a_shadow_on_the_floor() -> None:
    model = load_stage()
    home = model.key("home").qpos
    away = home.copy()
    away[:2] = (30.0, 30.0)
    tracer = Raytracer(model, 96, 120, fine=False)
    with_robot, without = (tracer.draw(qpos, VIEW).astype(int) for qpos in (home, away))
    tracer.draw(home, VIEW)
    geom, _, _ = tracer._cast(VIEW.eye(), VIEW.rays(96, 120))
    floor = (geom == model.geom("floor").id).reshape(120, 96)
    darker = np.mean(without - with_robot, axis=2)[floor]
    assert np.max(darker) > 30
    assert np.median(np.abs(darker)) < 1
