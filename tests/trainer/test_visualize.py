"""Looking: frames are the episode's, arrows and colours say what they should, films open, the browser is served."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import imageio_ffmpeg
import mujoco
import numpy as np
import pytest
from PIL import Image
from standing_task import WALKING

from contract import ConfigError, assets_dir
from trainer.config import TrainConfig, load_train_config
from trainer.env import Env
from trainer.evaluate import evaluation_env
from trainer.motion.reference import nearest_clip
from trainer.view.browser import BrowserScene, shape, triangles
from trainer.view.film import check_output, choose
from trainer.view.frames import AFTER_FALL_S, Frame, Stage, blend, record
from trainer.view.ghost import ASIDE_M, COLOUR, Ghost
from trainer.view.graphics import draws
from trainer.view.window import check_display

JOINTS = 11
BUNDLE = assets_dir() / "bundles" / "walking"


@pytest.fixture(scope="module")
def shown_env(config: TrainConfig) -> Env:
    return evaluation_env(config, 2, 150, push_n=6.0, push_every_s=(0.2, 0.2))


@pytest.fixture(scope="module")
def films(shown_env: Env) -> list[list[Frame]]:
    """One robot that asks for home, and one that throws itself over."""

    def policy(obs: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(obs))[:, None] == 0, 0.0, 20.0).astype(np.float32) * np.ones((1, JOINTS))

    return record(shown_env, policy, seed=0)


def still(push: tuple[float, float, float] = (0, 0, 0), load: float = 0.0, touch: bool = False) -> Frame:
    qpos = np.zeros(7 + JOINTS)
    qpos[2], qpos[3] = 0.44, 1.0
    level = np.array([1.0, 0, 0, 0])
    command = np.array([0.4, 0, 0])
    return Frame(
        0.02, qpos, np.array(push, float), np.full(JOINTS, load), np.full(4, touch), command, 0.3, level, False
    )


def test_frames_are_in_order_and_end_a_second_after_a_fall(films: list[list[Frame]], shown_env: Env) -> None:
    for frames in films:
        assert np.allclose(np.diff([f.time_s for f in frames]), shown_env.config.ctrl_dt)
    fallen = films[1]
    fell_at = next(f.time_s for f in fallen if f.fell)
    assert fallen[-1].time_s == pytest.approx(fell_at + AFTER_FALL_S - shown_env.config.ctrl_dt)
    assert 0.3 < films[0][0].qpos[2] < 0.5 and fallen[-1].qpos[2] < 0.3


def test_pushes_and_touching_soles_are_seen(films: list[list[Frame]]) -> None:
    sizes = {round(float(np.linalg.norm(f.push)), 3) for f in films[0]}
    assert sizes == {0.0, 6.0}
    assert films[0][5].touch.all()


def test_stage_takes_the_pose_and_paints_load_and_touch(shown_env: Env) -> None:
    stage = Stage(shown_env.robot)
    knee = shown_env.robot.config.actuator_names.index("left_knee_pitch")
    stage.place(still())
    calm = stage.model.geom_rgba[stage.limbs[knee]].copy()
    stage.place(still(load=1.0, touch=True))
    hot = stage.model.geom_rgba[stage.limbs[knee]]
    assert all(len(geoms) for geoms in stage.limbs), "every joint has something to paint"
    assert np.all(hot[:, 0] > hot[:, 2] + 0.5) and not np.allclose(calm, hot)
    assert np.all(stage.model.geom_rgba[stage.soles, 2] > 0.8)
    assert stage.data.body("pelvis").xpos[2] == pytest.approx(0.44)
    stage.place(still())
    assert np.allclose(stage.model.geom_rgba[stage.limbs[knee]], calm), "colours do not add up"
    assert shown_env.robot.model.geom_rgba[stage.soles].sum() == pytest.approx(
        Stage(shown_env.robot).model.geom_rgba[stage.soles].sum()
    ), "the env's own model stays as it was"


def test_arrow_ends_at_the_robot_and_comes_from_where_it_is_pushed(shown_env: Env) -> None:
    stage = Stage(shown_env.robot)
    assert stage.arrow(still()) is None
    ends = stage.arrow(still(push=(0, 10, 0)))
    assert ends is not None
    tail, tip = ends
    assert np.allclose(tip[:2], 0) and np.allclose(tip - tail, [0, 0.3, 0])


def test_blend_keeps_opacity() -> None:
    assert np.allclose(blend(np.array([0, 0, 0, 0.5]), np.array([1.0, 1, 1]), 0.25), [0.25, 0.25, 0.25, 0.5])


def test_strip_shows_pushes() -> None:
    frames = [still(push=(9, 0, 0) if 52 <= k < 62 else (0, 0, 0)) for k in range(200)]
    chosen = choose(frames)
    assert 57 in chosen and chosen[0] == 0 and chosen[-1] == 199 and len(chosen) <= 10
    assert choose(frames[:3]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("kind", "size", "extent"),
    [
        ("box", (0.1, 0.2, 0.3), (0.2, 0.4, 0.6)),
        ("capsule", (0.1, 0.2, 0), (0.2, 0.2, 0.6)),
        ("cylinder", (0.1, 0.2, 0), (0.2, 0.2, 0.4)),
        ("sphere", (0.1, 0, 0), (0.2, 0.2, 0.2)),
        ("ellipsoid", (0.1, 0.2, 0.3), (0.2, 0.4, 0.6)),
    ],
)
def test_meshes_have_mujocos_sizes_about_the_origin(kind: str, size: tuple[float, ...], extent: tuple) -> None:
    vertices, faces = shape(int(getattr(mujoco.mjtGeom, f"mjGEOM_{kind.upper()}")), np.array(size))
    assert np.allclose(np.ptp(vertices, axis=0), extent, rtol=0.02)
    assert np.allclose(vertices.max(0) + vertices.min(0), 0, atol=1e-3)
    assert faces.max() == len(vertices) - 1


def test_a_geom_that_has_no_mesh_is_refused() -> None:
    with pytest.raises(ConfigError, match="mjGEOM_HFIELD: cannot be shown"):
        shape(int(mujoco.mjtGeom.mjGEOM_HFIELD), np.ones(3))


def test_a_mesh_is_shown_where_mujoco_has_it() -> None:
    corners = [(x, y, z) for x in (0, 0.2) for y in (0, 0.4) for z in (0, 0.6)]
    text = " ".join(f"{x} {y} {z}" for x, y, z in corners)
    asset, geom = f'<asset><mesh name="m" vertex="{text}"/></asset>', '<geom type="mesh" mesh="m"/>'
    model = mujoco.MjModel.from_xml_string(f"<mujoco>{asset}<worldbody>{geom}</worldbody></mujoco>")
    vertices, faces = triangles(model, 0)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    placed = vertices @ data.geom_xmat[0].reshape(3, 3).T + data.geom_xpos[0]
    assert np.allclose(sorted(map(tuple, placed.round(6) + 0.0)), sorted(corners), atol=1e-5)
    assert len(faces) == 12 and faces.max() == len(vertices) - 1


def test_browser_is_served_and_follows(shown_env: Env, films: list[list[Frame]]) -> None:
    scene = BrowserScene(shown_env.robot, 0)
    try:
        page = urllib.request.urlopen(scene.url, timeout=10).read()
        assert b"<html" in page
        pushed = next(f for f in films[0] if np.any(f.push))
        scene.show(pushed)
        pelvis = shown_env.robot.base_body
        assert np.allclose(scene._bodies[pelvis].position, pushed.qpos[:3])
        assert scene._arrow.visible
        scene.show(films[0][0])
        assert not scene._arrow.visible
        drawn = {shown_env.robot.model.geom(g).name for g in scene._meshes}
        assert "left_toe" in drawn and not {"left_flank", "floor"} & drawn
    finally:
        scene.close()


@pytest.mark.parametrize(("name", "sentence"), [("a.gif", r"ending '\.gif'"), ("no/where/a.png", "no such folder")])
def test_outputs_that_cannot_be_are_refused(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        check_output(Path(name))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no DISPLAY")
def test_without_a_display_the_other_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=r"--headless --output FILE\.mp4, or --browser"):
        check_display()


@pytest.mark.skipif(sys.platform != "linux", reason="EGL and OSMesa are Linux's")
@pytest.mark.parametrize("name", ["film.mp4", "strip.png"])
def test_headless_writes_what_can_be_opened(tmp_path: Path, name: str) -> None:
    if not any(map(draws, ("egl", "osmesa"))):
        pytest.skip("neither EGL nor OSMesa draws here")
    out = tmp_path / name
    words = ["--bundle", BUNDLE, "--headless", "--num-episodes", "1", "--num-steps", "50", "--output", out]
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
    done = subprocess.run(
        [sys.executable, "-m", "trainer", "visualize", *map(str, words)],
        capture_output=True, text=True, timeout=300, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if name.endswith(".png"):
        picture = np.asarray(Image.open(out))
        assert picture.shape[1] > 5 * 300 and picture.std() > 10
        return
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(out))
    assert frames == 25 and seconds == pytest.approx(1.0, abs=0.1)


def test_a_ghost_walks_at_its_side_as_the_reference_does(walking: Env) -> None:
    env = evaluation_env(load_train_config(WALKING), 1, 30, command=(0.4, 0.0, 0.0))
    films = record(env, lambda obs: np.zeros((len(obs), JOINTS), np.float32), seed=0, ghost=True)
    ghosts = np.array([f.ghost for f in films[0]])
    joints = ghosts[:, env.robot.qpos]
    clip = np.asarray(walking.motion.joint_pos[int(nearest_clip(walking.motion, np.array([0.4, 0, 0])))])
    assert ((joints > clip.min(0) - 1e-3) & (joints < clip.max(0) + 1e-3)).all()
    assert np.allclose(np.ptp(joints, axis=0), np.ptp(clip, axis=0), rtol=0.15, atol=0.01), "a whole cycle of it"
    apart = ghosts[:, :2] - np.array([f.qpos[:2] for f in films[0]])
    assert np.allclose(np.linalg.norm(apart, axis=1), ASIDE_M, atol=1e-6) and (apart[:10, 1] > 0.4).all()
    assert record(env, lambda obs: np.zeros((len(obs), JOINTS), np.float32), seed=0)[0][0].ghost is None


def test_a_ghost_is_drawn_only_where_there_is_one(shown_env: Env) -> None:
    ghost, stage = Ghost(shown_env.robot), Stage(shown_env.robot)
    scene = mujoco.MjvScene(stage.model, 500)
    ghost.draw(scene, None)
    assert scene.ngeom == 0
    pose = still().qpos + np.eye(7 + JOINTS)[1]
    ghost.draw(scene, pose)
    drawn = [scene.geoms[n] for n in range(scene.ngeom)]
    assert len(drawn) > JOINTS and all(geom.rgba[3] == pytest.approx(COLOUR[3]) for geom in drawn)
    assert all(0.7 < geom.pos[1] < 1.3 for geom in drawn), "and no floor"


def test_the_browsers_ghost_hides_without_a_pose(shown_env: Env) -> None:
    scene = BrowserScene(shown_env.robot, 0)
    try:
        assert not scene._ghost_bodies[1].visible
        scene.show(still()._replace(ghost=still().qpos + np.eye(7 + JOINTS)[1]))
        pelvis = shown_env.robot.base_body
        assert scene._ghost_bodies[pelvis].visible and scene._ghost_bodies[pelvis].position[1] == pytest.approx(1.0)
        scene.show(still())
        assert not scene._ghost_bodies[pelvis].visible
    finally:
        scene.close()
