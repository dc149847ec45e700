"""Reference motions on disk, and sampled in traced code."""

import math
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from contract import ConfigError, assets_dir
from trainer.motion.gait import GaitParams, provenance
from trainer.motion.reference import ReferenceMotion, load_reference, nearest_clip, sample, save_reference
from trainer.physics.robot_model import RobotModel


@pytest.fixture
def origin(robot: RobotModel) -> dict:
    return provenance(robot.config, GaitParams())


def test_a_motion_survives_the_disk(robot: RobotModel, walk: ReferenceMotion, origin: dict, tmp_path: Path) -> None:
    path = tmp_path / "a" / "walk.npz"
    save_reference(path, walk, origin)
    loaded, found = load_reference(path, robot.config)
    assert found == origin
    for before, after in zip(walk, loaded, strict=True):
        np.testing.assert_array_equal(before, after)
        assert after.dtype == np.float32


def test_other_joints_are_refused(robot: RobotModel, walk: ReferenceMotion, origin: dict, tmp_path: Path) -> None:
    path = tmp_path / "walk.npz"
    names = list(robot.config.actuator_names)
    save_reference(path, walk, origin | {"joint_names": names[::-1]})
    with pytest.raises(ConfigError, match="in this order"):
        load_reference(path, robot.config)
    save_reference(path, walk._replace(joint_pos=walk.joint_pos[..., :10]), origin)
    with pytest.raises(ConfigError, match="joint_pos has the shape"):
        load_reference(path, robot.config)
    save_reference(path, walk._replace(base_pos=walk.base_pos * np.nan), origin)
    with pytest.raises(ConfigError, match="not finite"):
        load_reference(path, robot.config)


def test_no_licence_no_file(walk: ReferenceMotion, origin: dict, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no licence"):
        save_reference(tmp_path / "walk.npz", walk, origin | {"licence": ""})
    assert not (tmp_path / "walk.npz").exists()


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04broken"])
def test_a_file_that_is_no_motion_is_refused(robot: RobotModel, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "walk.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"walk\.npz"):
        load_reference(path, robot.config)


def test_a_sample_at_a_frame_is_the_frame_and_between_frames_the_middle(walk: ReferenceMotion) -> None:
    traced = jax.jit(lambda clip, phase: sample(walk, clip, phase))
    step = 2 * math.pi / 32
    at = traced(1, 5 * step)
    np.testing.assert_allclose(at.joint_pos, walk.joint_pos[1, 5], atol=1e-5)
    np.testing.assert_allclose(at.base_linvel, walk.base_linvel[1, 5], atol=1e-4)
    last = traced(1, 31.5 * step)
    np.testing.assert_allclose(last.joint_pos, (walk.joint_pos[1, 31] + walk.joint_pos[1, 0]) / 2, atol=1e-5)
    np.testing.assert_allclose(traced(1, -0.5 * step).joint_pos, last.joint_pos, atol=1e-4)
    np.testing.assert_allclose(traced(1, 8 * step).contact, [0, 0, 1, 1])
    turned = walk._replace(base_quat=np.where(np.arange(32)[:, None] % 2, [1, 0, 0, 0], [0.6, 0.8, 0, 0])[None])
    assert np.linalg.norm(sample(turned, 0, 0.5 * step).base_quat) == pytest.approx(1, abs=1e-6)


def test_the_nearest_clip_is_found_when_traced(walk: ReferenceMotion) -> None:
    nearest = jax.jit(jax.vmap(lambda command: nearest_clip(walk, command)))
    asked = np.array([[0.02, 0.0, 0.0], [0.4, 0.0, 0.2], [0.1, 0.08, 0.0], [0.1, -0.3, 0.0]], np.float32)
    assert nearest(asked).tolist() == [0, 1, 2, 3]


def test_the_shipped_motion_is_for_this_robot(robot: RobotModel) -> None:
    path = assets_dir() / "motions" / "walk.npz"
    motion, found = load_reference(path, robot.config)
    assert path.stat().st_size < 300_000 and found["licence"]
    assert [0.0, 0.0, 0.0] in motion.command.tolist() and motion.command[:, 0].max() >= 0.19
    other = replace(robot.config, actuator_names=robot.config.actuator_names[::-1])
    with pytest.raises(ConfigError):
        load_reference(path, other)
